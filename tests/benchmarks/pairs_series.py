"""Pairs of sensor data: from many people to one more, from one device to another, from slow to fast."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from pairs import Pair, Rows

PEOPLE = 18
"""of har_phone_watch in the source; the other five are new"""
WRITERS = ("s01", "s02", "s03", "s04")
"""of pen_gestures in the source; the other three are new"""
BY_WINDOW = {"task.normalise": "window"}


def windows(data: Path) -> pd.DataFrame:
    """Two-second windows of phone and watch."""
    return pd.read_parquet(data / "har_phone_watch" / "windows_50hz_2s.parquet")


def new_person(data: Path, repetition: int) -> Rows:
    """Phones of 18 people; of a 19th the first three executions are labelled, the others tested."""
    frame = windows(data)
    frame = frame[frame["device"] == "phone_pocket"]
    users = sorted(frame["user"].unique())
    mine = frame[frame["user"] == users[PEOPLE + repetition % 5]]
    early = mine["execution"] <= sorted(mine["execution"].unique())[2]
    return Rows(_kept(frame[frame["user"].isin(users[:PEOPLE])]), _kept(mine[early]), _kept(mine[~early]))


def phone_to_watch(data: Path, repetition: int) -> Rows:
    """Phones of 18 people; watches of the same are labelled, watches of five others tested."""
    frame = windows(data)
    users = sorted(frame["user"].unique())
    known = frame["user"].isin(users[:PEOPLE])
    watch = frame["device"] != "phone_pocket"
    return Rows(_kept(frame[known & ~watch]), _kept(frame[known & watch]), _kept(frame[~known & watch]))


def _kept(frame: pd.DataFrame) -> pd.DataFrame:
    """Without the share, a number that looks like nothing else."""
    return frame.drop(columns=["label_share"])


def strokes(data: Path) -> pd.DataFrame:
    """Pen strokes with the number of their take, 1 to 10."""
    lines = (data / "pen_gestures" / "gestures.jsonl").read_text(encoding="utf-8").splitlines()
    frame = pd.DataFrame([json.loads(line) for line in lines])
    return frame.assign(take=frame["id"].str[-2:].astype(int)).drop(columns=["date"])


def new_writer(data: Path, repetition: int) -> Rows:
    """Four writers; of a fifth the first five takes are there to be labelled, the others tested."""
    frame = strokes(data)
    others = sorted(set(frame["user"]) - set(WRITERS))
    mine = frame[frame["user"] == others[repetition % len(others)]]
    return Rows(frame[frame["user"].isin(WRITERS)], mine[mine["take"] <= 5], mine[mine["take"] > 5])


def slow_to_fast(data: Path, repetition: int) -> Rows:
    """Slow strokes of four writers; their fast ones are labelled, fast ones of three others tested."""
    frame = strokes(data)
    known = frame["user"].isin(WRITERS)
    slow, fast = (frame["speed"] == name for name in ("slow", "fast"))
    return Rows(frame[known & slow], frame[known & fast], frame[~known & fast])


def _pair(name: str, rows: Callable[[Path, int], Rows], per_label: int, source: str, **more: Any) -> Pair:
    task = {"task.name": "series_classification", "task.label": "gesture" if name.startswith("pen") else "label"}
    # a few dozen rows: more passes of smaller steps than the defaults, which are made for hundreds
    few = {"train.epochs": 25, "train.batch": 16, "train.lr": 1e-3, "train.patience": 5}
    return Pair(name, source, rows, per_label, task | more, {"train.epochs": 10, "method.name": "full"}, few)


PAIRS = (
    _pair("har: 18 people → a new one", new_person, 10, "phone of 18 people"),
    _pair("har: phone → watch", phone_to_watch, 10, "phone of 18 people"),
    _pair("pen: 4 writers → a new one", new_writer, 2, "strokes of 4 writers", **BY_WINDOW),
    _pair("pen: slow → fast", slow_to_fast, 2, "slow strokes of 4 writers", **BY_WINDOW),
)
