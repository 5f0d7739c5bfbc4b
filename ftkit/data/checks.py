"""What the rows give away before training: copies, contradictions, unusable rows."""

from __future__ import annotations

from collections import Counter

import pandas as pd

from ftkit.data import label_checks, names
from ftkit.data.gold import are_numbers, labels_of
from ftkit.data.sampling import MERGED
from ftkit.data.table import Finding
from ftkit.recipe import Recipe


def check_rows(frame: pd.DataFrame, recipe: Recipe) -> list[Finding]:
    """Findings on usable rows with their official splits (`train` where there are none)."""
    counts = label_counts(frame)
    merged = MERGED if recipe.data.rare == "merge" else None
    rows = int((frame["split"] == "train").sum())
    labelled = recipe.task.kind in ("label", "labels")
    found = label_checks.check(counts, rows, recipe.evaluate.metrics, merged) if labelled else []
    return [*_conflicts(frame), *_copies(frame), *found]


def label_counts(frame: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Split -> label -> rows that carry it, labels sorted; nothing where numbers are predicted."""
    counts: dict[str, dict[str, int]] = {}
    if are_numbers(frame["gold"]):
        return counts
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
    kind = "numbers" if are_numbers(torn["gold"]) else "labels"
    what = f"different {kind} for one text: {texts} in {names.many(len(torn), 'row')}"
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
