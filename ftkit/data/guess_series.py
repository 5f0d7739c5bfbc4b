"""Which columns hold sensor data: lists a row, numbered columns, or one row a sample; judged by cells and names."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ftkit.data import names
from ftkit.data.guess import SAMPLE, guess_label, guess_text
from ftkit.data.numbers import NOTHING, numbers

TIME = names.DATE | {"times", "timestamps", "t", "ts", "seconds", "sec", "millis", "epoch", "时间戳"}
NUMBERED = re.compile(r"(.*?)[_\-. ]?(\d+)")
FEWEST = 8
"""numbered columns of one name from which they are the samples of a channel"""
LABEL_RUNS = 0.1
"""share of samples at most at which the label of a long table changes"""
STEADY = 0.02
"""share of samples at most at which a column changes that tells recordings apart"""


@dataclass(frozen=True)
class Series:
    """How a table holds series."""

    layout: str
    """lists | wide | long"""
    channels: tuple[str, ...]
    time: str | None
    label: str | None
    why: str


def guess_series(frame: pd.DataFrame) -> Series | None:
    """The likeliest reading of a table, None where it does not look like sensor data."""
    listed = [str(name) for name in frame if _holds_numbers(frame[name])]
    if listed:
        return _lists(frame, listed)
    if len(frame.columns) > 4 * FEWEST or not guess_text(frame):  # wide tables first: their columns are no texts
        return _wide(frame) or _long(frame)
    return None


def numbered(columns: list[str]) -> dict[str, list[str]]:
    """Name before the number -> its columns in the order of their numbers, where there are enough without a hole."""
    found: dict[str, dict[int, str]] = defaultdict(dict)
    for name in columns:
        if match := NUMBERED.fullmatch(name):
            found[match[1] or "value"][int(match[2])] = name
    whole = {stem: some for stem, some in found.items() if len(some) >= FEWEST and _gapless(list(some))}
    return {stem: [some[number] for number in sorted(some)] for stem, some in whole.items()}


def steady(frame: pd.DataFrame, taken: set[str]) -> list[str]:
    """Columns that stay the same over long stretches of samples: who, where, which recording."""
    found = []
    for name in map(str, frame):
        if name in taken:
            continue
        cells = frame[name].astype(str).to_numpy(dtype=object)
        if len(cells) > 1 and (cells[1:] != cells[:-1]).mean() <= STEADY and cells[0] != "":
            found.append(name)
    return found


def _gapless(found: list[int]) -> bool:
    return max(found) - min(found) + 1 == len(found)


def _holds_numbers(cells: pd.Series) -> bool:
    some = [cell for cell in cells.iloc[:: max(1, len(cells) // 50)] if isinstance(cell, list | np.ndarray)]
    if len(some) < 0.5 * min(len(cells), 50):
        return False
    numeric = [len(cell) > 1 and all(isinstance(one, int | float | None) for one in cell) for cell in some]
    return bool(np.mean(numeric) > 0.5)


def _lists(frame: pd.DataFrame, listed: list[str]) -> Series:
    times = [name for name in listed if names.says(name, TIME) or names.says(name.replace("_", ""), TIME)]
    channels = [name for name in listed if name not in times]
    rest = frame.drop(columns=listed)
    if not channels:
        channels, times = times, []
    label = _label(rest)
    return Series("lists", tuple(channels), times[0] if times else None, label, "each row holds a window, as lists")


def _wide(frame: pd.DataFrame) -> Series | None:
    groups = numbered([str(name) for name in frame])
    sample = frame.iloc[:: max(1, len(frame) // 50)]
    groups = {stem: some for stem, some in groups.items() if all(_numeric(sample[name]) for name in some)}
    if not groups or len({len(some) for some in groups.values()}) > 1:
        return None
    taken = [name for some in groups.values() for name in some]
    points = len(next(iter(groups.values())))
    why = f"each row holds a window, in {points} numbered columns a channel"
    return Series("wide", tuple(groups), None, _label(frame.drop(columns=taken)), why)


def _long(frame: pd.DataFrame) -> Series | None:
    """Measured columns that change from row to row, and a label that stays for a while."""
    sample = frame.iloc[:: max(1, len(frame) // SAMPLE)]
    numeric = [str(name) for name in frame if _numeric(sample[name])]
    time = next((name for name in map(str, frame) if names.says(name, TIME)), None)
    channels = [name for name in numeric if name != time and _measured(frame[name].iloc[:SAMPLE])]
    channels = [name for name in channels if not names.says(name, names.NUMBERING | names.LABEL)]
    if not channels:
        return None
    rest = frame.drop(columns=[name for name in (*channels, time) if name])
    label = _label(rest.iloc[:: max(1, len(rest) // SAMPLE)])
    if label is None:
        return None
    cells = rest[label].astype(str).to_numpy(dtype=object)
    changes = (cells[1:] != cells[:-1]).mean() if len(cells) > 1 else 1.0
    if changes > LABEL_RUNS:
        return None
    return Series("long", tuple(channels), time, label, "each row holds a sample, and labels stay for many of them")


def _label(frame: pd.DataFrame) -> str | None:
    found = guess_label(frame, []) if len(frame.columns) else []
    return found[0].column if found else None


def _numeric(cells: pd.Series) -> bool:
    filled = ~cells.astype(str).str.strip().str.lower().isin(NOTHING)
    return bool(filled.any() and np.isfinite(numbers(cells[filled])).mean() > 0.9)


def _measured(cells: pd.Series) -> bool:
    """Whether numbers are measured: many different ones, that change from row to row."""
    found = numbers(cells)
    found = found[np.isfinite(found)]
    if len(found) < FEWEST:
        return False
    return bool((np.diff(found) != 0).mean() > 0.3 and len(np.unique(found)) > 0.05 * min(len(found), 1000))
