"""Rows that hang together without the recipe knowing: a person, a document, a device behind several rows.

Such rows on both sides of a split make a test too easy, and intervals that take them for independent
are too narrow. A column is pointed at for its name, or for its values: many of them, each on a few
rows whose labels agree more often than chance.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable

import numpy as np
import pandas as pd

from ftkit.data import names
from ftkit.data.columns import GOLD, plain
from ftkit.data.guess import CJK, NUMBER
from ftkit.data.names import many
from ftkit.data.table import Finding
from ftkit.recipe import Recipe

FEWEST_UNITS = 10
"""tested units below which no interval and no verdict is given"""
VALUES = 20
"""different values from which a column without a telling name may hold identifiers"""
ROWS_EACH = 20
"""rows of each value, on average, up to which it may"""
AGREEMENT = 0.1
"""how far towards full agreement the labels of one value must be above chance"""
CERTAIN = 4.0
"""standard errors that this must be, as many columns are looked at"""


def check(frame: pd.DataFrame, recipe: Recipe) -> list[Finding]:
    """Columns of a training table that should be the unit, when the recipe names none."""
    data = recipe.data
    if data.unit is not None:
        return []
    columns = recipe.task.columns()
    gold = [column for column in columns.get(GOLD, ()) if column in frame]
    inputs = [column for key, some in columns.items() if key != GOLD for column in some if column in frame]
    taken = {*gold, *inputs, data.group, data.annotator, data.split}
    found = []
    for column in frame.columns if inputs else ():
        if column in taken or names.says(column, names.SPLIT):
            continue
        what = _named(frame, column, inputs, gold) if names.may_hang(column) else _like_ids(frame, column, inputs, gold)
        if what:
            found.append(Finding("warning", "unit", what, f"--unit {shlex.quote(str(column))}"))
    return found


def check_tested(units: Iterable[str | None]) -> list[Finding]:
    """Whether the tested rows, one entry each, are of enough units for a verdict."""
    known = pd.Series(list(units), dtype=object)
    number = known.nunique() + int(known.isna().sum())
    if known.isna().all() or number >= FEWEST_UNITS:
        return []
    what = f"the test rows are of {many(number, 'unit')}: fewer than {FEWEST_UNITS} give no interval and no verdict"
    return [Finding("warning", "units", what, "add test rows of more units")]


def _named(frame: pd.DataFrame, column: str, inputs: list[str], gold: list[str]) -> str:
    """What to say of a column with the name of a unit in which several different texts share a value."""
    cells = _cells(frame, column)
    values = cells.nunique()
    if not _repeats(cells, values) or not _various(frame, cells, values, inputs):
        return ""
    if gold:
        pairs = _distinct(frame, cells, gold)
        if pairs == values == len(frame[gold].astype(str).drop_duplicates()):
            return ""  # another name of the label
    rows = len(frame) / values
    return f"column {column!r} looks like a unit: {values:,} values with about {rows:.0f} rows each, {TORN}"


TORN = "and the splits tear them apart"


def _like_ids(frame: pd.DataFrame, column: str, inputs: list[str], gold: list[str]) -> str:
    """What to say of a column whose values behave like identifiers, whatever its name is."""
    if names.like_label(column) or names.says(column, names.ORIGIN) or len(gold) != 1:
        return ""
    cells = _cells(frame, column)
    values = cells.nunique()
    if values < VALUES or len(cells) > ROWS_EACH * values or not _repeats(cells, values) or _quantity_or_prose(cells):
        return ""
    if not _various(frame, cells, values, inputs):
        return ""
    together, chance, error = agreement(cells, frame[gold[0]].astype(str))
    if together == 1 and not cells.dropna().str.contains(r"\d").all():
        return ""  # finer names of the labels
    if together - chance < max(AGREEMENT * (1 - chance), CERTAIN * error):
        return ""
    rows = f"{values:,} values with about {len(cells) / values:.0f} rows each"
    return (
        f"column {column!r} repeats like an identifier: {rows}, whose labels agree in {together:.0%} of pairs "
        f"({chance:.0%} by chance), {TORN}"
    )


def agreement(cells: pd.Series, labels: pd.Series) -> tuple[float, float, float]:
    """How often two rows of one value share their label, how often any two rows do, and the error of the first."""
    known = cells.notna().to_numpy()
    value, label = pd.factorize(cells[known])[0], pd.factorize(labels.to_numpy()[known])[0]
    of_value = np.bincount(value)
    of_both = np.unique(value.astype(np.int64) * (label.max() + 1) + label, return_counts=True)[1]
    within = _pairs(of_value)
    chance = _pairs(np.bincount(label)) / _pairs(np.array([len(value)]))
    return _pairs(of_both) / within, chance, float((chance * (1 - chance) / within) ** 0.5)


def _pairs(counts: np.ndarray) -> float:
    return float((counts * (counts - 1.0)).sum() / 2)


def _cells(frame: pd.DataFrame, column: str) -> pd.Series:
    return pd.Series(plain(frame, column), dtype=object)


def _repeats(cells: pd.Series, values: int) -> bool:
    """Whether most rows have a value, and most values several rows."""
    return bool(2 <= values <= len(cells) / 2 and cells.isna().mean() <= 0.1)


def _various(frame: pd.DataFrame, cells: pd.Series, values: int, inputs: list[str]) -> bool:
    """Whether values have several texts; copies of one text stay together anyway."""
    return _distinct(frame, cells, inputs) >= 1.5 * values


def _distinct(frame: pd.DataFrame, cells: pd.Series, columns: list[str]) -> int:
    beside = pd.DataFrame({name: frame[name].astype(str).to_numpy() for name in columns}).assign(cells=cells)
    return len(beside.drop_duplicates())


def _quantity_or_prose(cells: pd.Series) -> bool:
    """Measured numbers, or sentences: neither stands for someone."""
    some = cells.dropna().drop_duplicates()
    numbers = some.map(lambda cell: bool(NUMBER.fullmatch(cell))).mean()
    words = some.map(lambda cell: len(cell.split()) + len(CJK.findall(cell)) / 2).mean()
    return bool(numbers > 0.5 or words > 4)
