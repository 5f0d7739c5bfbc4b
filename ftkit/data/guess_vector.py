"""Which columns hold numbers to predict from, and which are a position: judged by cells and names."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np
import pandas as pd

from ftkit.data import names
from ftkit.data.guess import SAMPLE, guess_number, guess_text
from ftkit.data.measured import floor_number, pairs
from ftkit.data.numbers import NOTHING, numbers

ACROSS = names.listed("x xm xcoord coordx posx positionx east easting ecoord longitude lon lng long 经度")
UP = names.listed("y ym ycoord coordy posy positiony north northing ncoord latitude lat 纬度")
DEGREES = names.listed("longitude lon lng long latitude lat 经度 纬度")
STOREY = names.listed("floor floors storey story level floorid etage 楼层")
QUIET, LOUD = -130.0, 0.0
"""dBm between which a received strength lies"""
GAP = 5.0
"""dB below the weakest signal at which a number is none"""
FEWEST = 4
"""columns of numbers from which a position may be told by them"""
MOST_FLOORS = 60
STEM = re.compile(r"(.*?\D)\d+")


@dataclass(frozen=True)
class Vectors:
    """How a table holds numbers: `layout` columns or pairs, what is predicted from `inputs`, and how sure that is."""

    layout: str
    inputs: tuple[str, ...]
    label: tuple[str, ...]
    floor: str | None
    position: bool
    fit: float
    why: str
    ratings: bool = False


def guess_vectors(frame: pd.DataFrame) -> Vectors | None:
    """The likeliest reading; None where there are no numbers to predict from, or none to predict."""
    sample = frame.iloc[:: max(1, len(frame) // 200)]
    numeric = [str(name) for name in frame if is_numeric(sample[name])]
    listed = [str(name) for name in frame if _holds_pairs(sample[name])]
    across, up = (next((name for name in numeric if plain(name) in kind), None) for kind in (ACROSS, UP))
    if across and up:
        return _position(frame, numeric, listed, (across, up))
    return None if listed or guess_text(frame) else _numbers(frame, numeric)


def _position(
    frame: pd.DataFrame, numeric: Sequence[str], listed: Sequence[str], place: tuple[str, str]
) -> Vectors | None:
    floor = next((str(name) for name in frame if _is_floor(str(name), frame[name])), None)
    rest = [name for name in numeric if name not in (*place, floor)]
    if listed:
        why = f"{listed[0]} holds pairs of a name and a number; {place[0]} and {place[1]} are a position"
        return Vectors("pairs", (listed[0],), place, floor, True, 0.97, why)
    heard = radio(frame, rest)
    inputs = heard or [name for name in rest if _measures(name)]
    if len(inputs) < FEWEST:
        return None
    what = "signal strengths" if heard else "numbers"
    why = f"{len(inputs)} columns of {what}; {place[0]} and {place[1]} are a position"
    return Vectors("columns", tuple(inputs), place, floor, True, 0.97 if heard else 0.7, why)


def _numbers(frame: pd.DataFrame, numeric: Sequence[str]) -> Vectors | None:
    """Any table of numbers; what is asked for is the column that is named like it, else the last."""
    guesses = {one.column: one for one in guess_number(frame, "")}
    if not guesses or len(numeric) < 2:
        return None
    named = next((name for name in guesses if names.like_label(name)), None)
    label = named or next(name for name in reversed(numeric) if name in guesses)
    inputs = [name for name in numeric if name != label and _measures(name)]
    if not inputs:
        return None
    ratings, said = guesses[label].ratings, "named like what is asked for" if named else "the last column of numbers"
    why = f"{len(inputs)} columns of numbers; number to predict: {label} ({said})"
    return Vectors("columns", tuple(inputs), (label,), None, False, 0.2 if ratings else 0.45, why, ratings)


def plain(name: str) -> str:
    """A name without what parts its words: `Pos_X` gives posx."""
    return "".join(names.words(name))


def is_numeric(cells: pd.Series) -> bool:
    """Whether nearly all filled cells are numbers."""
    filled = ~cells.astype(str).str.strip().str.lower().isin(NOTHING)
    return bool(filled.any() and np.isfinite(numbers(cells[filled])).mean() > 0.9)


def radio(frame: pd.DataFrame, columns: Sequence[str]) -> list[str]:
    """Columns that hold nothing but strengths in dBm, and one number that stands for not heard."""
    if not columns:
        return []
    values = np.column_stack([numbers(frame[name].iloc[:SAMPLE]) for name in columns])
    strengths, missing = (values >= QUIET) & (values < LOUD), np.isnan(values)
    others, counts = np.unique(values[~strengths & ~missing], return_counts=True)
    silent = (values == others[counts.argmax()]) if len(others) else missing
    fits = (strengths | missing | silent).all(axis=0)
    heard = [name for name, fit in zip(columns, fits, strict=True) if fit]
    return heard if len(heard) >= FEWEST and strengths[:, fits].any() else []


def not_heard(values: np.ndarray) -> float | None:
    """The number that stands for not heard, of strengths (rows, columns); None where none does.

    It is the only one above all strengths (100); or it lies below them (-110), apart from them or commoner than any.
    """
    found, counts = np.unique(values[np.isfinite(values)], return_counts=True)
    above = found > LOUD
    if len(found) < 3 or above.sum() > 1 or not (found[~above] >= QUIET).all():
        return None
    if above.any():
        return float(found[-1])
    share = counts[0] / counts.sum()
    apart = found[1] - found[0] >= GAP and share > 0.01
    return float(found[0]) if apart or (share > 0.1 and counts.argmax() == 0) else None


def shortened(inputs: Sequence[str], frame: pd.DataFrame) -> list[str]:
    """Names of columns, those that are all there are of one beginning and a number as `AP*`."""
    stems: dict[str, list[str]] = defaultdict(list)
    for name in inputs:
        match = STEM.fullmatch(name)
        stems[f"{match[1]}*" if match else name].append(name)
    found = []
    for stem, mine in stems.items():
        whole = len(mine) >= 8 and set(mine) == {str(name) for name in frame if fnmatchcase(str(name), stem)}
        found += [stem] if whole else mine
    return found


def spelled_out(inputs: Iterable[str], columns: Sequence[str]) -> tuple[list[str], list[str]]:
    """The columns that names and patterns stand for, and the names that a table lacks."""
    found, absent = [], []
    for one in inputs:
        mine = [name for name in columns if fnmatchcase(name, one)] if "*" in one else [one]
        there = [name for name in mine if name in columns]
        found += there
        absent += [one] if not there else []
    return list(dict.fromkeys(found)), absent


def _is_floor(name: str, cells: pd.Series) -> bool:
    if not names.says(name, STOREY):
        return False
    values = cells.astype(str).unique()
    return bool(len(values) <= MOST_FLOORS and np.mean([floor_number(one) is not None for one in values]) > 0.5)


def _measures(name: str) -> bool:
    """Whether a column may be something measured, and no key, date or split."""
    return not (names.like_unit(name) or names.says(name, names.NUMBERING | names.SPLIT))


def _holds_pairs(cells: pd.Series) -> bool:
    some = [cell for cell in cells if not isinstance(cell, str) or cell.strip()][:50]
    if not some or not any(isinstance(cell, dict) or ":" in str(cell) or "=" in str(cell) for cell in some):
        return False
    several = [pairs(cell, None) for cell in some]
    return bool(np.mean([one is not None and len(one) > 0 for one in several]) > 0.8)
