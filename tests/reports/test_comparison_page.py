"""The page of a comparison: parses, needs nothing from outside, escapes everything, and says what was found."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest
from comparison_examples import VARIANTS, make_document, page_of
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import Markup
from parsed_page import Page
from report_examples import HOSTILE

from ftkit.reports import charts, comparison_cost, comparison_matrix, comparison_slices
from ftkit.reports import comparison_differences as differences
from ftkit.reports.comparison import render_comparison
from ftkit.reports.comparison_shape import filled
from ftkit.reports.palette import HEAT_STEPS
from ftkit.reports.shape import clean

ALWAYS = {"verdict", "scores", "comparisons", "rows", "entries"}
ALL = ALWAYS | {"folds", "flips", "slices", "cost", "matrix", "findings"}
SECTIONS = {
    "small": ALWAYS,
    "everything": ALL,
    "hidden": ALL,
    "many_flips": ALWAYS | {"flips"},
    "all_pairs": ALWAYS | {"cost"},
    "untested": ALWAYS,
    "broken_numbers": ALL,
    "hostile": ALL - {"folds"},
    "bare": {"verdict"},
}


@cache
def parsed(variant: str) -> Page:
    """The page of a variant, read back."""
    return Page(page_of(variant))


def test_all_variants_are_covered() -> None:
    assert set(SECTIONS) == set(VARIANTS)
    assert len(SECTIONS) == 9


@pytest.mark.parametrize("variant", SECTIONS)
def test_sections_are_those_that_have_something_to_say(variant: str) -> None:
    """What is null or empty in the document is absent from page and contents; the verdict comes first."""
    page = parsed(variant)
    sections = [a["id"] for tag, a in page.elements if tag == "section"]
    assert set(sections) == SECTIONS[variant]
    assert sections[0] == "verdict"
    linked = {href.removeprefix("#") for href in page.values("href")} - {"main"}
    assert linked == (set(sections) if len(sections) > 1 else set())


@pytest.mark.parametrize("variant", SECTIONS)
def test_every_page_stands_alone_and_is_readable_by_a_machine(variant: str) -> None:
    page = parsed(variant)
    page.check_structure()
    page.check_alone()
    page.check_policy()
    assert len(page_of(variant).encode()) < 500_000  # 3,000 flips included


def test_users_text_stays_text() -> None:
    """Markup in names, texts, columns, reasons and sentences shows as what it is."""
    page = parsed("hostile")
    assert len(page.scripts()) == 3 and len(page.scripts(data=True)) == 1
    text = page.text()
    for word in HOSTILE:
        assert clean(word) in text
    assert "{{ 7 * 7 }}" in text
    page_of("hostile").encode()


def test_hidden_rows_are_not_listed() -> None:
    """A text that slipped into the document of private runs does not slip out of it."""
    assert "PLANTED" in json.dumps(make_document("hidden"))
    assert "PLANTED" not in page_of("hidden")
    assert parsed("hidden").scripts(data=True) == []
    assert "Rows are private in these runs" in parsed("hidden").text()


def test_the_numbers_of_the_document_are_on_the_page() -> None:
    """Scores, differences, p-values, outcomes, folds, costs, cells and reasons, rounded as people read them."""
    document, text = make_document("everything"), parsed("everything").text()
    assert document["verdict"]["sentence"] in text and document["verdict"]["details"][0] in text
    for one in document["comparisons"]:
        assert one["sentence"] in text
        assert one["outcome"] in text
    gap = document["comparisons"][0]["difference"]
    assert f"{gap['value'] * 100:+.1f}\u00a0points" in text
    assert f"{gap['low'] * 100:+.1f} to {gap['high'] * 100:+.1f}" in text
    for name in ("0.033", "3,100", "3.1\u00a0points", "Holm", "exact McNemar"):
        assert name in text
    cell = document["matrix"]["cells"][4]["score"]
    assert f"{cell['value']:.3f}" in text and f"{cell['low']:.3f} to {cell['high']:.3f}" in text
    for reason in document["rows"]["left_out"]:
        assert (reason["why"] in text) == (reason["rows"] > 0)
    assert "61\u00a0units of user_id" in text
    assert "fold 1" in text and "fold 5" in text and "fold 0" not in text
    assert "(--require not-worse) is not met. lora:tfidf against head: worse." in text
    assert "12\u00a0more flips are not listed here" in text
    assert text.index("warning") < text.index("head was trained with ftkit 0.1.0")
    assert "lora:tfidf harms web shop: −11.0\u00a0points on 110\u00a0rows" in text


def test_what_was_not_tested_is_a_dash_and_says_why() -> None:
    text = parsed("untested").text()
    assert "fewer than 10 units" in text
    assert "–" in text and "None" not in text and "nan" not in text


def _spec(monkeypatch: pytest.MonkeyPatch, module: Any) -> list[Mapping[str, Any]]:
    """The specifications that a module has drawn."""
    drawn: list[Mapping[str, Any]] = []

    def draw(spec: Mapping[str, Any], description: str, kind: str = "") -> Markup:
        json.dumps(spec, allow_nan=False)
        drawn.append(dict(spec) | {"kind": kind, "description": description})
        return Markup("<svg role='img' aria-label='{}'></svg>").format(description)

    monkeypatch.setattr(module, "draw", draw)
    return drawn


def test_the_forest_is_in_points_with_zero_and_margin(monkeypatch: pytest.MonkeyPatch) -> None:
    """A difference of 0.025 stands at 2.5, the margin of 0.01 is a shade from −1 to 1, outcomes have their colours."""
    drawn = _spec(monkeypatch, charts)
    document = filled(make_document("everything"))
    found = differences.forest(document, "accuracy")
    assert found is not None and "margin, 1.0\u00a0points to either side" in found["caption"]
    wide = next(spec for spec in drawn if spec["kind"] == "wide")
    values = {point["name"]: point for point in wide["data"]["values"]}
    for one in document["comparisons"]:
        if one["metric"] == "accuracy":
            assert values[one["a"]]["value"] == pytest.approx(one["difference"]["value"] * 100)
            assert one["outcome"] in values[one["a"]]["text"] and one["outcome"] in values[one["a"]]["tip"]
    assert [values[name]["colour"] for name in ("lora", "all-blocks")] == ["var(--good)", "var(--accent)"]
    assert values["lora:tfidf"]["colour"] == "var(--bad)"
    inline = [layer["data"]["values"] for layer in wide["layer"] if "data" in layer]
    assert [{"value": -1.0, "high": 1.0}] in inline and [{"value": 0.0}] in inline


def test_the_forest_of_a_loss_has_no_margin_and_says_what_is_better(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = _spec(monkeypatch, charts)
    found = differences.forest(filled(make_document("everything")), "log_loss")
    assert found is not None
    assert "log-loss itself is better when lower" in found["caption"] and "margin" not in found["caption"]
    value = make_document("everything")["comparisons"][-1]["difference"]["value"]
    assert min(point["value"] for point in drawn[0]["data"]["values"]) == pytest.approx(value)


def test_pairs_without_one_reference_are_named_in_full() -> None:
    text = parsed("all_pairs").text()
    assert "run-3 against run-1" in page_of("all_pairs")
    assert f"the best {differences.MOST_PAIRS} of 45" in text


def test_the_front_joins_what_nothing_beats() -> None:
    """By score and one cost alone; with lower costs or higher rates first, and losses turned."""
    lines = [{"seconds": s, "predictions_per_second": 1 / s, "score": score}
             for s, score in ((1.0, 0.8), (2.0, 0.9), (3.0, 0.85), (4.0, 0.9), (5.0, 0.95))]  # fmt: skip
    front = comparison_cost._steps(lines, "seconds", "accuracy", less=True)
    assert [point["cost"] for point in front] == [1.0, 2.0, 5.0]
    rates = comparison_cost._steps(lines, "predictions_per_second", "accuracy", less=False)
    assert [point["value"] for point in rates] == [0.8, 0.9, 0.95]
    loss = comparison_cost._steps(lines, "seconds", "log_loss", less=True)
    assert [point["cost"] for point in loss] == [1.0]


def test_costs_far_apart_take_a_logarithmic_axis(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = _spec(monkeypatch, comparison_cost)
    document = filled(make_document("everything"))
    found = comparison_cost.cost(document)
    assert found is not None and len(drawn) == 4
    scales = [spec["layer"][1]["encoding"]["x"]["scale"]["type"] for spec in drawn]
    assert scales == ["log", "linear", "log", "linear"]
    marks = [spec["layer"][1]["data"]["values"] for spec in drawn]
    assert {mark["name"]: mark["shape"] for mark in marks[0]} == {
        "head": "circle",
        "lora": "circle",
        "all-blocks": "square",
    }
    assert [line["name"] for line in found["lines"]] == ["head", "lora", "all-blocks"]  # a baseline has no cost


def test_harm_is_orange_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = _spec(monkeypatch, charts)
    (found,) = comparison_slices.slices(filled(make_document("everything")))
    marks = next(layer for layer in drawn[0]["layer"] if "description" in layer["encoding"])["data"]["values"]
    assert len(marks) == 16
    (harm,) = [mark for mark in marks if mark["colour"] == "var(--bad)"]
    assert harm["tip"].startswith("web shop, lora:tfidf: ") and harm["tip"].endswith("(−11.0\u00a0points), harms")
    assert found["lines"][0]["name"] == "web shop"
    assert [line["entry"] for line in found["worst"]] == ["head", "lora", "all-blocks", "lora:tfidf"]


@pytest.mark.parametrize(("metric", "best"), [("accuracy", 0.9), ("log_loss", 0.4)])
def test_the_heat_map_is_strongest_where_it_is_best(metric: str, best: float) -> None:
    """Also for a loss; scores that hardly differ are not blown up to opposite ends."""

    def steps(values: tuple[float, ...]) -> dict[float, int]:
        cells = [{"entry": "a", "set": str(value), "score": {"value": value}} for value in values]
        document = filled({"matrix": {"metric": metric, "sets": [{"name": str(v)} for v in values], "cells": cells}})
        found = comparison_matrix.matrix(document)
        assert found is not None
        return {value: cell["step"] for value, cell in zip(values, found["lines"][0]["cells"], strict=True)}

    found = steps((0.4, 0.6, 0.9))
    assert found[best] == HEAT_STEPS - 1 and min(found.values()) == 0
    assert max(steps((0.8, 0.81)).values()) - min(steps((0.8, 0.81)).values()) <= 1


def test_a_cell_that_was_not_scored_is_a_dash() -> None:
    document = make_document("everything")
    del document["matrix"]["cells"][1]
    found = comparison_matrix.matrix(filled(document))
    assert found is not None and found["lines"][0]["cells"][1] is None
    assert "<td>–</td>" in render_comparison(document)


KEYS = sorted(make_document("everything"))


@pytest.fixture
def no_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Specifications are checked but not drawn, which is what takes the time."""
    _spec(monkeypatch, charts)
    _spec(monkeypatch, comparison_cost)


@pytest.mark.usefixtures("no_drawing")
@pytest.mark.parametrize("key", KEYS)
def test_any_key_may_be_missing(key: str) -> None:
    """A document of an older ftkit lacks keys, or has null in their place."""
    document = make_document("everything")
    Page(render_comparison({name: value for name, value in document.items() if name != key}))
    if key not in {"kind", "primary", "task"}:
        Page(render_comparison(document | {key: None}))


def _leaves(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    found = [leaf for key, child in children for leaf in _leaves(child, (*path, key))]
    return found or [path]


def _at(tree: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        tree = tree[key]
    return tree


@pytest.mark.usefixtures("no_drawing")
def test_any_number_may_be_missing() -> None:
    """Any numbers become None, nan or absurd, and the page is still drawn."""
    whole = make_document("everything")
    numbers = [path for path in _leaves(whole) if isinstance(_at(whole, path), float)]
    assert len(numbers) > 200

    @settings(max_examples=15, deadline=None)
    @given(st.lists(st.tuples(st.sampled_from(numbers), st.floats() | st.none()), min_size=1, max_size=20))
    def check(changes: list[tuple[tuple[Any, ...], float | None]]) -> None:
        document = make_document("everything")
        for path, value in changes:
            _at(document, path[:-1])[path[-1]] = value
        Page(render_comparison(document))

    check()
