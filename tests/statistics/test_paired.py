"""Paired comparisons: equal to statsmodels and scipy, and honest outcomes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from drawn_rows import clustered, labels_of, soft, two
from scipy.stats import binom

from ftkit.errors import InputError
from ftkit.metrics import Metric, Scored, load
from ftkit.statistics import mcnemar, permutation
from ftkit.statistics.paired import Comparison, compare, holm, holm_family, outcome, rows_to_tell

ACCURACY = load("accuracy")


class Slowly(Metric):
    """Macro-F1 that is known by `compute` alone."""

    def compute(self, scored: Scored) -> float:
        return load("macro_f1").compute(scored)


def test_a_metric_known_by_its_value_alone_gives_about_the_same_p_value() -> None:
    for seed, differing in ((0, 0.3), (1, 0.2)):
        a, b = two(np.random.default_rng(seed), 80, 3, 0.7, differing, 0.1)
        fast, slow = (permutation.p_value(metric, a, b) for metric in (load("macro_f1"), Slowly()))
        assert slow == pytest.approx(fast, abs=0.03)
    a, b = two(np.random.default_rng(2), 40, 3, 0.7, 0.12)
    assert permutation.differs(a, b, scores=False).sum() <= permutation.EXACT
    assert permutation.p_value(Slowly(), a, b) == permutation.p_value(load("macro_f1"), a, b)


def test_calibration_errors_are_compared_on_one_column_with_the_same_result() -> None:
    class Whole(Metric):
        needs_scores = True

        def compute(self, scored: Scored) -> float:
            return load("ece").compute(scored)

    rng = np.random.default_rng(0)
    a, b = soft(rng, 9, 3, 1.4), soft(rng, 9, 3, 1.0)
    b = Scored(b.labels, a.gold, b.prediction, b.scores)
    assert permutation.p_value(load("ece"), a, b) == permutation.p_value(Whole(), a, b)


def test_whole_units_are_swapped() -> None:
    """Ten units of equal rows are ten rows, repeated: the p-value is that of ten rows."""
    rng = np.random.default_rng(4)
    a, b = two(rng, 10, 2, 0.6, 0.5, 0.2)
    repeated = np.repeat(np.arange(10), 7)
    for name in ("macro_f1", "accuracy", "matthews"):
        alone = permutation.p_value(load(name), a, b)
        assert permutation.p_value(load(name), a.take(repeated), b.take(repeated), repeated) == pytest.approx(alone)


def test_intervals_of_the_difference_turn_with_the_order() -> None:
    a, b = two(np.random.default_rng(6), 150, 3, 0.8, 0.2, 0.05)
    for name in ("accuracy", "macro_f1", "matthews"):
        forth, back = compare(load(name), a, b), compare(load(name), b, a)
        assert (forth.low, forth.high) == pytest.approx((-back.high, -back.low))  # type: ignore[operator]
        assert forth.p_value == pytest.approx(back.p_value, abs=0.02)
        assert (forth.fixed, forth.broken) == (back.broken, back.fixed)


def test_power_of_the_exact_test_equals_its_double_sum() -> None:
    for rows, share, delta, alpha in ((40, 0.3, 0.2, 0.05), (25, 0.5, 0.3, 0.0125), (60, 0.1, 0.1, 0.05)):
        up, wanted = (share + delta) / 2 / share, 0.0
        for differing in range(1, rows + 1):
            for fixed in range(differing // 2 + 1, differing + 1):
                if mcnemar.exact(fixed, differing - fixed) <= alpha:
                    wanted += binom.pmf(differing, rows, share) * binom.pmf(fixed, differing, up)
        assert mcnemar.power(delta, share, rows, alpha) == pytest.approx(wanted, abs=1e-9)


def test_the_smallest_effect_has_a_power_of_eighty_percent() -> None:
    for fixed, broken, rows, alpha in ((8, 7, 100, 0.05), (0, 0, 60, 0.05), (300, 250, 4000, 0.005)):
        least = mcnemar.smallest_effect(fixed, broken, rows, alpha)
        assert least is not None
        assert mcnemar.power(least, (fixed + broken) / rows, rows, alpha) == pytest.approx(0.8, abs=0.02)
    assert mcnemar.smallest_effect(1, 0, 5) is None
    stated = mcnemar.smallest_effect(15, 15, 200)
    assert stated == pytest.approx(0.077, abs=0.004)  # the normal approximation at 15 % differing rows


@pytest.mark.parametrize(
    ("low", "high", "corrected", "wanted"),
    [
        (0.02, 0.05, 0.01, "better"),
        (-0.05, -0.02, 0.01, "worse"),
        (0.001, 0.009, 0.01, "equivalent"),  # inside the margin, even if zero is not
        (-0.009, 0.009, 0.9, "equivalent"),
        (-0.009, 0.03, 0.2, "not worse"),
        (0.001, 0.03, 0.06, "not worse"),  # significant alone, but not in its family
        (-0.02, 0.03, 0.6, "cannot tell"),
        (-0.03, 0.009, 0.2, "cannot tell"),
        (-0.05, -0.001, 0.2, "cannot tell"),
        (None, None, 0.01, "cannot tell"),
    ],
)
def test_the_outcome_follows_from_interval_margin_and_p_value(
    low: float | None, high: float | None, corrected: float, wanted: str
) -> None:
    plain = Comparison(metric="m", value=0, reference=0, difference=0, rows=9, fixed=0, broken=0, margin=0.01)
    found = replace(plain, low=low, high=high, p_value=corrected, corrected=corrected)
    assert outcome(found) == wanted


def test_lower_is_better_turns_the_sign() -> None:
    rng = np.random.default_rng(7)
    sharp, dull = soft(rng, 200, 3, 3.0), soft(rng, 200, 3, 0.5)
    dull = Scored(dull.labels, sharp.gold, dull.prediction, dull.scores)
    for name in ("log_loss", "brier", "accuracy", "roc_auc"):
        found = compare(load(name), sharp, dull)
        assert found.outcome == "better" and found.difference > 0 and found.low is not None and found.low > 0, name
    loss = compare(load("log_loss"), sharp, dull)
    assert loss.value < loss.reference and loss.difference == loss.reference - loss.value and loss.margin is None


def test_a_family_is_corrected_as_one() -> None:
    rng = np.random.default_rng(8)
    pairs = [two(rng, 200, 3, 0.8, 0.1, delta) for delta in (0.08, 0.05, 0.0, 0.0)]
    alone = [compare(ACCURACY, a, b, family=4) for a, b in pairs]
    family = holm_family(alone)
    assert [one.corrected for one in family] == holm([one.p_value or 0 for one in alone])
    assert all(one.corrected == min(1.0, 4 * (one.p_value or 0)) for one in alone)
    assert [one.outcome for one in family] == [outcome(one) for one in family]
    single = compare(ACCURACY, *pairs[0])
    assert single.smallest_effect is not None and alone[0].smallest_effect is not None
    assert single.smallest_effect < alone[0].smallest_effect


def test_equal_predictions_differ_in_nothing() -> None:
    scored = soft(np.random.default_rng(9), 100, 3, 1.0)
    seen = 0
    for name in ("accuracy", "macro_f1", "micro_f1", "precision", "recall", "matthews", "roc_auc", "brier", "ece"):
        found = compare(load(name), scored, scored)
        assert found.difference == 0 and found.p_value == 1 and found.outcome == "equivalent", name
        assert found.low is not None and found.high is not None and found.low < 0 < found.high  # 100 rows prove little
        assert (found.fixed, found.broken) == (0, 0)
        seen += 1
    assert seen == 9
    assert compare(load("log_loss"), scored, scored).note == "no rows that differ"
    nearly = np.where(np.arange(100) == 3, (scored.prediction + 1) % 3, scored.prediction)
    assert compare(load("accuracy"), scored, Scored(scored.labels, scored.gold, nearly)).outcome != "equivalent"


def test_equal_answers_of_few_rows_or_units_are_equivalent_as_seen() -> None:
    scored, unit = clustered(np.random.default_rng(0), 9, 30, 0.8, 0.2)
    found = compare(ACCURACY, scored, scored, unit)
    assert (found.outcome, found.same, found.low) == ("equivalent", True, None)
    few = scored.take(np.arange(5))
    assert compare(load("macro_f1"), few, few).outcome == "equivalent"
    assert compare(load("log_loss"), few, few).outcome == "cannot tell"  # without scores there is nothing to agree on


def test_a_correction_is_named_by_what_was_done() -> None:
    rng = np.random.default_rng(0)
    pairs = [two(rng, 100, 3, 0.8, 0.1) for _ in range(3)]
    alone = [compare(ACCURACY, a, b, family=3) for a, b in pairs]
    assert {one.correction for one in alone} == {"Bonferroni"}
    assert {one.correction for one in holm_family(alone)} == {"Holm"}
    assert compare(ACCURACY, *pairs[0]).correction == holm_family([compare(ACCURACY, *pairs[0])])[0].correction == ""


def test_few_units_give_no_verdict_and_few_rows_no_interval() -> None:
    scored, unit = clustered(np.random.default_rng(0), 9, 30, 0.8, 0.2)
    other = Scored(scored.labels, scored.gold, 1 - scored.gold)
    found = compare(ACCURACY, scored, other, unit)
    assert (found.outcome, found.p_value, found.low, found.units) == ("cannot tell", None, None, 9)
    few = compare(load("macro_f1"), scored.take(np.arange(9)), other.take(np.arange(9)))
    assert few.low is None and few.p_value is not None and few.outcome == "cannot tell"


def test_no_rows_and_one_row_can_be_compared() -> None:
    nothing = Scored(labels_of(2), np.zeros(0, int), np.zeros(0, int))
    assert compare(ACCURACY, nothing, nothing).outcome == "cannot tell"
    one = Scored(labels_of(2), np.array([0]), np.array([0]))
    other = Scored(labels_of(2), np.array([0]), np.array([1]))
    found = compare(ACCURACY, one, other)
    assert (found.fixed, found.p_value, found.outcome, found.smallest_effect) == (1, 1.0, "cannot tell", None)


def test_what_does_not_align_is_an_input_error() -> None:
    a, b = two(np.random.default_rng(0), 20, 3, 0.8, 0.2)
    with pytest.raises(InputError, match="not of the same rows"):
        compare(ACCURACY, a, b.take(np.arange(19)))
    with pytest.raises(InputError, match="not of the same rows"):
        compare(ACCURACY, a, b.take(np.arange(20)[::-1]))
    with pytest.raises(InputError, match="different labels"):
        compare(ACCURACY, a, Scored(("x", "y", "z"), b.gold, b.prediction))


def test_gold_labels_unknown_to_training_and_several_labels_a_row_compare() -> None:
    a, b = two(np.random.default_rng(1), 60, 3, 0.8, 0.3)
    gold = np.where(np.arange(60) % 6 == 0, -1, a.gold)
    a, b = (Scored(one.labels, gold, one.prediction) for one in (a, b))
    found = compare(load("macro_f1"), a, b)
    assert found.low is not None and found.low < found.difference < (found.high or 0)
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 2, (80, 3))
    many = [Scored(labels_of(3), truth, np.where(rng.random((80, 3)) < 0.15, 1 - truth, truth)) for _ in range(2)]
    for name in ("accuracy", "macro_f1", "micro_f1", "matthews"):
        assert compare(load(name), *many).low is not None


@pytest.mark.parametrize("seed", [2, 3, 5, 6])
def test_on_as_many_rows_as_it_is_said_to_take_it_is_no_worse(seed: int) -> None:
    a, b = two(np.random.default_rng(seed), 100, 3, 0.7, 0.12)
    found = compare(ACCURACY, a, b)
    wanted = rows_to_tell(found)
    assert found.outcome == "cannot tell" and wanted is not None and wanted > 300

    def on(times: float) -> str:
        some = np.repeat(np.arange(100), round(times))
        return compare(ACCURACY, a.take(some), b.take(some)).outcome

    assert on(1.3 * wanted / 100) in ("better", "not worse", "equivalent") and on(0.7 * wanted / 100) == "cannot tell"


@pytest.mark.parametrize("seed", [1, 4])
def test_no_number_of_rows_shows_a_loss_to_be_none(seed: int) -> None:
    found = compare(ACCURACY, *two(np.random.default_rng(seed), 100, 3, 0.7, 0.12))
    assert found.difference <= -0.01 and rows_to_tell(found) is None
