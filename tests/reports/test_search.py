"""The ladder and the learning rates of a search: what is said of them, and that an older report says nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_examples import make_report

from ftkit.reports import ladder
from ftkit.reports.card import render_card
from ftkit.reports.ladder import GAP, HEIGHT, Rung
from ftkit.reports.page import render_run
from ftkit.reports.search import climbed, rated, search, sentences, spoken, title
from ftkit.reports.shape import filled
from ftkit.reports.text import summary_lines

CLIMBED = (
    "Climbed from the linear probe to LoRA on the last 2 blocks in 4 of 5 folds (1 ended at the linear probe); "
    "LoRA on all blocks gained 0.2\u00a0points, less than the 0.7 needed, and was left."
)


def report_with(parts: list[dict[str, Any]], **chosen: str) -> dict[str, Any]:
    """A filled report whose rungs `a`, `b`, … were tried as `parts` say."""
    rungs = [{"label": label, "parts": found, "score": 0.8} for label, found in zip("abc", parts, strict=False)]
    ends = {key.replace("_", " "): label for key, label in chosen.items()}
    return filled({"primary": "accuracy", "ladder": {"rungs": rungs, "chosen": ends}})


def test_a_ladder_is_told_in_one_sentence() -> None:
    assert climbed(filled(make_report())) == CLIMBED


@pytest.mark.parametrize(
    ("gain", "said"),
    [
        (0.004, "b gained 0.4\u00a0points, less than the 0.5 needed"),
        (0.00499, "b gained 0.5\u00a0points, not more than the 0.5 needed"),
        (-0.02, "b lost 2.0\u00a0points"),
    ],
)
def test_a_rung_that_was_left(gain: float, said: str) -> None:
    tried = {"final": {"score": 0.8, "gain": gain, "needed": 0.005, "rows": 100}}
    report = report_with([{"final": {"score": 0.8}}, tried], final="a")
    assert climbed(report) == f"Stayed with a; {said}, and was left."


def test_the_top_of_the_ladder_has_nothing_above() -> None:
    assert climbed(report_with([{}, {}], fold_1="b", fold_2="b", final="b")) == "Climbed from a to b in 2 of 2 folds."


def test_gains_of_folds_count_by_their_rows() -> None:
    left = {
        "fold 1": {"gain": 0.001, "needed": 0.02, "rows": 300},
        "fold 2": {"gain": 0.005, "needed": 0.02, "rows": 100},
    }
    other = {"fold 3": {"gain": 0.5, "needed": 0.02, "climbed": True, "rows": 100}}
    report = report_with([{}, left | other], fold_1="a", fold_2="a", fold_3="b")
    assert "in 2 of 3 folds (1 ended at b); b gained 0.2\u00a0points, less than the 2.0 needed" in climbed(report)


def test_names_of_rungs() -> None:
    assert [spoken(label) for label in ("head", "lora, all blocks", "lora, last 2 blocks", "full", "mine")] == [
        *("the linear probe", "LoRA on all blocks", "LoRA on the last 2 blocks", "full fine-tuning", "mine")
    ]
    assert title("lora, last 2 blocks") == title("LoRA, last 2 blocks") == "LoRA, last 2 blocks"


def test_rates_in_one_sentence() -> None:
    assert (
        rated(filled(make_report())) == "The best learning rate of 0.0003, 0.001 and 0.003 was 0.001 in 3 of 5 folds."
    )
    one = filled({"rates": {"candidates": [1e-4, 1e-3], "scores": {}, "chosen": {"final": 1e-4}}})
    assert rated(one) == "The best learning rate of 0.0001 and 0.001 was 0.0001."


def test_card_and_terminal_say_it_too() -> None:
    said = CLIMBED.replace("\u00a0", " ")
    assert said in summary_lines(make_report())
    assert said in render_card(make_report(), "code")
    assert said in render_run(make_report()).replace("\u00a0", " ")


@pytest.mark.parametrize("empty", [{}, {"ladder": None, "rates": None}, {"ladder": {}, "rates": {"candidates": []}}])
def test_without_a_search_nothing_is_drawn(empty: dict[str, Any]) -> None:
    report = {key: value for key, value in make_report().items() if key not in {"ladder", "rates"}} | empty
    assert search(filled(report)) is None and sentences(filled(report)) == []
    assert 'id="searched"' not in render_run(report)


def test_the_table_counts_folds_and_arithmetic() -> None:
    found = search(filled(make_report()))
    assert found is not None
    lines = {line["name"]: line["figures"] for line in found["ladder"]["lines"]}
    assert lines["linear probe"][1:] == ["–", "–", "–", "0"]
    assert lines["LoRA, last 2 blocks"][3:] == ["4 of 5\u00a0folds", "310\u00a0billion"]
    assert lines["LoRA, all blocks"][3:] == ["0 of 4\u00a0folds", "1.90\u00a0trillion"]
    assert [line["delivered"] for line in found["ladder"]["lines"]] == [False, True, False]
    assert len(found["ladder"]["parts"]) == 5 + 5 + 4
    assert [cell["best"] for cell in found["rates"]["lines"][0]["cells"]] == [False, True, False]


def test_without_folds_a_rung_is_climbed_or_not() -> None:
    tried = {"final": {"score": 0.8, "gain": 0.02, "needed": 0.005, "climbed": True, "rows": 100}}
    found = search(report_with([{"final": {"score": 0.8}}, tried], final="b"))
    assert found is not None and found["ladder"]["lines"][1]["figures"][3] == "yes"
    assert found["ladder"]["sentence"] == "Climbed from a to b."


def test_a_baseline_far_off_is_named_instead_of_drawn() -> None:
    rungs = [Rung("a", 0.85, {}), Rung("b", 0.87, {})]
    assert ladder.near(rungs, [("near", 0.8), ("far", 0.13), ("nearer", 0.86)]) == [("nearer", 0.86), ("near", 0.8)]
    found = search(filled(make_report()))
    assert found is not None and "Too far off to be drawn: majority label 0.131." in found["ladder"]["caption"]


@given(st.lists(st.floats(0, HEIGHT), min_size=1, max_size=6))
def test_names_of_baselines_do_not_cover_one_another(places: list[float]) -> None:
    moved = ladder.apart(sorted(places))
    assert max(moved) <= HEIGHT
    assert all(below - above >= GAP - 1e-6 for above, below in zip(moved, moved[1:], strict=False))


def test_the_drawing_has_a_mark_for_every_rung_and_baseline() -> None:
    rungs = [Rung("a", 0.8, {"fold 1": 0.8, "fold 2": 0.8}, delivered=True), Rung("b", 0.9, {"fold 1": 0.9})]
    drawing = str(ladder.chart(rungs, [("tfidf", 0.7)], "accuracy", "what it shows"))
    for said in (
        "a: 0.800 on validation rows, delivered",
        "b: 0.900 on validation rows",
        "tfidf: 0.700 on the test rows",
    ):
        assert drawing.count(f'aria-label="{said}"') == 2  # for a desk and for a phone
    assert ladder.chart([Rung("a", None, {})], [], "accuracy", "nothing") == ""


def test_cost_says_what_happened_to_the_run() -> None:
    report = make_report()
    assert "taken up again" not in render_run(report)
    report["cost"] |= {"resumed": 2, "accumulate": 4}
    page = render_run(report)
    assert "2\u00a0times" in page and "4\u00a0parts" in page
    report["cost"] |= {"resumed": 0, "accumulate": 1}
    page = render_run(report)
    assert "taken up again" not in page and "a batch was run in" not in page
