"""Tables and verdicts of the benchmark, on invented records."""

from __future__ import annotations

from typing import Any

import pytest
from claims import difference, judged, not_worse, of_claims
from contestants import AUTO, BEST, KINDS, SETFIT, TRAINER
from records import Bound
from statsmodels.stats.proportion import proportion_confint
from tables import Found, accuracy, of_same_work, of_sets, ratios, spread, where, whole, wilson, work_seconds
from test_records import record

WORK = {"phases": {"features": 2.0, "probe": 1.0, "train": 6.0}, "epoch_seconds": [5.0, 0.5, 0.5]}


def lines(text: str, start: str) -> list[str]:
    """Rows of a table that begin so."""
    return [line for line in text.splitlines() if line.startswith(f"| {start}")]


def test_intervals_are_those_of_wilson() -> None:
    assert wilson(0.8, 700) == pytest.approx(proportion_confint(560, 700, method="wilson"))
    assert wilson(1.0, 5)[1] == pytest.approx(1.0) and wilson(0.0, 5)[0] == 0.0
    low, high = proportion_confint(3, 4, method="wilson")
    assert accuracy([record(), record(right="1110")]) == f"0.750 ({low:.3f} to {high:.3f})"


def test_a_spread_is_a_median_with_its_range() -> None:
    assert spread([Bound(12.0)]) == "12.0" and spread([]) == "–"
    assert spread([Bound(12.0), Bound(14.0, at_least=True)]) == "> 13.0 (12.0 to 14.0)"


def test_ratios_are_taken_within_a_repetition() -> None:
    ours = [record(contestant=AUTO.name, repetition=i, seconds=10.0 * (i + 1), models=((5.0, 0.9),)) for i in (0, 1)]
    theirs = [record(repetition=i, seconds=50.0 * (i + 1), models=((40.0, 0.85),)) for i in (0, 1)]
    found = Found([*ours, *theirs], {})
    (line,) = lines(of_sets(found), "amazon, 0.80 | SetFit")
    assert line.endswith("| 1024 | 8.0 (8.0 to 8.0) | 5.0 (5.0 to 5.0) |")
    short = Found([*ours, record(repetition=0, models=((40.0, 0.5),), complete=False)], {})
    (line,) = lines(of_sets(short), "amazon, 0.80 | SetFit")
    assert line.endswith("| > 20.0 | > 9.0 | > 40.0 | 1024 | > 8.0 | > 2.0 |")
    assert of_sets(Found([], {})) == "Not measured yet."


def test_only_the_best_learning_rate_of_trainer_counts() -> None:
    tried = [record(contestant=BEST, about={"lr": lr}, seconds=lr) for lr in (5e-3, 1e-3)]
    assert Found(tried, {"amazon": 5e-3}).of("amazon", BEST)[0].seconds == 5e-3
    assert Found(tried[:1], {"amazon": 1e-3}).of("amazon", BEST) == {}


def test_the_same_work_counts_the_pass_through_the_frozen_layers_and_not_the_probe() -> None:
    everything, third = KINDS[:2]
    ours = record(part="work", contestant=f"ftkit, {third.name}", about=WORK)
    assert work_seconds(ours, third) == 8.0 and work_seconds(ours, everything) == 6.0
    quick = {"epoch_seconds": [3.0, 2.0, 2.0, 2.0]}
    theirs = record(part="work", contestant=f"{TRAINER}, {third.name}", about=quick)
    assert whole(theirs) == 9.0 + 6 * 2.0 and whole(record(about={"epoch_seconds": [1.0] * 10})) == 10.0
    full = record(part="work", contestant=f"ftkit, {everything.name}", about=WORK | {"epoch_seconds": [3.0, 2.0]})
    found = Found([ours, theirs, full], {})
    assert ratios(found, "work", third, TRAINER) == [Bound(21.0 / 8.0)] and ratios(found, "work", third, BEST) == []
    assert lines(of_same_work(found, "work"), third.name)[0].endswith("| 8.0 | 21.0 | 2.6 | – | – | 0.50 | 0.25 |")
    said = lines(of_claims(found, "work", "again"), f"{third.name}: an epoch")
    assert said[0].endswith("| at most 0.40 | 0.25 | yes |")


@pytest.mark.parametrize(
    ("values", "holds"),
    [
        ([Bound(12.0)], "yes"),
        ([Bound(12.0, at_least=True)], "yes"),
        ([Bound(9.0)], "no"),
        ([Bound(9.0, at_least=True)], "cannot tell"),
        ([], "not measured"),
    ],
)
def test_a_lower_bound_cannot_fail(values: list[Bound], holds: str) -> None:
    assert judged("what", values, 10.0)[3] == holds


def setfit(**given: Any) -> list[str]:
    """Verdicts (time, accuracy) against a SetFit of accuracy 0.75 after 18 s."""
    ours = record(contestant=AUTO.name, right="1101") if "ours" not in given else given.pop("ours")
    said = of_claims(Found([ours, record(contestant=SETFIT, **given)], {}), "work", "again")
    return [line.split(" | ")[-1].removesuffix(" |") for line in lines(said, "amazon")]


def test_verdicts_against_setfit() -> None:
    assert setfit() == ["no", "yes"]
    assert setfit(models=((200.0, 0.75),)) == ["yes", "yes"]
    assert setfit(complete=False) == ["cannot tell"]
    worse = record(contestant=AUTO.name, right="0" * 40 + "1" * 60, models=((5.0, 0.6),))
    assert setfit(ours=worse, right="1" * 65 + "0" * 35) == ["no", "yes"]  # 5 points, but most rows differ
    assert setfit(ours=worse, right="1" * 99 + "-") == ["no", "no"]


def test_differences_are_paired() -> None:
    pair = (record(right="1100"), record(right="1010"))
    gap, low, high = difference([pair])
    assert gap == 0 and high == pytest.approx(1.96 * (2 / 3) ** 0.5 / 2) and low == -high
    assert difference([(record(right="10-0"), record(right="1011"))])[0] == pytest.approx(-1 / 3)
    assert not_worse("what", [])[3] == "not measured"


def test_differences_hold_which_rows_were_drawn() -> None:
    """Worse by 3 and by 1 of 4 rows: so few draws cannot tell, although nearly every row says the same."""
    pairs = [(record(right="0000"), record(right="1110")), (record(right="0000"), record(right="1000"))]
    gap, low, high = difference(pairs)
    assert gap == pytest.approx(-0.5) and (low + high) / 2 == pytest.approx(gap)
    assert high - gap == pytest.approx(((12.706 * 0.25) ** 2 + (1.96 * (1 / 6) ** 0.5 / 2) ** 2) ** 0.5, rel=1e-3)
    assert not_worse("what", pairs)[2:] == (f"-0.500 ({low:+.3f} to {high:+.3f}, 2 draws)", "yes")


def test_where_says_how_quiet_it_was() -> None:
    said = where([record(others=0.1), record(others=0.5, when="2026-11-23T10:00:00"), record()], "A machine.")
    assert "from 2026-11-23T09:00:00 to 2026-11-23T10:00:00" in said and "0.10 cores busy" in said
