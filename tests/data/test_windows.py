"""Windows lie where they should, hold what was measured, and whatever is wrong with a recording has a name."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftkit.data.windows import GAP, MISSING, SHORT, Cut, Flaw, Grid, Window, at, cut, stretched


def split(found: list[Cut | Flaw]) -> tuple[list[Cut], list[Flaw]]:
    return [one for one in found if isinstance(one, Cut)], [one for one in found if isinstance(one, Flaw)]


def ramp(seconds: float, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Times, and two channels that grow with time at rates of 1 and -2 a second."""
    times = np.arange(round(seconds * rate)) / rate
    return times, np.column_stack([times, -2 * times])


def test_an_even_recording_is_cut_into_overlapping_windows() -> None:
    times, values = ramp(10, 50)
    cuts, flaws = split(list(cut(times, values, Grid(50, 2, 1))))
    assert not flaws
    assert [round(one.start, 6) for one in cuts] == list(range(9))
    assert {one.values.shape for one in cuts} == {(100, 2)}
    np.testing.assert_allclose(cuts[3].values[:, 0], 3 + np.arange(100) / 50, atol=1e-5)
    assert (cuts[3].first, cuts[3].held[0], cuts[3].held[-1]) == (150, 150, 249)


@settings(deadline=None, max_examples=50)
@given(
    seed=st.integers(0, 10_000),
    seconds=st.floats(1, 20),
    rate=st.sampled_from([5.0, 12.5, 50.0]),
    asked=st.sampled_from([8.0, 20.0, 33.0]),
    window=st.floats(0.5, 3),
    share=st.floats(0.2, 1),
)
def test_uneven_stamps_leave_straight_lines_straight(
    seed: int, seconds: float, rate: float, asked: float, window: float, share: float
) -> None:
    random = np.random.default_rng(seed)
    times, _ = ramp(seconds, rate)
    times = np.sort(times + random.uniform(0, 0.4 / rate, len(times)))
    values = np.column_stack([times, 5 - 3 * times])
    grid = Grid(asked, window, share * window)
    cuts, flaws = split(list(cut(times, values, grid)))
    assert bool(cuts) != bool(flaws), "either windows, or a recording that is too short"
    assert {one.reason for one in flaws} <= {SHORT}
    for number, one in enumerate(cuts):
        assert one.values.shape == (grid.points, 2)
        assert one.start == pytest.approx(number * grid.step)
        line = times[0] + one.start + np.arange(grid.points) / asked
        inside = line <= times[-1]  # the last points of the last window may lie behind the last sample
        np.testing.assert_allclose(one.values[inside, 0], line[inside], atol=1e-4)
        np.testing.assert_allclose(one.values[inside, 1], 5 - 3 * line[inside], atol=1e-4)
        assert one.values[:, 0].min() >= times[0] - 1e-4 and one.values[:, 0].max() <= times[-1] + 1e-4
    if cuts:  # no whole window is left at the end
        assert times[0] + cuts[-1].start + grid.step + window > times[-1] + 1 / asked - 1e-6


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10_000), pause=st.floats(2.2, 50))
def test_no_window_reaches_over_a_long_gap(seed: int, pause: float) -> None:
    random = np.random.default_rng(seed)
    times, values = ramp(12, 20)
    where = int(random.integers(50, len(times) - 50))
    times[where:] += pause
    values[where:] += 1000
    cuts, flaws = split(list(cut(times, values, Grid(20, 2, 1))))
    assert [(one.reason, one.sample) for one in flaws] == [(GAP, where)]
    assert all((one.values[:, 0] < 900).all() or (one.values[:, 0] > 900).all() for one in cuts)
    assert sum((one.values[:, 0] > 900).all() for one in cuts) > 0


def test_a_short_gap_is_bridged() -> None:
    times, values = ramp(6, 20)
    keep = (times < 2) | (times > 3.5)
    cuts, flaws = split(list(cut(times[keep], values[keep], Grid(20, 2, 2))))
    assert not flaws and len(cuts) == 3
    np.testing.assert_allclose(cuts[1].values[:, 0], 2 + np.arange(40) / 20, atol=0.06)


def test_a_hole_costs_the_windows_that_hold_it_and_no_others() -> None:
    times, values = ramp(10, 10)
    values[45, 1] = np.nan
    cuts, flaws = split(list(cut(times, values, Grid(10, 2, 1))))
    assert [round(one.start) for one in cuts] == [0, 1, 2, 5, 6, 7, 8]
    assert [(one.reason, one.sample) for one in flaws] == [(MISSING, 45)] * 2


def test_what_cannot_be_cut_is_said() -> None:
    times, values = ramp(1, 10)
    assert list(cut(times, values, Grid(10, 2, 1))) == [Flaw(0, SHORT)]
    assert [one.reason for one in cut(times[::-1], values, Grid(10, 0.5, 0.5)) if isinstance(one, Flaw)]
    broken = times.copy()
    broken[3] = np.nan
    assert list(cut(broken, values, Grid(10, 0.5, 0.5))) == [Flaw(3, "time stamp that is no number")]
    assert list(cut(times[:0], values[:0], Grid(10, 2, 1))) == []


def test_of_equal_stamps_the_last_counts() -> None:
    found = at(np.array([0.0, 1.0, 1.0, 2.0]), np.array([[0.0], [5.0], [10.0], [20.0]]), np.array([0.5, 1.0, 1.5]))
    np.testing.assert_allclose(found[:, 0], [5, 10, 15])


@settings(deadline=None, max_examples=50)
@given(st.integers(2, 40), st.integers(2, 90))
def test_stretching_keeps_ends_and_straight_lines(points: int, asked: int) -> None:
    values = np.linspace(-1, 3, points)[:, None]
    np.testing.assert_allclose(stretched(values, asked)[:, 0], np.linspace(-1, 3, asked), atol=1e-5)


def test_a_window_is_known_by_what_it_holds() -> None:
    values = np.arange(6.0).reshape(3, 2)
    one, same, other = Window("a", values), Window("b", values.copy()), Window("a", values.T.copy())
    assert one.digest == same.digest != other.digest
    assert (str(one), one.values.dtype) == ("a", np.float32)
    again = pickle.loads(pickle.dumps(one))
    assert (again, again.digest) == (one, one.digest) and copy.deepcopy(one).digest == one.digest
