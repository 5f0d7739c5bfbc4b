"""Long tables become windows that stay within recordings, users and splits, and carry the label that holds them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftkit.data.samples import RECORDING, WINDOW, Samples, windowed
from ftkit.data.table import Table
from ftkit.data.windows import GAP, MISSING, SHORT, Grid
from ftkit.errors import InputError


def long(users: Sequence[str], seconds: float = 8, rate: float = 10) -> pd.DataFrame:
    """Recordings below one another: x is the user's number, y the time."""
    pieces = []
    for number, user in enumerate(users):
        times = np.arange(round(seconds * rate)) / rate
        label = np.where(times < seconds / 2, "sit", "walk")
        pieces.append(pd.DataFrame({"user": user, "t": times, "x": float(number), "y": times, "label": label}))
    return pd.concat(pieces, ignore_index=True).astype(str)


def how(**fields: object) -> Samples:
    given = {"channels": ["x", "y"], "time": "t", "unit": "s", "recording": ["user"], "label": "label"}
    return Samples(**{**given, "label_share": 0.5, "grid": Grid(10, 2, 1), **fields})  # type: ignore[arg-type]


def table(frame: pd.DataFrame) -> Table:
    return Table(frame, np.arange(2, len(frame) + 2), "long.csv", "")


def values(found: Table) -> list[np.ndarray]:
    return [one.values for one in found.frame[WINDOW]]


def test_windows_carry_their_recording_label_and_line() -> None:
    found = windowed(table(long(["ann", "bob"])), how())
    assert len(found.frame) == 14
    assert found.frame["label"].tolist()[:7] == ["sit"] * 4 + ["walk"] * 3
    assert found.frame[RECORDING].unique().tolist() == ["ann", "bob"]
    assert found.lines.tolist()[:3] == [2, 12, 22]
    assert str(found.frame[WINDOW][1]) == "ann, 1.0–3.0 s"
    assert {"x", "y"}.isdisjoint(found.frame)
    assert found.notes == ("160 samples cut into 14 windows of 2 s",)


@settings(deadline=None, max_examples=15)
@given(order=st.randoms(use_true_random=False), users=st.integers(1, 5), share=st.sampled_from([0.5, 0.8, 1.0]))
def test_no_window_spans_two_recordings_however_rows_lie(order: object, users: int, share: float) -> None:
    frame = long([f"u{i}" for i in range(users)])
    places = list(range(len(frame)))
    order.shuffle(places)  # type: ignore[attr-defined]
    shuffled = frame.iloc[places].sort_values("t", key=lambda cells: cells.astype(float), kind="stable")
    found = windowed(table(shuffled.reset_index(drop=True)), how(label_share=share))
    for window, user in zip(values(found), found.frame["user"], strict=True):
        assert (window[:, 0] == float(user[1:])).all()
        np.testing.assert_allclose(np.diff(window[:, 1]), 0.1, atol=1e-4)
    pure = {"0.5": 7, "0.8": 6, "1.0": 6}[str(share)]
    assert len(found.frame) == pure * users


def test_a_clock_that_starts_anew_starts_another_recording() -> None:
    frame = long(["ann", "ann"])
    found = windowed(table(frame), how(recording=[]))
    assert found.frame[RECORDING].unique().tolist() == ["1", "2"] and len(found.frame) == 14


def test_mixed_windows_are_left_out_and_counted() -> None:
    found = windowed(table(long(["ann"])), how(label_share=0.9))
    assert found.frame["label"].tolist() == ["sit"] * 3 + ["walk"] * 3
    assert found.notes[-1] == "1 of 7 windows left out: no label holds 90% of them (task.label_share)"
    everything = windowed(table(long(["ann"])), how(label=None, label_share=0.9))
    assert len(everything.frame) == 7, "without labels nothing is mixed"


def test_faults_are_counted_by_reason_with_their_line() -> None:
    frame = long(["ann", "bob", "cid", "dan"])
    frame.loc[35, "x"] = ""
    frame.loc[100, "y"] = "oops"
    frame = frame.drop(index=range(165, 240))  # of cid five samples are left
    late = frame["user"].eq("dan") & (frame["t"].astype(float) > 4)
    frame.loc[late, "t"] = (frame.loc[late, "t"].astype(float) + 30).astype(str)
    found = windowed(table(frame.reset_index(drop=True)), how())
    reasons = pd.Series([bad.reason for bad in found.bad]).value_counts().to_dict()
    assert reasons == {MISSING: 2, "sample that is no number": 2, SHORT: 1, GAP: 1}
    assert next(bad.line for bad in found.bad if bad.reason == MISSING) == 37
    assert "cid" not in set(found.frame["user"]) and "dan" in set(found.frame["user"])


def test_nothing_to_use_says_why() -> None:
    with pytest.raises(InputError, match="no window that can be used: recording shorter") as caught:
        windowed(table(long(["ann"], seconds=1)), how())
    assert "task.window" in caught.value.hint
    blank = long(["ann"]).assign(label="")
    with pytest.raises(InputError, match="in no window a label holds 50%"):
        windowed(table(blank), how())


def test_without_stamps_samples_are_even() -> None:
    found = windowed(table(long(["ann"]).drop(columns="t")), how(time=None))
    np.testing.assert_allclose(values(found)[2][:, 1], 2 + np.arange(20) / 10, atol=1e-5)


def test_the_path_is_no_part_of_a_name(tmp_path: Path) -> None:
    frame = long(["ann"])
    found = windowed(Table(frame, np.arange(len(frame)), str(tmp_path / "walk.csv"), ""), how(recording=[]))
    assert str(found.frame[WINDOW][0]) == "walk.csv, 0.0–2.0 s"
