"""Span scores are those of seqeval, and overlapping spans count half where they may."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval import metrics as seqeval
from seqeval.scheme import IOB2

from ftkit.data.tags import mended
from ftkit.metrics import Scored, family, load
from ftkit.metrics._spans import by_type, overlapping
from ftkit.statistics.intervals import interval
from ftkit.statistics.jackknife import leave_out
from ftkit.statistics.tagged import confused, per_type

ANSWERS = ("partial_span_f1", "span_f1", "span_precision", "span_recall", "token_accuracy")
TAG = st.sampled_from(["O", "O", "B-a", "I-a", "B-b", "I-b"])
PAIRS = st.lists(st.lists(st.tuples(TAG, TAG), min_size=1, max_size=8), min_size=2, max_size=8)


def scored(pairs: list[list[tuple[str, str]]]) -> Scored:
    """Rows of (gold, predicted) tags, mended."""
    sides = [[tuple(mended([pair[side] for pair in row], "bio")[0]) for row in pairs] for side in (0, 1)]
    return Scored(("B-a", "B-b", "I-a", "I-b", "O"), *(np.fromiter(side, object, len(side)) for side in sides))


def test_the_family_of_tags() -> None:
    assert family("tags") == (*ANSWERS, "token_log_loss")


@pytest.mark.filterwarnings("ignore")  # seqeval warns of what it sets to 0
@settings(deadline=None)
@given(PAIRS)
def test_scores_are_those_of_seqeval(pairs: list[list[tuple[str, str]]]) -> None:
    rows = scored(pairs)
    gold, said = [list(row) for row in rows.gold], [list(row) for row in rows.prediction]
    found = {name: load(name).compute(rows) for name in ANSWERS}
    assert found["span_precision"] == pytest.approx(seqeval.precision_score(gold, said, mode="strict", scheme=IOB2))
    assert found["span_recall"] == pytest.approx(seqeval.recall_score(gold, said, mode="strict", scheme=IOB2))
    assert found["token_accuracy"] == pytest.approx(seqeval.accuracy_score(gold, said))
    if by_type(rows):
        assert found["span_f1"] == pytest.approx(seqeval.f1_score(gold, said, mode="strict", scheme=IOB2))
        assert found["partial_span_f1"] >= found["span_f1"]
        table = seqeval.classification_report(gold, said, output_dict=True, mode="strict", scheme=IOB2)
        for line in per_type(rows):
            assert (line["f1"] or 0.0) == pytest.approx(table[line["label"]]["f1-score"])
            assert line["rows"] == table[line["label"]]["support"]
    else:
        assert np.isnan(found["span_f1"])


@pytest.mark.filterwarnings("ignore")
@settings(deadline=None)
@given(PAIRS)
def test_a_rows_own_f1_is_that_of_seqeval_and_1_without_spans(pairs: list[list[tuple[str, str]]]) -> None:
    rows, metric = scored(pairs), load("row_span_f1")
    found = metric.rows(rows)
    assert found is not None and metric.compute(rows) == pytest.approx(found.mean())
    for i, value in enumerate(found):
        gold, said = [list(rows.gold[i])], [list(rows.prediction[i])]
        spans = {*gold[0], *said[0]} != {"O"}
        expected = seqeval.f1_score(gold, said, mode="strict", scheme=IOB2) if spans else 1.0
        assert value == pytest.approx(expected)


@given(PAIRS)
def test_scores_without_each_row_are_those_of_the_other_rows(pairs: list[list[tuple[str, str]]]) -> None:
    rows = scored(pairs)
    for name in ANSWERS:
        metric = load(name)
        fresh = [metric.compute(rows.take(np.delete(np.arange(len(rows)), i))) for i in range(len(rows))]
        np.testing.assert_allclose(leave_out(metric, rows, None), fresh)


@pytest.mark.parametrize(
    ("gold", "said", "points"),
    [
        ([("a", 0, 2)], [("a", 0, 2)], 1.0),
        ([("a", 0, 2)], [("a", 1, 3)], 0.5),
        ([("a", 0, 2)], [("b", 0, 2)], 0.0),
        ([("a", 0, 4)], [("a", 0, 1), ("a", 2, 3)], 0.5),  # a gold span is matched once
        ([("a", 0, 1), ("a", 2, 3)], [("a", 0, 3)], 0.5),
        ([("a", 0, 2), ("a", 2, 4)], [("a", 1, 4), ("a", 0, 1)], 1.0),
        ([("a", 0, 2)], [("a", 2, 3)], 0.0),
    ],
)
def test_an_overlap_of_the_same_type_counts_half(gold: list, said: list, points: float) -> None:
    assert overlapping(gold, said) == points


def test_an_interval_holds_the_value_and_narrows_with_rows() -> None:
    random = np.random.default_rng(0)
    draw = [[("B-a", "B-a" if random.random() < 0.8 else "O"), ("O", "O")] for _ in range(400)]
    few, many = (interval(load("span_f1"), scored(draw[:size])) for size in (50, 400))
    assert few.low is not None and many.low is not None and few.high is not None and many.high is not None
    assert few.low < few.value < few.high and many.high - many.low < few.high - few.low


def test_confusions_name_types_and_spans_that_have_no_partner() -> None:
    rows = scored([[("B-a", "B-b")], [("B-a", "O")], [("O", "B-b")], [("B-a", "B-b")], [("B-b", "B-b")]])
    assert confused(rows) == [
        {"gold": "a", "prediction": "b", "rows": 2},
        {"gold": "(no span)", "prediction": "b", "rows": 1},
        {"gold": "a", "prediction": "(no span)", "rows": 1},
    ]
