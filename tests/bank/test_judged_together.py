"""What replaces an adapter in service when many groups were retrained together."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from ftkit.bank import generations, records
from ftkit.bank.folder import Generation
from ftkit.bank.records import PROMOTED, Outcome, Record
from ftkit.statistics.promotion import Prior

GAINS = Prior((0.05,), (1.0,), (0.1,), (0.01,), row_variance=0.3)
"""with which every group here is promoted"""
ROWS = 40


def record(number: int, change: float) -> Record:
    """A retrained group: its own rows cannot tell its new adapter from the one in service."""
    return Record(
        key=f"{number:064x}",
        name=f"user {number}",
        rows=ROWS,
        new=False,
        place=number,
        tested=ROWS,
        gain=0.2,
        units=ROWS,
        squares=0.3 * ROWS,
        verdict="cannot tell",
        without="cannot tell",
        unseen=ROWS,
        change=change,
        change_units=ROWS,
        change_squares=0.2 * ROWS,
        margin=0.01,
        needed=900,
    )


def settled(trained: list[Record], before: dict[str, Outcome] | None = None) -> dict[str, Outcome]:
    """What each uses after an update; all had an adapter in service."""
    if before is None:
        before = {one.key: Outcome(replace(one, sha256="old"), 0, PROMOTED) for one in trained}
    change = records.change_of(trained)
    one = Generation(2, "update", "", "general", "", GAINS, shards=(1,), change=change)
    return generations.settled_in(one, before, [(1, one) for one in trained])


def test_many_that_changed_alike_are_replaced_and_one_that_lost_is_not() -> None:
    found = settled([record(i, -0.2 if i == 3 else 0.08) for i in range(30)])
    kept = {one.record.name: one.kept for one in found.values() if one.record.sha256 == "old"}
    assert list(kept) == ["user 3"]
    assert kept["user 3"].startswith("cannot tell on 40 rows that neither has seen; some 900 like them")
    assert kept["user 3"].endswith("its own rows speak against it, whatever the other groups gained")


def test_where_changes_scatter_it_is_told_how_likely_a_loss_is() -> None:
    found = settled([record(i, (-0.3, 0.0, 0.3)[i % 3]) for i in range(30)])
    kept = next(one.kept for one in found.values() if one.record.name == "user 1")
    assert re.search("judged with all retrained groups it is worse with a probability of [2-6][0-9]%$", kept)


@pytest.mark.parametrize("verdict", ["worse", "cannot tell"])
def test_what_a_groups_own_rows_show_is_not_overruled(verdict: str) -> None:
    trained = [record(i, 0.08) for i in range(30)]
    trained[3] = replace(trained[3], verdict=verdict)
    uses_old = settled(trained)[trained[3].key].record.sha256 == "old"
    assert uses_old is (verdict == "worse")


def test_few_groups_are_judged_each_by_its_own_rows() -> None:
    found = settled([record(i, 0.08) for i in range(8)])
    assert {one.record.sha256 for one in found.values()} == {"old"}
    assert all("all retrained groups" not in one.kept for one in found.values())


def test_groups_out_of_service_speak_as_well() -> None:
    trained = [record(i, 0.08) for i in range(30)]
    before = {one.key: Outcome(replace(one, sha256="old"), 0, records.GENERAL) for one in trained[4:]}
    before |= {one.key: Outcome(replace(one, sha256="old"), 0, PROMOTED) for one in trained[:4]}
    assert {one.record.sha256 for one in settled(trained, before).values()} == {""}
    assert {one.record.sha256 for one in settled(trained[:4], before).values()} == {"old"}
