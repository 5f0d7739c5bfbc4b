"""Old test rows never move into training, copies and units stay together, and every label is learnt."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ftkit.data.folds import NEVER, Together, folds, held_out, together
from ftkit.data.gold import labels_of
from ftkit.data.hashing import content_key, content_keys, fraction, row_ids
from ftkit.data.splits import Division, divide, used_only
from ftkit.data.table import DataReport, Gold, Part, Rows, Splits
from ftkit.errors import InputError
from ftkit.recipe import Data

Row = tuple[str, Gold, str | None]
"""text, label(s), unit"""


def frame_of(rows: list[Row], split: str | list[str] = "train") -> pd.DataFrame:
    inputs, units = [(text,) for text, _, _ in rows], [unit for _, _, unit in rows]
    return pd.DataFrame(
        {
            "row_id": pd.Series(row_ids(inputs, units, [None] * len(rows)), dtype="str"),
            "content": content_keys(inputs),
            "input": pd.Series(inputs, dtype=object),
            "gold": pd.Series([gold for _, gold, _ in rows], dtype=object),
            "split": pd.Series([split] * len(rows) if isinstance(split, str) else split, dtype=object),
            "unit": pd.Series(units, dtype=object),
        }
    )


def split_up(rows: list[Row], split: str | list[str] = "train", **data: Any) -> Division:
    return divide(frame_of(rows, split), Data(train="-", **data))


def plain(count: int, labels: str = "ab", start: int = 0) -> list[Row]:
    return [(f"text {i}", labels[i % len(labels)], None) for i in range(start, start + count)]


def texts(rows: list[Row], positions: np.ndarray) -> set[str]:
    return {rows[position][0] for position in positions}


def codes(rows: list[Row]) -> Together:
    frame = frame_of(rows)
    return together(frame["content"], frame["unit"].tolist(), frame["gold"].tolist())


def check_rules(rows: list[Row], division: Division) -> None:
    """What holds for every division."""
    content = [content_key((text,)) for text, _, _ in rows]
    for part in division.parts:
        outside = set(part.test.tolist())
        assert len(part.train) and not outside & set(part.train.tolist())
        apart(content, part.train, part.test)
        for train, held in part.inner:
            assert len(held) and not set(train.tolist()) & set(held.tolist())
            assert not outside & set(held.tolist())
            apart(content, train, held)
            assert len({label for row in train for label in labels_of(rows[row][1])} | {()}) > 2
            assert set(train.tolist()) <= set(part.train.tolist())
    tested = np.concatenate([part.test for part in division.parts])
    assert len(set(tested.tolist())) == len(tested)
    assert len(division.split) == len(rows)


def apart(content: list[str], one: np.ndarray, other: np.ndarray) -> None:
    assert not {content[i] for i in one} & {content[i] for i in other}


# ---- which procedure ----


def test_small_data_is_cross_fitted_and_every_row_tested_once() -> None:
    rows = plain(200)
    division = split_up(rows)
    assert [part.name for part in division.parts] == ["fold 1", "fold 2", "fold 3", "fold 4", "fold 5", "final"]
    *parts, final = division.parts
    assert sorted(np.concatenate([part.test for part in parts]).tolist()) == list(range(200))
    for part in parts:
        assert sorted([*part.train, *part.test]) == list(range(200))
    assert len(final.train) == 200 and not len(final.test)
    assert {len(part.inner) for part in division.parts} == {2} and all(part.refit for part in division.parts)
    assert set(division.split) == {"train"}


def test_a_fifth_is_held_out_from_a_thousand_rows() -> None:
    rows = plain(1000)
    division = split_up(rows)
    (part,) = division.parts
    assert part.name == "final" and 150 < len(part.test) < 250
    assert sorted([*part.train, *part.test]) == list(range(1000))
    assert len(part.inner) == 2 and part.refit
    assert Counter(division.split) == {"train": len(part.train), "test": len(part.test)}
    assert len(split_up(plain(999)).parts) == 6


def test_folds_are_forced_or_refused() -> None:
    assert len(split_up(plain(100), folds=0).parts) == 1
    assert len(split_up(plain(1200), folds=3).parts) == 4


def test_the_held_out_fifth_is_the_first_of_five_folds() -> None:
    rows = plain(300)
    assert split_up(rows, folds=0).parts[0].test.tolist() == split_up(rows).parts[0].test.tolist()


def test_the_split_seed_decides_and_nothing_else() -> None:
    rows = plain(300)
    first, again, other = (split_up(rows, folds=0, split_seed=seed).parts[0].test.tolist() for seed in (0, 0, 1))
    assert first == again != other


def test_many_rows_are_chosen_on_one_holdout() -> None:
    rows = plain(3000)
    (part,) = split_up(rows).parts
    ((train, held),) = part.inner
    assert part.refit and 0.07 < len(held) / len(part.train) < 0.13
    assert sorted([*train, *held]) == sorted(part.train)


def test_a_share_of_validation() -> None:
    (part,) = split_up(plain(600), folds=0, validation=0.3).parts
    ((_, held),) = part.inner
    assert part.refit and 0.22 < len(held) / len(part.train) < 0.38


# ---- official splits ----


@pytest.mark.parametrize("count", [100, 1200, 2600])
def test_without_validation_every_training_row_trains(count: int) -> None:
    rows = plain(count)
    division, usual = split_up(rows, validation="none"), split_up(rows)
    assert [part.test.tolist() for part in division.parts] == [part.test.tolist() for part in usual.parts]
    for part in division.parts:
        assert part.inner == () and part.refit
        assert sorted([*part.train, *part.test]) == list(range(count))
    assert any("train.epochs passes" in finding.what for finding in division.findings)


def test_official_validation_rows_are_left_alone_where_nothing_is_chosen() -> None:
    rows = plain(120)
    rows[0] = ("text 85 .", "a", None)  # near-equal to a validation row, which nothing is chosen on
    split = ["train"] * 80 + ["validation"] * 20 + ["test"] * 20
    division = split_up(rows, split, validation="none")
    (part,) = division.parts
    assert part.train.tolist() == list(range(80)) and part.inner == ()
    assert Counter(division.split) == {"train": 80, "unused": 20, "test": 20}
    assert division.findings[-1].what == "not used, because data.validation is none: 20 validation rows"


def test_official_test_rows_are_kept_and_their_copies_are_not_trained_on() -> None:
    rows = [*plain(100), ("Text 3!", "a", None), ("new", "b", None)]
    division = split_up(rows, ["train"] * 100 + ["test"] * 2, folds=5)
    (part,) = division.parts
    assert part.test.tolist() == [100, 101] and 3 not in part.train and len(part.train) == 99
    assert division.split[3] == "unused" and division.split[100] == "test"
    assert [finding.check for finding in division.findings] == ["duplicates across splits", "not used"]
    assert "left out of training: 1 row " in division.findings[0].what


def test_official_validation_rows_are_never_trained_on() -> None:
    rows = plain(120)
    split = ["train"] * 80 + ["validation"] * 20 + ["test"] * 20
    rows[0] = ("text 85 .", "a", None)  # validation goes before training
    rows[90] = ("text 110 .", "a", None)  # test goes before validation
    division = split_up(rows, split, validation=0.5)
    (part,) = division.parts
    ((train, held),) = part.inner
    assert not part.refit and train.tolist() == part.train.tolist() == list(range(1, 80))
    assert held.tolist() == [row for row in range(80, 100) if row != 90]
    assert division.split[90] == division.split[0] == "unused" and division.split[85] == "validation"
    what = [finding.what for finding in division.findings]
    assert len(what) == 3 and "left out of training: 1 row " in what[0] and "left out of validation: 1 row " in what[1]
    assert what[2].startswith("data.validation is not used")


def test_official_validation_rows_in_a_cross_fitted_run() -> None:
    rows = plain(120)
    division = split_up(rows, ["train"] * 100 + ["validation"] * 20)
    assert len(division.parts) == 6
    for part in division.parts:
        assert part.train.max() < 100 and [held.tolist() for _, held in part.inner] == [list(range(100, 120))]
    assert Counter(division.split) == {"train": 100, "validation": 20}


def test_units_on_both_sides_of_an_official_split_are_said() -> None:
    rows: list[Row] = [(f"text {i}", "ab"[i % 2], f"user {i % 7}") for i in range(70)]
    division = split_up(rows, ["train"] * 60 + ["test"] * 10, unit="user")
    assert len(division.parts[0].train) == 60
    assert [finding.check for finding in division.findings] == ["units across splits"]
    assert "7 units" in division.findings[0].what


# ---- what hangs together ----


def test_near_equal_rows_stay_on_one_side() -> None:
    rows = plain(60) + [(f"TEXT {i} !", "ab"[i % 2], None) for i in range(60)]
    for data in ({}, {"folds": 0}):
        division = split_up(rows, **data)
        check_rules(rows, division)
        assert not division.findings


def test_units_stay_on_one_side_and_copies_of_other_units_are_left_out() -> None:
    rows: list[Row] = [(f"text {i}", "ab"[i % 2], f"doc {i // 5}") for i in range(200)]
    rows += [(f"text {i}.", "ab"[i % 2], f"doc {100 + i % 20}") for i in range(40)]
    division = split_up(rows, unit="doc")
    check_rules(rows, division)
    lost = 0
    for part in division.parts:
        units = {rows[i][2] for i in part.train}
        assert not units & {rows[i][2] for i in part.test}
        lost += len(rows) - len(part.train) - len(part.test)
        for train, held in part.inner:
            assert not {rows[i][2] for i in train} & {rows[i][2] for i in held}
    assert lost > 0 and [finding.check for finding in division.findings] == ["duplicates across splits"]


def test_a_unit_has_one_place_whatever_its_texts_are() -> None:
    rows: list[Row] = [(f"text {i}", "ab"[i % 2], f"doc {i // 10}") for i in range(400)]
    (part,) = split_up(rows, folds=0, unit="doc").parts
    expected = {f"doc {i}" for i in range(40) if fraction(f"unit doc {i}", 0, "split") < 0.2}
    assert {rows[i][2] for i in part.test} == expected and expected


# ---- labels of few rows ----


def rare_case(side: str, count: int) -> list[Row]:
    """Texts that strict hashing would put into the held-out fifth (`test`) or beside it, all of label c."""
    found = []
    for i in range(10_000):
        held = fraction(content_key((f"rare {i}",)), 0, "split") < 0.2
        if held == (side == "test"):
            found.append((f"rare {i}", "c", None))
        if len(found) == count:
            break
    return found


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_label_is_not_held_out_as_a_whole(count: int) -> None:
    rows = plain(300) + rare_case("test", count)
    (part,) = split_up(rows, folds=0).parts
    trained = [row for row in part.train if rows[row][1] == "c"]
    assert len(trained) == 1
    place = {row: fraction(content_key((rows[row][0],)), 0, "split") for row in range(300, 300 + count)}
    assert trained == [max(place, key=lambda row: place[row])]
    assert set(split_up(plain(300), folds=0).parts[0].test) <= set(part.test)


@pytest.mark.parametrize("count", [2, 3])
def test_a_label_is_not_in_one_fold_as_a_whole(count: int) -> None:
    rows = plain(300) + rare_case("test", count)
    *parts, _ = split_up(rows).parts
    assert all("c" in {rows[row][1] for row in part.train} for part in parts)
    assert sum("c" in {rows[row][1] for row in part.test} for part in parts) == 2


def test_help_for_one_label_does_not_take_another_ones_rows() -> None:
    both = rare_case("test", 1)[0][0]
    gold: list[Row] = [(both, ("c", "d"), None), *((text, ("d",), None) for text, _, _ in rare_case("test", 3)[1:])]
    rows = [(text, (label,), None) for text, label, _ in plain(100) if isinstance(label, str)] + gold
    for part in split_up(rows, folds=0).parts + split_up(rows).parts:
        assert "d" in {label for row in part.train for label in labels_of(rows[row][1])}


def test_inner_folds_keep_a_single_row_in_training() -> None:
    rows = [*plain(60), ("lonely", "c", None)]
    division = split_up(rows, ["train"] * 61, folds=0, split_seed=3)
    (part,) = division.parts
    assert 60 in part.train and len(part.inner) == 5
    assert all(60 in train for train, _ in part.inner)


def test_without_anything_to_choose_on_there_are_no_inner_holdouts() -> None:
    rows = plain(40)
    division = split_up(rows, ["train"] * 2 + ["test"] * 38)
    assert division.parts[0].inner == () and division.parts[0].refit


# ---- per_label ----


def test_labels_are_drawn_before_the_inner_folds() -> None:
    rows = plain(500, "abcd")
    division = split_up(rows, ["train"] * 400 + ["test"] * 100, per_label=10)
    (part,) = division.parts
    assert Counter(rows[i][1] for i in part.train) == dict.fromkeys("abcd", 10)
    assert sorted(np.concatenate([held for _, held in part.inner])) == part.train.tolist()
    assert Counter(division.split) == {"unused": 360, "test": 100, "train": 40}


def test_a_cross_fitted_draw_still_tests_every_row() -> None:
    rows = plain(300, "abc")
    division = split_up(rows, per_label=8)
    check_rules(rows, division)
    *parts, final = division.parts
    assert sum(len(part.test) for part in parts) == 300
    assert all(Counter(rows[i][1] for i in part.train) == dict.fromkeys("abc", 8) for part in division.parts)
    assert (division.split == "test").sum() + (division.split == "train").sum() == 300
    assert set(np.flatnonzero(division.split == "train")) >= set(final.train)


def test_only_used_rows_are_kept_on_request() -> None:
    rows = plain(300, "abc")
    frame = frame_of(rows, ["train"] * 250 + ["test"] * 50)
    division = divide(frame, Data(train="-", per_label=5))
    frame["split"] = division.split
    before = Splits(Rows(frame, ("a", "b", "c")), division.parts, DataReport())
    after = used_only(before)
    assert len(after.rows) == 65 and after.rows.labels == before.rows.labels

    def content(splits: Splits, part: Part) -> list[list[str]]:
        groups = [part.train, part.test, *(side for holdout in part.inner for side in holdout)]
        return [splits.rows.frame["row_id"].iloc[group].tolist() for group in groups]

    assert content(after, after.parts[0]) == content(before, before.parts[0])
    assert after.parts[0].refit == before.parts[0].refit


# ---- errors ----


def refused(rows: list[Row], split: str | list[str] = "train", **data: Any) -> str:
    with pytest.raises(InputError) as caught:
        split_up(rows, split, **data)
    assert caught.value.hint
    return caught.value.message


def test_what_cannot_be_split_is_refused() -> None:
    copies: list[Row] = [("same", "ab"[i % 2], None) for i in range(30)]
    assert "nothing can be held out" in refused(copies)
    one: list[Row] = [(f"text {i}", "ab"[i % 2], "doc") for i in range(30)]
    assert "nothing can be held out" in refused(one, unit="doc")
    assert "nothing can be held out" in refused([("one", "a", None), ("two", "b", None)], folds=0)
    single: list[Row] = [*((f"text {i}", "a", None) for i in range(30)), ("other", "b", None)]
    assert "have one label" in refused(single)
    both: list[Row] = plain(10) + plain(10)
    assert "no rows are left for training" in refused(both, ["train"] * 10 + ["test"] * 10)


# ---- properties ----

POOL = [(f"message {i}", "abcd"[i % 4 if i % 9 else 0], f"doc {i % 37}") for i in range(600)]
"""rows that the tables below are drawn from: four labels, 37 units"""

subsets = st.lists(st.integers(0, len(POOL) - 1), min_size=1, max_size=40)
shuffles = st.randoms(use_true_random=False)


def pooled(numbers: list[int], with_units: bool) -> list[Row]:
    return [(POOL[i][0], POOL[i][1], POOL[i][2] if with_units else None) for i in numbers]


def grown(old: list[Row], added: list[Row], random: Any) -> list[Row]:
    """Rows put on top, in the middle and at the end, and all of them shuffled now and then."""
    rows = list(old)
    for row in added:
        rows.insert(random.choice([0, len(rows) // 2, len(rows)]), row)
    if random.random() < 0.5:
        random.shuffle(rows)
    return rows


@settings(max_examples=20, deadline=None)
@given(subsets, shuffles, st.booleans(), st.integers(0, 3))
def test_no_old_test_row_moves_into_training(added: list[int], random: Any, units: bool, seed: int) -> None:
    old = pooled(list(range(120)), units)
    new = grown(old, pooled(added, units), random)
    data = {"folds": 0, "split_seed": seed, "unit": "doc" if units else None}
    (before,), (after,) = split_up(old, **data).parts, split_up(new, **data).parts
    assume(len(before.test) > 1)
    assert texts(old, before.test) <= texts(new, after.test)
    assert not texts(old, before.test) & texts(new, after.train)
    for _, held in after.inner:
        assert not texts(old, before.test) & texts(new, held)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 400), min_size=25, max_size=60, unique=True), subsets, shuffles)
def test_holdouts_are_stable_for_labels_of_any_size(first: list[int], added: list[int], random: Any) -> None:
    labels = ["a", "b", "c", "d", *(f"rare {i}" for i in range(8))]
    make = [(f"message {i}", labels[i % 4 if i % 5 else 4 + i % 8], None) for i in range(600)]
    old = [make[i] for i in first]
    new = grown(old, [make[i] for i in added], random)
    try:
        (before,), (after,) = split_up(old, folds=0).parts, split_up(new, folds=0).parts
    except InputError:
        assume(False)
    assume(any(fraction(content_key((text,)), 0, "split") < 0.2 for text in texts(old, before.test)))
    assert not texts(old, before.test) & texts(new, after.train)


@settings(max_examples=20, deadline=None)
@given(subsets, shuffles, st.booleans(), st.sampled_from([3, 5]))
def test_no_row_moves_to_another_fold(added: list[int], random: Any, units: bool, count: int) -> None:
    old = pooled(list(range(150)), units)
    new = grown(old, pooled(added, units), random)
    data = {"folds": count, "unit": "doc" if units else None}
    before = {text: part.name for part in split_up(old, **data).parts for text in texts(old, part.test)}
    after = {text: part.name for part in split_up(new, **data).parts for text in texts(new, part.test)}
    assert len(before) == 150
    assert {text: after[text] for text in before} == before


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.text("ab .!", min_size=1, max_size=5),
            st.sampled_from("xyz"),
            st.one_of(st.none(), st.sampled_from(["u1", "u2", "u3", "u4", "u5"])),
        ),
        min_size=2,
        max_size=60,
    ),
    st.sampled_from(["auto", 0, 2, 7]),
    st.booleans(),
    st.one_of(st.none(), st.integers(1, 4)),
)
def test_any_table_is_split_by_the_rules_or_refused(
    rows: list[Row], folds: Any, several: bool, per_label: int | None
) -> None:
    if several:
        rows = [(text, () if gold == "z" else tuple(sorted({"x", str(gold)})), unit) for text, gold, unit in rows]
    try:
        division = split_up(rows, folds=folds, per_label=per_label, unit="u")
    except InputError as error:
        assert error.hint
        return
    labels = {label for _, gold, _ in rows for label in labels_of(gold)}
    assert labels or several
    outer = [part for part in division.parts if len(part.test)]
    units = [{rows[i][2] for i in part.train} & {rows[i][2] for i in part.test} for part in outer]
    assert all(shared <= {None} for shared in units)
    content = [content_key((text,)) for text, _, _ in rows]
    for part in division.parts:
        apart(content, part.train, part.test)
        for train, held in part.inner:
            apart(content, train, held)
    if folds != 0:
        assert sorted(np.concatenate([part.test for part in division.parts])) == list(range(len(rows)))
    assert outer


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 60), st.sampled_from("abcdefgh")), min_size=2, max_size=80),
    st.integers(2, 6),
)
def test_labels_are_spread_wherever_they_can_be(pairs: list[tuple[int, str]], count: int) -> None:
    rows: list[Row] = [(f"text {number}", label, None) for number, label in dict(pairs).items()]
    known = codes(rows)
    everything = np.arange(len(rows))
    sides = folds(known, everything, count, 0, "inner", keep_single=True)
    held = held_out(known, everything, 0.4, 0, "split")
    for label in {row[1] for row in rows}:
        mine = np.array([row[1] == label for row in rows])
        assert not held[mine].all()
        assert (sides[mine] == NEVER).all() if mine.sum() == 1 else len(set(sides[mine])) > 1
