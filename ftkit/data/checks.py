"""What the rows give away before training: copies, contradictions, unusable rows, a hidden unit."""

from __future__ import annotations

import shlex
from collections import Counter

import pandas as pd

from ftkit.data import label_checks, names
from ftkit.data.columns import GOLD, plain
from ftkit.data.sampling import MERGED, labels_of
from ftkit.data.table import Finding
from ftkit.recipe import Recipe


def check_rows(frame: pd.DataFrame, recipe: Recipe) -> list[Finding]:
    """Findings on usable rows with their official splits (`train` where there are none)."""
    counts = label_counts(frame)
    merged = MERGED if recipe.data.rare == "merge" else None
    rows = int((frame["split"] == "train").sum())
    found = label_checks.check(counts, rows, recipe.evaluate.metrics, merged)
    return [*_conflicts(frame), *_copies(frame), *found]


def label_counts(frame: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Split -> label -> rows that carry it, labels sorted."""
    counts = {}
    for split, gold in frame.groupby("split", sort=False)["gold"]:
        found = Counter(label for item in gold for label in labels_of(item))
        counts[str(split)] = dict(sorted(found.items()))
    return counts


def contradictions(frame: pd.DataFrame) -> pd.Series:
    """Rows of near-equal texts with several labels, by their positions: the number of the text that each is of.

    No contradiction where the annotator or the unit differs.
    """
    copies = frame[frame["content"].duplicated(keep=False)]
    if copies.empty:
        return pd.Series(dtype="int64")
    keys = [copies["content"], copies["unit"].fillna(""), copies["annotator"].fillna("")]
    groups = pd.Series(pd.factorize(copies["gold"])[0], index=copies.index).groupby(keys)
    numbers = groups.ngroup()
    return numbers[groups.transform("nunique") > 1]


def _conflicts(frame: pd.DataFrame) -> list[Finding]:
    """One text, several labels."""
    torn = frame.loc[contradictions(frame).index]
    if torn.empty:
        return []
    first = torn[torn["content"] == torn["content"].iloc[0]]
    first = first[~pd.Series(pd.factorize(first["gold"])[0], index=first.index).duplicated()].head(2)
    places = " and ".join(f"{source}:{line}" for source, line in zip(first["source"], first["line"], strict=True))
    texts = names.many(torn["content"].nunique(), "text")
    what = f"different labels for one text: {texts} in {names.many(len(torn), 'row')}"
    hint = f"look at {places}; where several people labelled: --set data.annotator=COLUMN"
    return [Finding("warning", "conflicting labels", what, hint)]


def _copies(frame: pd.DataFrame) -> list[Finding]:
    found = []
    for split, content in frame.groupby("split", sort=False)["content"]:
        again = int(content.duplicated().sum())
        if again:
            what = f"near-equal to an earlier one: {again:,} of {names.many(len(content), f'{split} row')}"
            hint = "copies count several times in scores and training: take out those that are there by mistake"
            found.append(Finding("note", "duplicates", what, hint))
    return found


def check_unit(frame: pd.DataFrame, recipe: Recipe) -> list[Finding]:
    """Columns of a training table that should be the unit, when the recipe names none."""
    data = recipe.data
    if data.unit is not None:
        return []
    columns = recipe.task.columns()
    gold = [column for column in columns.get(GOLD, ()) if column in frame]
    inputs = [column for key, some in columns.items() if key != GOLD for column in some if column in frame]
    taken = {*gold, *inputs, data.group, data.annotator, data.split}
    found = []
    for column in frame.columns:
        if column not in taken and names.like_unit(column) and inputs:
            values = _repeats(frame, column, inputs, gold)
            if values:
                what = (
                    f"column {column!r} looks like a unit: {values:,} values with about "
                    f"{len(frame) / values:.0f} rows each, and the splits tear them apart"
                )
                found.append(Finding("warning", "unit", what, f"--unit {shlex.quote(str(column))}"))
    return found


def _repeats(frame: pd.DataFrame, column: str, inputs: list[str], gold: list[str]) -> int:
    """Distinct values of a column in which several different texts share each value; else 0."""
    cells = pd.Series(plain(frame, column), dtype=object)
    values = cells.nunique()
    if not 2 <= values <= len(frame) / 2 or cells.isna().mean() > 0.1:
        return 0
    beside = pd.DataFrame({name: frame[name].astype(str).to_numpy() for name in [*inputs, *gold]}).assign(cells=cells)
    if len(beside[["cells", *inputs]].drop_duplicates()) < 1.5 * values:
        return 0  # each value has one text, whose copies stay together anyway
    if gold and len(beside[["cells", *gold]].drop_duplicates()) == values == len(beside[gold].drop_duplicates()):
        return 0  # another name of the label
    return values
