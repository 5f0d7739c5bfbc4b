"""The map of positions: all of it is there, and a metre is a metre in both directions."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftkit.reports.places import LEAST_HEIGHT, MOST_HEIGHT, WIDTH, ground, places

metres = st.floats(-1000, 1000).map(lambda value: round(value, 3))
points = st.lists(st.tuples(metres, metres, metres, metres, st.just(1.0)), min_size=1, max_size=30)


@settings(max_examples=300, deadline=None)
@given(points)
def test_a_metre_is_as_long_upwards_as_across_and_no_point_is_outside(some: list[tuple[float, ...]]) -> None:
    found = ground(some)
    across, up = (high - low for low, high in (found.across, found.up))
    assert across / WIDTH == pytest.approx(up / found.height, rel=1e-9) and across > 0
    assert LEAST_HEIGHT <= found.height <= MOST_HEIGHT
    for x, y, said_x, said_y, _ in some:
        assert found.across[0] <= min(x, said_x) and max(x, said_x) <= found.across[1]
        assert found.up[0] <= min(y, said_y) and max(y, said_y) <= found.up[1]


def test_every_floor_has_its_map_and_says_who_is_on_another() -> None:
    first = {"name": 1.0, "rows": 2, "points": [[0, 0, 1, 1, 1.0], [90, 2, 88, 2, 2.0]]}
    second = {"name": 2.0, "rows": 1, "points": [[5, 1, 5, 1, 2.0]]}
    found = places({"places": {"rows": 3, "floors": [first, second], "curves": {"adapted": [0.0, 1.0, 2.0]}}})
    assert found is not None
    assert [one["caption"] for one in found["maps"]] == [
        "Floor 1: 2\N{NO-BREAK SPACE}rows, 1 of them put on another floor.",
        "Floor 2: 1\N{NO-BREAK SPACE}row, 0 of them put on another floor.",
    ]
    assert all("90, 2 m" in str(one["chart"]) for one in found["maps"][:1])
