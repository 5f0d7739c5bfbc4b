"""What the page, the terminal and the drawing say of more labels."""

from __future__ import annotations

import re
from typing import Any

import pytest
from report_examples import make_report

from ftkit.reports import labels_curve
from ftkit.reports.page import render_run
from ftkit.reports.shape import filled
from ftkit.reports.text import summary_lines


def report_with(**changes: Any) -> dict[str, Any]:
    report = make_report()
    return filled(report | {"curve": report["curve"] | changes})


def drawn(report: dict[str, Any]) -> str:
    found = labels_curve.section(report)
    assert found is not None
    return str(found["chart"])


def marks(chart: str) -> list[str]:
    """What the marks of the drawing for a desk say."""
    return re.findall(r'class="mark" role="img" aria-label="([^"]*)"', chart.partition('class="chart narrow"')[0])


def test_a_run_without_a_curve_says_nothing_of_it() -> None:
    report = make_report()
    del report["curve"]
    assert labels_curve.section(filled(report)) is None and labels_curve.sentence(filled(report)) == ""
    assert "What more labels would buy" not in render_run(report)


def test_the_answer_is_in_the_terminal_and_on_the_page() -> None:
    report = make_report()
    assert report["curve"]["sentence"] in summary_lines(report)
    assert report["curve"]["sentence"] in render_run(report)


def test_every_share_and_what_lies_ahead_is_a_mark() -> None:
    said = marks(drawn(report_with()))
    assert sum("adapted model" in one for one in said) == sum("linear probe" in one for one in said) == 5
    ahead = [one for one in said if "expected" in one]
    assert [one.partition("\u00a0")[0] for one in ahead] == ["660", "1,320"]
    assert ahead[0].startswith("660\u00a0labels, expected: 0.905 (")


@pytest.mark.parametrize("trend", [True, False])
def test_what_cannot_be_told_is_not_drawn(trend: bool) -> None:
    report = report_with(outcome="cannot tell", **({} if trend else {"trend": []}))
    assert not any("expected" in one for one in marks(drawn(report)))
    found = labels_curve.section(report)
    assert found is not None and "with more labels" not in found["key"] and "dashed" not in found["caption"]
    assert "cannot be told from one that does not" not in found["about"]


def test_a_solved_head_is_drawn_once() -> None:
    report = make_report()
    points = report["curve"]["points"]["adapted"]
    report["curve"]["points"]["linear_probe"] = points
    found = labels_curve.section(filled(report))
    assert found is not None and found["names"] == ["adapted model"]
    assert "linear probe" not in found["key"] and not any("probe" in one for one in marks(str(found["chart"])))


def test_the_test_of_the_forecast_is_told_either_way() -> None:
    found = labels_curve.section(report_with())
    assert found is not None and "It was 0.868, inside that interval." in found["back_test"]
    test = make_report()["curve"]["back_test"] | {"inside": False, "value": 0.8}
    found = labels_curve.section(report_with(back_test=test))
    assert found is not None and "It was 0.800, outside that interval." in found["back_test"]
    found = labels_curve.section(report_with(back_test=None, left_out=[41.25]))
    assert found is not None and found["back_test"] == "" and "is not defined: 41 labels" in found["about"]


def test_the_table_has_every_single_training() -> None:
    found = labels_curve.section(report_with())
    assert found is not None and [line["labels"] for line in found["lines"]] == ["21", "41", "82", "165", "330"]
    assert all(len(cell["single"].split(", ")) == 3 for line in found["lines"] for cell in line["cells"])


@pytest.mark.parametrize("points", [{}, {"adapted": []}, {"adapted": [{"labels": 0, "value": 0.5}]}])
def test_a_curve_without_points_is_only_a_sentence(points: dict[str, Any]) -> None:
    found = labels_curve.section(report_with(points=points, trend=[]))
    assert found is not None and found["chart"] == "" and found["lines"] == []


def test_one_point_is_drawn_too() -> None:
    point = {"labels": 20, "value": 0.5, "low": 0.4, "high": 0.6, "values": [0.5, 0.5]}
    said = marks(drawn(report_with(points={"adapted": [point]}, trend=[], outcome="cannot tell")))
    assert said == ["20\u00a0labels, adapted model: 0.500 (0.400 to 0.600)"]
