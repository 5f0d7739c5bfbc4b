"""The verdict in words: what it says first, what it is sure of, and what nobody could have seen."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from drawn_rows import labels_of, soft, two

from ftkit.metrics import Scored, load
from ftkit.statistics.verdict import judge
from ftkit.statistics.wording import subject

LABELS = labels_of(4)
BASELINES = ("majority", "tfidf", "nearest_neighbour", "linear_probe")


def verdict(rows: int, fixed: int, broken: int, name: str = "linear_probe", **more: Any) -> dict[str, Any]:
    """The verdict where exactly so many rows are right with just one of the two; a fifth is wrong with both."""
    gold, number = np.arange(rows) % 4, np.arange(rows)
    both_wrong = number >= rows - rows // 5
    right_a = (number >= broken) & ~both_wrong
    right_b = (right_a & ~((number >= broken) & (number < broken + fixed))) | (number < broken)
    a, b = (Scored(LABELS, gold, np.where(right, gold, (gold + 1) % 4)) for right in (right_a, right_b))
    found = judge(load("accuracy"), a, {name: b}, **more)
    assert (found["fixed"], found["broken"], found["rows"]) == (fixed, broken, rows)
    return found


def test_better_names_both_scores_and_the_evidence() -> None:
    found = verdict(300, 30, 4)
    assert found["outcome"] == "better" and found["reference"] == "linear_probe"
    assert found["sentence"] == (
        "The adapter is better than the linear probe: accuracy 0.787 against 0.700 on 300 rows, a difference of "
        "+8.7 points (95 % interval +5.2 to +12.8, p < 0.001)."
    )
    assert found["difference"]["value"] == pytest.approx(26 / 300)
    assert "with one seed, not on the recipe" in found["details"][-1]
    assert "delivered one of 3 seeds" in verdict(300, 30, 4, seeds=3)["details"][-1]


def test_worse_equivalent_and_not_worse_say_so() -> None:
    worse = verdict(300, 4, 30)
    assert worse["outcome"] == "worse"
    assert worse["sentence"].startswith("The adapter is worse than the linear probe: accuracy 0.700 against 0.787")
    same = verdict(5000, 50, 50)
    assert same["outcome"] == "equivalent"
    assert same["sentence"].startswith("The adapter is as good as the linear probe, within 1 point: accuracy")
    close = verdict(1200, 14, 8)
    assert close["outcome"] == "not worse"
    assert close["sentence"].startswith("The adapter is at most 1 point worse than the linear probe, and may be better")


def test_what_nobody_can_tell_says_what_could_not_be_seen() -> None:
    found = verdict(60, 5, 4)
    assert found["outcome"] == "cannot tell"
    assert found["sentence"] == (
        "Nobody can tell the adapter from the linear probe on these 60 rows: accuracy 0.733 against 0.717, a "
        "difference of +1.7 points (95 % interval −9.2 to +12.8, p = 1.00). With this many rows, a true difference of "
        "14 points would be found 4 times in 5, a smaller one less often."
    )
    assert verdict(5, 1, 1)["sentence"].endswith("No difference at all could have been seen on so few rows.")


@pytest.mark.parametrize(
    ("rows", "fixed", "broken", "start"),
    [
        (300, 4, 30, "A model without pretraining (TF-IDF) does better than this adapter: "),
        (60, 4, 6, "A model without pretraining (TF-IDF) scores higher than this adapter, which may be chance: "),
        (9000, 50, 60, "A model without pretraining (TF-IDF) does as well as this adapter, within 1 point: "),
    ],
)
def test_a_model_without_pretraining_that_is_ahead_comes_first(rows: int, fixed: int, broken: int, start: str) -> None:
    found = verdict(rows, fixed, broken, name="tfidf")
    assert found["sentence"].startswith(start + "the adapter has accuracy 0.")


def test_other_baselines_are_named() -> None:
    majority = verdict(300, 4, 30, name="majority")
    assert majority["sentence"].startswith("Always answering the most frequent label does better than this adapter: ")
    behind = verdict(300, 30, 4, name="tfidf")
    assert behind["sentence"].startswith("The adapter is better than the model without pretraining (TF-IDF): ")


def test_the_best_baseline_is_the_reference_and_the_probe_is_compared_too() -> None:
    a, low = two(np.random.default_rng(0), 300, 4, 0.7, 0.12, 0.1)
    best = Scored(low.labels, low.gold, np.where(np.arange(300) % 10 == 0, a.gold, a.prediction))
    found = judge(load("accuracy"), a, {"linear_probe": low, "tfidf": best})
    assert found["reference"] == "tfidf"
    assert any(line.startswith("The adapter is better than the linear probe: ") for line in found["details"])
    assert any("compared with 2 baselines" in line and "Holm" in line for line in found["details"])
    tied = judge(load("accuracy"), a, {"majority": low, "tfidf": low, "linear_probe": low})
    assert tied["reference"] == "linear_probe"


def test_lower_is_better_chooses_the_lowest_and_says_so() -> None:
    rng = np.random.default_rng(1)
    mine = soft(rng, 200, 3, 3.0)
    others = {name: soft(rng, 200, 3, lead) for name, lead in (("tfidf", 0.2), ("linear_probe", 1.0))}
    others = {name: Scored(one.labels, mine.gold, one.prediction, one.scores) for name, one in others.items()}
    others["majority"] = Scored(mine.labels, mine.gold, np.zeros(200, int))  # no scores: takes no part
    found = judge(load("log_loss"), mine, others)
    reference = min((load("log_loss").compute(others[name]), name) for name in ("tfidf", "linear_probe"))[1]
    assert found["reference"] == reference and found["difference"]["value"] > 0
    assert "(lower is better)" in found["sentence"] and "positive meaning better" in found["sentence"]
    assert "points" not in found["sentence"] and "compared with 2 baselines" in " ".join(found["details"])


def test_identical_answers_are_said_plainly() -> None:
    a, _ = two(np.random.default_rng(0), 120, 4, 0.8, 0.1)
    found = judge(load("accuracy"), a, {"linear_probe": a})
    assert re.fullmatch(
        r"The adapter answers exactly as the linear probe does on all 120 rows \(accuracy 0\.\d{3}\)\.",
        found["sentence"],
    )
    assert (found["fixed"], found["broken"], found["p_value"]) == (0, 0, 1.0)
    assert found["outcome"] == "equivalent"  # as seen; and how far that reaches:
    assert found["details"][0].startswith("All answers agree on these rows; on others the difference may still lie")
    assert "between −3.1 and +3.1 points (95 % interval)" in found["details"][0]
    scores = np.eye(4)[a.prediction] * 0.6 + 0.1
    mine, other = (Scored(a.labels, a.gold, a.prediction, one) for one in (scores, scores * 0.5 + 0.125))
    assert "answers exactly" not in judge(load("log_loss"), mine, {"linear_probe": other})["sentence"]


def test_the_sentence_names_what_was_made_and_how_p_was_corrected() -> None:
    a, b = two(np.random.default_rng(0), 300, 4, 0.7, 0.12, 0.1)
    found = judge(load("accuracy"), a, {"linear_probe": b, "tfidf": b}, subject="solved head")
    assert found["sentence"].startswith("The solved head is better than the linear probe: ")
    assert ", Holm-corrected p " in found["sentence"] and found["correction"] == "Holm"
    assert "adapter" not in " ".join([found["sentence"], *found["details"]])
    alone = judge(load("accuracy"), a, {"linear_probe": b})
    assert ", p " in alone["sentence"] and "corrected" not in alone["sentence"] and alone["correction"] == ""
    names = [subject(method) for method in ("lora", "head", "full", "auto", "mine.py")]
    assert names == ["adapter", "solved head", "fine-tuned model", "adapted model", "adapted model"]


def test_a_difference_that_was_found_is_not_called_too_small_to_be_found() -> None:
    found = verdict(412, 19, 5)
    assert found["outcome"] == "better" and found["difference"]["value"] < found["smallest_effect"]
    said = " ".join([found["sentence"], *found["details"]])
    assert "would be found 4 times in 5, a smaller one less often" in said


def test_rare_labels_leave_the_verdict_open_but_compare_accuracy() -> None:
    a, b = two(np.random.default_rng(0), 36, 4, 0.8, 0.2, 0.1)
    found = judge(load("macro_f1"), a, {"linear_probe": b})
    assert found["outcome"] == "cannot tell" and "There are too few rows for an interval" in found["sentence"]
    assert any(line.startswith("By accuracy the outcome is") for line in found["details"])


def test_nothing_to_compare_is_a_sentence() -> None:
    a, _ = two(np.random.default_rng(0), 36, 4, 0.8, 0.2)
    assert judge(load("accuracy"), a, {})["sentence"].startswith("There is no baseline to compare with: accuracy 0.")
    assert "is not defined on 36 rows" in judge(load("log_loss"), a, {"linear_probe": a})["sentence"]
    assert judge(load("accuracy"), a, {})["reference"] is None


def test_every_sentence_and_detail_is_one_line_that_ends() -> None:
    seen = 0
    for rows in (1, 12, 60, 400):
        for fixed, broken in ((0, 0), (rows // 3, 0), (0, rows // 3), (rows // 4, rows // 4)):
            for name in BASELINES:
                found = verdict(rows, fixed, broken, name)
                for text in (found["sentence"], *found["details"]):
                    seen += 1
                    assert text.endswith(".") and "\n" not in text and "nan" not in text.split() and "  " not in text
    assert seen > 150
