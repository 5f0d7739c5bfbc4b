"""Growing shares of training rows: nested, even over labels, and never half a unit."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from ftkit.data import shares
from ftkit.data.table import Gold, Part, Rows

LABELS = st.sampled_from(["a", "b", "c"])
GOLD = st.one_of(LABELS, st.lists(LABELS, unique=True).map(lambda several: tuple(sorted(several))))


def rows_of(gold: list[Gold], units: list[str | None] | None = None) -> Rows:
    content = [f"text {i}" for i in range(len(gold))]
    frame = pd.DataFrame(
        {"content": content, "unit": units or [None] * len(gold), "gold": pd.Series(gold, dtype=object)}
    )
    return Rows(frame, ("a", "b", "c"))


def order_of(rows: Rows, seed: int = 0) -> shares.Order:
    return shares.order(shares.gathered(rows), Part("final", np.arange(len(rows)), (), np.array([], int)), seed)


@settings(deadline=None)
@given(st.lists(st.tuples(GOLD, st.none() | st.sampled_from("uvwxyz")), min_size=1, max_size=60), st.integers(0, 3))
def test_shares_are_nested_and_hold_whole_units(drawn: list[tuple[Gold, str | None]], seed: int) -> None:
    gold, units = [one for one, _ in drawn], [unit for _, unit in drawn]
    made = order_of(rows_of(gold, units), seed)
    assert sorted(made.rows) == list(range(len(gold)))
    smaller: set[int] = set()
    for count in range(1, len(gold) + 1):
        taken = set(made.first(count).tolist())
        assert smaller <= taken
        cut = {units[i] for i in taken} & {units[i] for i in range(len(gold)) if i not in taken}
        assert cut <= {None}
        smaller = taken
    assert smaller == set(range(len(gold)))
    names = {label for one in gold for label in ((one,) if isinstance(one, str) else one or ())}
    for label in names:
        carried = {i for i, one in enumerate(gold) if one == label or (isinstance(one, tuple) and label in one)}
        assert len(carried & set(made.first(1).tolist())) >= min(2, len(carried))


def test_labels_keep_their_proportions() -> None:
    gold: list[Gold] = ["a"] * 240 + ["b"] * 60 + ["c"] * 20
    made = order_of(rows_of(gold))
    for count in (40, 80, 160):
        taken = made.first(count)
        assert len(taken) == count
        found = pd.Series([gold[i] for i in taken]).value_counts()
        assert abs(found["a"] - 0.75 * count) <= 3 and abs(found["b"] - 0.1875 * count) <= 3 and found["c"] >= 2


def test_a_seed_draws_anew_and_the_order_of_the_file_does_not_matter() -> None:
    gold: list[Gold] = ["a", "b"] * 40
    rows = rows_of(gold)
    first, other = order_of(rows), order_of(rows, seed=1)
    assert set(first.first(30)) != set(other.first(30))
    turned = Rows(rows.frame.iloc[::-1].reset_index(drop=True), rows.labels)
    assert {rows.frame["content"][i] for i in first.first(30)} == {
        turned.frame["content"][i] for i in order_of(turned).first(30)
    }


def test_sizes_are_halvings_where_there_is_room() -> None:
    def sizes(rows: int, points: int = 6, labels: int = 2) -> list[int]:
        gold: list[Gold] = [f"label {i % labels}" for i in range(rows)]
        return shares.sizes([order_of(rows_of(gold))], points)

    assert sizes(800) == [25, 50, 100, 200, 400, 800]
    assert sizes(328) == [20, 41, 82, 164, 328]
    assert sizes(800, points=4) == [100, 200, 400, 800]
    closer = sizes(770, labels=77)
    assert closer[0] == 154 and closer[-1] == 770 and len(closer) == 6
    assert sizes(20) == [20] and sizes(12) == [12]
