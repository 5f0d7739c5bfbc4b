"""Charts: drawn offline as SVG of known elements, for any number of values."""

from __future__ import annotations

import resource
from xml.etree import ElementTree

import pytest

from ftkit.reports import charts, curves
from ftkit.reports.charts import Row
from ftkit.reports.curves import Curve
from ftkit.reports.svg import PAINT, SHAPES, draw

ROWS = [Row("mine", 0.87, 0.84, 0.9, "0.870", "mine: 0.870", True), Row('<b>probe</b> & "co"', 0.85, text="0.850")]


def elements(drawing: str) -> list[ElementTree.Element]:
    """Every element of the drawings, which are well formed."""
    return list(ElementTree.fromstring(f"<all>{drawing}</all>").iter())[1:]


def test_colours_are_variables_of_the_page() -> None:
    """One drawing serves both themes: no colour of its own."""
    found = elements(charts.forest(ROWS, "two rows", reference=0.8))
    colours = {element.get(name) for element in found for name in ("fill", "stroke")} - {None, "none", "transparent"}
    assert colours and all(colour and colour.startswith("var(--") for colour in colours)


def test_only_known_elements_and_attributes() -> None:
    """Nothing that could fetch, run or clash with another drawing."""
    found = elements(charts.forest(ROWS, "two rows"))
    shapes = [element for element in found if element.tag not in {"svg", "g"}]
    assert len(shapes) > 10
    for element in shapes:
        allowed = SHAPES[element.tag] | PAINT | {"class", "role", "aria-label"}
        assert set(element.attrib) <= allowed


def test_text_alternative_and_marks() -> None:
    """The drawing says what it shows; each mark says its own value, a user's text staying text."""
    drawing = charts.forest(ROWS, 'a "quoted" <text>')
    found = elements(drawing)
    svgs = [element for element in found if element.tag == "svg"]
    assert [svg.get("class") for svg in svgs] == ["chart wide", "chart narrow"]
    assert all(svg.get("aria-label") == 'a "quoted" <text>' and svg.get("viewBox") for svg in svgs)
    labels = [element.get("aria-label") for element in found if element.get("class") == "mark"]
    assert labels == ["mine: 0.870", '<b>probe</b> & "co"'] * 2
    assert "<b>" not in drawing


def test_a_far_value_becomes_an_arrow() -> None:
    """One predictor far below the others does not press them together."""
    near = [Row("a", 0.88, 0.87, 0.89), Row("b", 0.86, 0.85, 0.87)]
    assert charts.outside([*near, Row("far", 0.1)]) == Row("far", 0.1)
    assert charts.outside([*near, Row("close", 0.84)]) is None
    assert charts.outside(near) is None
    assert len(charts.forest([*near, Row("far", 0.1)], "")) > 0


@pytest.mark.parametrize("value", [0.0, 1.0, -3.2, 1e9, 1e-9])
def test_a_single_value_is_enough(value: float) -> None:
    """Without a spread there is still an axis."""
    assert elements(charts.forest([Row("one", value)], "one"))
    assert elements(charts.bars([Row("one", abs(value))], "one"))
    assert elements(charts.difference(value, None, None, points=False, higher=True, tip="one"))
    assert elements(curves.score_chart([Curve("final", "fit", 7, ((0.0, value),))], {"final": 0}, "accuracy", "one"))


def test_nothing_gives_nothing() -> None:
    """Empty input, or values that could not be computed, leave an empty drawing."""
    assert charts.forest([], "") == charts.forest([Row("none", None)], "") == ""
    assert charts.bars([], "") == ""
    assert charts.reliability([], "") == ""
    assert charts.reliability([{"confidence": None, "accuracy": 1, "rows": 3, "low": 0, "high": 1}], "") == ""
    assert curves.score_chart([], {}, "", "") == curves.loss_chart([], [], {}, "") == ""


def test_sides_of_a_difference_follow_the_metric() -> None:
    """For a loss, less is better."""
    gain = charts.difference(0.02, 0.01, 0.03, points=True, higher=True, tip="")
    loss = charts.difference(0.02, 0.01, 0.03, points=True, higher=False, tip="")
    assert "better →" in gain and "← worse" in gain
    assert "← better" in loss and "worse →" in loss


def test_the_mean_ends_where_the_first_curve_does() -> None:
    """Else it would rise or fall with who stopped early."""
    long = Curve("fold 1", "inner 1", 7, ((0, 0.5), (1, 0.7), (2, 0.1)))
    short = Curve("fold 2", "inner 1", 7, ((0, 0.7), (1, 0.9)))
    middle = curves.mean([long, short])
    assert middle is not None
    assert [epoch for epoch, _ in middle.points] == [0, 1]
    assert [value for _, value in middle.points] == pytest.approx([0.6, 0.8])
    assert curves.mean([]) is None


def test_history_becomes_curves() -> None:
    """One for each part, member and seed; the chosen epoch is found by part, or by part and seed."""

    def step(part: str, seed: int, epoch: int, value: float | None) -> dict[str, object]:
        held = None if value is None else {"accuracy": value}
        return {"part": part, "member": "inner 1", "seed": seed, "epoch": epoch, "validation": held, "train_loss": 1.0}

    history = [
        step("fold 1", 7, 1, 0.8),
        step("fold 1", 7, 0, 0.7),
        step("fold 1", 8, 0, 0.6),
        step("final", 7, 0, None),
    ]
    assert curves.score_name(history, "macro_f1") == "accuracy"
    lines = curves.curves(history, curves.validation("accuracy"))
    assert [line.points for line in lines] == [((0, 0.7), (1, 0.8)), ((0, 0.6),)]
    assert len(curves.curves(history, curves.training_loss)) == 3
    assert [ring[1:] for ring in curves.chosen(lines, {"fold 1": 1})] == [(1, 0.8)]
    assert [ring[1:] for ring in curves.chosen(lines, {"fold 1, seed 8": 0})] == [(0, 0.6)]


def test_a_specification_cannot_fetch() -> None:
    """The renderer refuses addresses, whatever a specification names."""
    spec = {"data": {"url": "http://127.0.0.1:9/rows.json"}, "mark": "point", "encoding": {"x": {"field": "a"}}}
    with pytest.raises(ValueError, match="127.0.0.1"):
        draw(spec, "")


def test_under_a_limit_of_addresses_the_words_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """The renderer would end the whole process."""
    monkeypatch.setattr(resource, "getrlimit", lambda which: (4 * 2**30, -1))
    drawn = draw({"data": {"values": []}, "mark": "point"}, "A is <better> than B.")
    assert "A is &lt;better&gt; than B." in drawn and "ulimit -v" in drawn and "<svg" not in drawn
