"""The rows that a page lists: all of them, small enough, inert, and honest about what is left out."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_examples import HOSTILE, make_report, make_rows

from ftkit.reports import listing
from ftkit.reports.page import render_run
from ftkit.reports.predictions import predictions
from ftkit.reports.shape import clean, filled

WORDS = ["the", "parcel", "that", "you", "sent", "on", "Monday", "has", "not", "come", "and", "nobody", "answers"]


def read(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Columns of a list by key, as the browser gets them."""
    return {column["key"]: column for column in json.loads(found["data"])["columns"]}


def listed(rows: list[dict[str, Any]], labels: tuple[str, ...] = ("a", "b")) -> dict[str, Any]:
    found = predictions(filled({"labels": list(labels)}), rows)
    assert found is not None
    return found


def row(text: str = "x", gold: object = "a", prediction: object = "a", **more: Any) -> dict[str, Any]:
    return {"input": [text], "gold": gold, "prediction": prediction, "confidence": 0.5, "slices": {}} | more


def names(column: dict[str, Any]) -> list[Any]:
    """The values of a column of names, by name."""
    return [
        [column["names"][one] for one in (value if isinstance(value, list) else [value])] for value in column["values"]
    ]


def test_every_row_is_there() -> None:
    """Texts, labels, confidences, results and slices, in the order of the rows."""
    rows = make_rows(make_report("support"))
    columns = read(listed(rows, tuple(make_report("support")["labels"])))
    assert len(rows) == 412
    assert list(columns) == ["text", "gold", "predicted", "confidence", "result", "slice.team"]
    assert columns["text"]["values"] == [one["input"][0] for one in rows]
    assert names(columns["gold"]) == [[one["gold"]] for one in rows]
    assert names(columns["predicted"]) == [[one["prediction"]] for one in rows]
    assert columns["confidence"]["values"] == pytest.approx([one["confidence"] for one in rows], abs=1e-4)
    assert [one == ["right"] for one in names(columns["result"])] == [one["gold"] == one["prediction"] for one in rows]
    assert names(columns["slice.team"]) == [[one["slices"]["team"]] for one in rows]


def test_labels_of_all_kinds() -> None:
    """Several labels, none, no gold label, and gold labels that training lacked."""
    rows = [row(gold=["b", "a"], prediction=["a", "b"]), row(gold=[], prediction=[]), row(gold=None), row(gold="c")]
    columns = read(listed(rows))
    assert names(columns["gold"]) == [["b", "a"], [], [], ["c"]]
    assert names(columns["result"]) == [["right"], ["right"], ["no gold label"], ["wrong"]]
    assert columns["gold"]["known"] == 2
    assert columns["gold"]["rest"] == "(not in training)"
    assert "rest" not in columns["predicted"]


def test_a_filter_has_something_to_choose_from() -> None:
    """Neither one name nor 300 make a menu."""
    ids = [row(slices={"user": f"u{place}", "team": "all", "half": str(place % 2)}) for place in range(300)]
    columns = read(listed(ids))
    offered = [key for key, column in columns.items() if column.get("every")]
    assert offered == ["gold", "predicted", "slice.half"]


def test_what_is_almost_certain_is_not_certain() -> None:
    values = read(listed([row(confidence=value) for value in (0.99999, 1.0, 0.12346, float("nan"))]))
    assert values["confidence"]["values"] == [0.9999, 1, 0.1235, None]


@pytest.mark.parametrize("long", [60, 5000])
def test_3000_rows_stay_below_2_mb(long: int) -> None:
    """Ordinary texts are whole; long ones are cut, and the page says so."""
    rng = random.Random(0)
    report = make_report("banking")
    rows = make_rows(report)[:3000]
    for one in rows:
        one["input"] = [" ".join(rng.choices(WORDS, k=rng.randrange(1, long // 3)))]
    page = render_run(report, rows)
    assert len(rows) == 3000
    assert len(page.encode()) < 2_000_000
    found = predictions(filled(report), rows)
    assert found is not None
    shown = read(found)["text"]["values"]
    whole = sum(a == one["input"][0] for a, one in zip(shown, rows, strict=True))
    if long == 60:
        assert whole == 3000
        assert found["notes"] == []
        return
    assert 0 < whole < 3000
    assert f"{3000 - whole:,}\u00a0long texts are cut in this page" in page
    assert "rows.parquet has them whole" in page
    assert "more characters)" in shown[0]


def test_above_5000_rows_the_list_is_capped() -> None:
    """Wrong rows go first, the order stays, and the page says where the rest is."""
    rows = [row(f"text {place}", prediction="b" if place % 50 == 49 else "a") for place in range(12_000)]
    found = listed(rows)
    columns = read(found)
    assert len(columns["text"]["values"]) == 5000
    assert names(columns["result"]).count(["wrong"]) == 240
    places = [int(text.split()[1]) for text in columns["text"]["values"]]
    assert places == sorted(places)
    assert places[-1] == 11_999
    (note,) = found["notes"]
    assert "5,000 of 12,000\u00a0test rows: 240 wrong ones and the first 4,760 others" in note
    assert "predictions.parquet" in note
    assert len(read(listed(rows[:5000]))["text"]["values"]) == 5000
    assert listed(rows[:5000])["notes"] == []
    (note,) = listed([row(prediction="b")] * 5001)["notes"]
    assert "5,000 of 5,001\u00a0test rows, all of them wrong." in note


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.text(st.characters(), max_size=40), min_size=1, max_size=3), min_size=1, max_size=8))
def test_no_text_ends_the_block(inputs: list[list[str]]) -> None:
    """Any text comes out as it went in, and nothing in it is markup."""
    hostile = [[text] for text in HOSTILE]
    rows = [row(input=value, gold=value[0], slices={value[0]: value[0]}) for value in inputs + hostile]
    found = listed(rows)
    assert not set("<>&") & set(found["data"])
    shown = read(found)["text"]["values"]
    assert shown == [value[0] if len(value) == 1 else value for value in clean(inputs + hostile)]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 400), min_size=1, max_size=40), st.integers(1, 2000))
def test_the_budget_is_kept_and_used(sizes: list[int], budget: int) -> None:
    """Cut to the limit, all texts fit; with one byte more for each that is cut, they would not."""
    limit = listing._limit(sizes, budget)
    assert sum(min(size, limit) for size in sizes) <= budget
    if any(size > limit for size in sizes):
        assert sum(min(size, limit + 1) for size in sizes) > budget
