"""Which rows are compared: those that every compared model was tested on and had not seen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from compared_runs import Made, row_id
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ftkit.comparison.aligning import Aligned, align
from ftkit.comparison.entries import entries_of
from ftkit.comparison.settings import DIFFERENT_GOLD
from ftkit.errors import InputError


def aligned(folder: Path, *made: Made, words: Sequence[str] = ()) -> Aligned:
    """Runs a, b, … on common rows."""
    paths = [str(one.write(folder / "abcdef"[place])) for place, one in enumerate(made)]
    return align(entries_of([*paths, *(f"{folder}/{word}" for word in words)]))


def kept(found: Aligned) -> list[int]:
    return sorted(int(row, 16) for row in found.rows["row_id"].to_pylist())


def test_rows_are_aligned_by_id_whatever_their_order(tmp_path: Path) -> None:
    backwards = Made(rows=range(99, -1, -1))
    found = aligned(tmp_path, Made(rows=range(100)), backwards)
    a, b = (side.scored for side in found.sides)
    assert len(found) == 100 and found.left_out == ()
    assert (a.gold == b.gold).all() and (a.prediction == b.prediction).all()
    assert np.array_equal(a.scores, b.scores)


def test_rows_that_only_some_were_tested_on_are_counted_for_each_run(tmp_path: Path) -> None:
    found = aligned(tmp_path, Made(rows=range(100)), Made(rows=range(10, 120)), Made(rows=range(100)))
    assert kept(found) == list(range(10, 100))
    assert dict(found.left_out) == {"a was not tested on them": 20, "b was not tested on them": 10}


def test_rows_that_a_held_out_run_was_trained_on_are_left_out_for_all(tmp_path: Path) -> None:
    other = Made(rows=range(50, 100), trained=range(50), settings={"split_seed": 1})
    found = aligned(tmp_path, Made(rows=range(100)), other)
    assert kept(found) == list(range(50, 100))
    assert found.left_out == (("b was trained on them", 50),)


def test_out_of_fold_rows_count_as_tested_although_the_adapter_was_trained_on_them(tmp_path: Path) -> None:
    found = aligned(tmp_path, Made(folds=5), Made(folds=5, accuracy=0.7))
    assert len(found) == 200 and found.left_out == ()


def test_out_of_fold_rows_that_another_run_was_trained_on_are_left_out(tmp_path: Path) -> None:
    found = aligned(tmp_path, Made(folds=5), Made(rows=range(40), trained=range(40, 200)))
    assert kept(found) == list(range(40))
    assert found.left_out == (("b was trained on them", 160),)


def test_rows_of_a_base_are_left_out_also_with_folds(tmp_path: Path) -> None:
    later = Made(rows=range(30, 200), folds=5, base_trained=range(30))
    found = aligned(tmp_path, Made(folds=5), later)
    assert kept(found) == list(range(30, 200))
    assert found.left_out == (("the base of b was trained on them", 30),)


@pytest.mark.parametrize("folds", [0, 5])
def test_an_input_that_was_seen_under_another_id_counts_as_seen(tmp_path: Path, folds: int) -> None:
    """Texts that are cut alike have one input hash; of a run with folds only its base's are known to be seen."""
    twins = {3: "one", 500: "one"}
    other = Made(trained=[500], base_trained=[501] if folds else [], hashes=twins | {4: "two", 501: "two"}, folds=folds)
    found = aligned(tmp_path, Made(), other)
    assert set(range(200)) - set(kept(found)) == ({4} if folds else {3})


def test_rows_with_differing_labels_are_counted_and_left_out(tmp_path: Path) -> None:
    found = aligned(tmp_path, Made(gold={3: "billing", 4: "billing"}), Made(gold={3: "praise", 4: "billing"}))
    assert 3 not in kept(found) and 4 in kept(found)
    assert found.left_out == ((DIFFERENT_GOLD, 1),)


def test_several_labels_a_row_are_compared_without_their_order(tmp_path: Path) -> None:
    found = aligned(tmp_path, Made(kind="labels"), Made(kind="labels", gold={3: "nowhere else"}))
    assert found.left_out == ((DIFFERENT_GOLD, 1),)
    assert found.sides[0].scored.gold.shape == (199, 3)


def test_labels_in_another_order_are_the_same_labels(tmp_path: Path) -> None:
    turned = Made(labels=("praise", "billing", "delivery"))
    found = aligned(tmp_path, turned, Made())
    for side in found.sides:
        scored = side.scored
        assert scored.labels == turned.labels
        assert (scored.scores is not None) and (scored.scores.argmax(1) == scored.prediction).all()


def test_runs_without_common_rows_say_which_setting_differs(tmp_path: Path) -> None:
    made = Made(rows=range(50)), Made(rows=range(50, 90), settings={"split_seed": 3}, trained=range(50))
    with pytest.raises(InputError, match=r"no row that all runs were tested on \(50 rows: b was trained on them") as no:
        aligned(tmp_path, *made)
    assert no.value.hint == "data.split_seed is 0 for a, 3 for b: train them with the same"


def test_a_unit_that_only_one_run_has_is_named_first(tmp_path: Path) -> None:
    """Units are part of a row's id, so no row is found again."""
    made = Made(), Made(rows=range(300, 400), settings={"unit": "user", "split_seed": 1})
    with pytest.raises(InputError) as no:
        aligned(tmp_path, *made)
    assert no.value.hint.startswith("data.unit is not set for a, user for b")


def test_one_row_is_not_compared(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="only 1 row is left to compare"):
        aligned(tmp_path, Made(rows=range(5)), Made(rows=range(4, 9)))


def test_a_row_that_was_predicted_twice_is_damage(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="b: a row was predicted twice by adapted"):
        aligned(tmp_path, Made(), Made(rows=[1, 2, 2, 3]))


def test_a_seed_that_lacks_rows_is_damage(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    Made(seeds=(0, 1)).write(tmp_path / "a")
    path = tmp_path / "a" / "predictions.parquet"
    table = pq.read_table(path)
    pq.write_table(table.slice(1), path)
    Made().write(tmp_path / "b")
    with pytest.raises(InputError, match="seed 0 of adapted lacks rows"):
        align(entries_of([str(tmp_path / "a"), str(tmp_path / "b")]))


SOME = st.frozensets(st.integers(0, 19))


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(SOME, SOME, SOME, st.booleans()), min_size=2, max_size=3))
def test_what_is_kept_is_what_nobody_has_seen(
    tmp_path_factory: pytest.TempPathFactory, runs: list[tuple[frozenset[int], frozenset[int], frozenset[int], bool]]
) -> None:
    """Against the definition: tested in every run, by a model that had not seen it; and nothing is lost uncounted."""
    made, honest = [], set(range(20))
    for tested, trained, base, folded in runs:
        tested, base = tested | {18, 19}, base - {18, 19}
        made.append(Made(rows=sorted(tested), trained=sorted(trained), base_trained=sorted(base), folds=2 * folded))
        honest &= tested - base - (frozenset() if folded else trained)
    everything = set().union(*(one.rows for one in made))
    folder = tmp_path_factory.mktemp("runs")
    if len(honest) < 2:
        with pytest.raises(InputError):
            aligned(folder, *made)
        return
    found = aligned(folder, *made)
    assert set(kept(found)) == honest
    assert sum(rows for _, rows in found.left_out) == len(everything - honest)
    assert found.rows["row_id"].to_pylist() == sorted(row_id(row) for row in honest)
