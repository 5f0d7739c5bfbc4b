"""Pairs of radio maps: from one month to a later one, from some phones to another, from two buildings to a third."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from pairs import Pair, Rows

FIRST, LAST = 1, 15
"""months of wifi_library_months; the file ends there"""
PHONE = 6
"""of building HCXY: the new one"""
SILENT = 100
FILES = {
    "CETC331": ("Training_CETC331", "Testing_CETC331"),
    "HCXY": ("Training_HCXY_AP_10", "Testing_HCXY_AP"),
    "SYL": ("Training_SYL_AP_10", "Testing_SYL_AP"),
}


def later_month(data: Path, repetition: int, count: int) -> Rows:
    """Two surveys of month 1; so many fingerprints of one survey of month 15, tested at other places in that month."""
    frame = pd.read_parquet(data / "wifi_library_months" / "fingerprints.parquet")
    frame = frame.drop(columns=["time", "sample_id"])

    def of(month: int, *sets: str) -> pd.DataFrame:
        mine = frame[(frame["month"] == month) & frame["set"].isin(sets)]
        return mine.drop(columns=["month", "set"])

    pool = of(LAST, "trn01").sample(count, random_state=repetition)
    return Rows(of(FIRST, "trn01", "trn02"), pool, of(LAST, "tst02"))


def building(data: Path, name: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Training and testing file of a building."""
    train, test = (pd.read_csv(data / "wifi_three_buildings" / f"{file}.csv") for file in FILES[name])
    return train, test


def new_phone(data: Path, repetition: int) -> Rows:
    """All phones but one; 200 fingerprints of that one, tested on its own test rows.

    Each phone has surveyed a part of the floor of its own, so a new phone is a new part as well.
    """
    train, test = building(data, "HCXY")
    mine = train[train["PhoneID"] == PHONE].sample(200, random_state=repetition)
    return Rows(*(_kept(one) for one in (train[train["PhoneID"] != PHONE], mine, test[test["PhoneID"] == PHONE])))


def third_building(data: Path, repetition: int) -> Rows:
    """Two buildings, coordinates counted from their middles; 200 fingerprints of a third, tested on its test rows."""
    both = [(name, building(data, name)[0]) for name in ("CETC331", "HCXY")]
    sources = [heard(centred(train, train), name) for name, train in both]
    train, test = (heard(one, "SYL") for one in building(data, "SYL"))
    return Rows(pd.concat(sources), train.sample(200, random_state=repetition), test)


def heard(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """Access points and strengths in one cell; those of two buildings are different devices."""
    columns = [str(column) for column in frame if str(column).startswith("MAC")]
    cells = [
        ",".join(f"{name}-{column}:{value:.0f}" for column, value in zip(columns, row, strict=True) if value != SILENT)
        for row in frame[columns].to_numpy()
    ]
    return frame[["ECoord", "NCoord"]].assign(heard=cells)


def centred(frame: pd.DataFrame, survey: pd.DataFrame) -> pd.DataFrame:
    """With coordinates counted from the middle of those of a survey."""
    place = frame[["ECoord", "NCoord"]] - survey[["ECoord", "NCoord"]].mean()
    return frame.assign(**place.round(3))


def _kept(frame: pd.DataFrame) -> pd.DataFrame:
    """Without what a phone does not hear."""
    return frame.drop(columns=["BuildingID", "SceneID", "UserID", "PhoneID", "SampleTimes"])


def _pair(name: str, rows: Callable[[Path, int], Rows], about: str, **more: Any) -> Pair:
    keys = {"task.name": "vector_regression", "train.augment": ["noise", "mask"]}
    source = {"train.epochs": 15, "method.name": "full", "task.site": more.pop("site", "")}
    target = {"train.epochs": 15, "train.lr": 1e-3, "train.patience": 4, "task.site": more.pop("target", "")}
    return Pair(name, about, rows, None, keys | more, source, target, suffix="parquet")


PAIRS = (
    *(
        _pair(f"library: month 1 → month 15, {count} rows", partial(later_month, count=count), "two surveys of month 1")
        for count in (0, 30, 100, 300)
    ),
    _pair("HCXY: 5 phones → a sixth, in its own part", new_phone, "all phones but one", **{"task.floor": "none"}),
    _pair(
        "two buildings → a third (set encoder)",
        third_building,
        "CETC331 and HCXY",
        site="CETC331 and HCXY",
        target="SYL",
        **{"task.floor": "none"},
    ),
)
