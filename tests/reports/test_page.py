"""The run page: parses, needs nothing from outside, escapes everything, and says what it leaves out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import Markup
from parsed_page import Page
from report_examples import HOSTILE, VARIANTS, make_report, make_rows, page_of

from ftkit.reports import charts, confidence, curves, doubtful, labels_curve, ladder, palette
from ftkit.reports.page import render_run
from ftkit.reports.shape import clean, filled

EVERY = {"verdict", "data", "cost", "choices", "origin", "recipe", "learning"}
SCORED = EVERY | {"scores", "confusion", "reliability", "labels", "predictions"}
CALIBRATED = SCORED - {"reliability"} | {"calibration"}
SECTIONS = {
    "support": CALIBRATED | {"slices", "mistakes", "searched", "doubtful", "curve"},
    "banking": CALIBRATED | {"seeds", "mistakes"},
    "multi_label": CALIBRATED | {"slices", "mistakes", "searched", "doubtful", "curve"},
    "hidden": (SCORED | {"slices", "mistakes", "doubtful"}) - {"predictions"},
    "worse": CALIBRATED | {"mistakes"},
    "partial": EVERY | {"searched"},
    "failed": {"verdict"},
    "bare": {"verdict"},
    "one_label": SCORED - {"confusion"},
    "many_labels": SCORED | {"mistakes"},
    "broken_numbers": (CALIBRATED | {"slices", "mistakes", "searched", "doubtful", "curve"}) - {"learning"},
    "hostile": SCORED | {"slices", "mistakes", "doubtful"},
}


@cache
def parsed(variant: str) -> Page:
    """The page of a variant, read back."""
    return Page(page_of(variant))


def test_all_variants_are_covered() -> None:
    """A variant that is added without saying what it must show fails here."""
    assert set(SECTIONS) == set(VARIANTS)
    assert len(SECTIONS) == 12


@pytest.mark.parametrize("variant", SECTIONS)
def test_sections_are_those_that_have_something_to_say(variant: str) -> None:
    """Every section of a variant is there, has a heading, and is linked to; no other is."""
    page = parsed(variant)
    assert not page.open
    sections = {a["id"] for tag, a in page.elements if tag == "section"}
    assert sections == SECTIONS[variant]
    linked = {href.removeprefix("#") for href in page.values("href")} - {"main"}
    assert linked == (sections if len(sections) > 1 else set())


@pytest.mark.parametrize("variant", SECTIONS)
def test_nothing_comes_from_outside(variant: str) -> None:
    """No attribute, style or import fetches anything, and the page is small."""
    page = parsed(variant)
    page.check_alone()
    data = sum(len(text.encode()) for text in page.scripts(data=True))
    assert len(page_of(variant).encode()) - data < 250_000
    assert data < 750_000  # of 3,080 rows


@pytest.mark.parametrize("variant", SECTIONS)
def test_structure_is_readable_by_a_machine(variant: str) -> None:
    """Landmarks, headings, header cells, ids and charts are as a screen reader needs them."""
    parsed(variant).check_structure()


def test_only_our_scripts_may_run() -> None:
    """The policy of the page names the hashes of its scripts, and allows nothing else."""
    page = parsed("hostile")
    assert len(page.scripts()) == 3
    page.check_policy()


def test_users_text_stays_text() -> None:
    """Markup in labels, texts, columns, file names and hints shows as what it is."""
    page = parsed("hostile")
    assert [tag for tag, _ in page.elements].count("script") == 4  # three that run and the rows
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert not [value for value in page.values("href") if "javascript" in value]
    text = page.text()
    assert len(HOSTILE) == 8
    for word in HOSTILE:
        assert clean(word) in text
    assert "49" not in page.values("dir")  # {{ 7 * 7 }} was not evaluated …
    assert "{{ 7 * 7 }}" in text  # … but shown
    page_of("hostile").encode()  # no lone surrogate is left


def test_hidden_rows_show_no_mistakes() -> None:
    """A mistake that slipped into the report of a private run does not slip out of it."""
    report = make_report("hidden")
    assert "PLANTED-MARKER" in json.dumps(report)
    rows = make_rows(report) + [leak | {"slices": {"PLANTED-COLUMN": "x"}} for leak in report["mistakes"]]
    assert "PLANTED" not in render_run(report, rows)
    assert "Rows are private in this run" in parsed("hidden").text()


def test_confusions_fit_the_number_of_labels() -> None:
    """A matrix up to 25 labels, pairs above, and a reason where there is neither."""

    def matrices(page: Page) -> int:
        return sum(tag == "table" and a.get("class") == "matrix" for tag, a in page.elements)

    assert matrices(parsed("support")) == 1
    assert matrices(parsed("many_labels")) == 0
    assert "With 150 labels a matrix cannot be read" in parsed("many_labels").text()
    assert matrices(parsed("multi_label")) == 0
    assert "there is no confusion matrix" in parsed("multi_label").text()


def test_the_numbers_of_the_report_are_on_the_page() -> None:
    """Scores, intervals, the difference and the sentence, rounded as people read them."""
    report, text = make_report("support"), parsed("support").text()
    assert report["verdict"]["sentence"] in text
    assert "+2.3\u00a0points" in text
    assert "+0.4 to +4.2\u00a0points" in text
    own = report["scores"]["test"]["accuracy"]
    assert f"{own['value']:.3f}" in text and f"{own['low']:.3f} to {own['high']:.3f}" in text
    assert report["mistakes"][0]["input"][0] in text
    assert report["recipe"] in text
    assert report["data"]["files"]["messages.csv"] in text
    assert "data:\n  label_map:\n    Billing: billing" in text


def test_what_a_temperature_does_is_said_and_drawn() -> None:
    """Before and after with the change, thresholds with what test rows say of them, and reasons where there is none."""
    text, calibrated = parsed("support").text(), page_of("support")
    assert "log-loss falls by 0.055 (95\u00a0% interval 0.030 to 0.080)" in text
    assert "Each fold has fitted its own" in text and "Each fold has" not in parsed("banking").text()
    section = calibrated[calibrated.index('id="calibration"') : calibrated.index('id="labels"')]
    assert section.count("<svg") == 3
    assert [word in section for word in ("0.4312", "not shown by 158", "cannot tell", ">yes<")] == [True] * 4
    text = parsed("worse").text()
    assert "There is no temperature: fold 1: only 24 validation rows" in text
    assert "chosen on the very rows" in text and "log-loss falls" not in text
    assert "An answer is right where all of its labels are" in parsed("multi_label").text()


def test_doubtful_labels_are_shown_and_the_rest_is_named() -> None:
    """Rows with what is suggested and where they stand, how many more there are, and nothing of private ones."""
    text = parsed("support").text()
    assert "doubts the label of 20 of 412\u00a0training rows (3\u00a0rows of rarer labels left out)" in text
    assert "1\u00a0row says nearly the same as a row with another label" in text
    assert "messages.csv:82" in text and "11\u00a0more rows in label_review.csv" in text
    assert "near-equal to messages.csv:7, which is labelled billing" in text
    assert "no label" in page_of("multi_label")  # a suggestion may be to take all labels away
    section = page_of("hidden")[page_of("hidden").index('id="doubtful"') :]
    assert "doubts the label of 20 of 412" in section and "Rows are private in this run" in section
    report = make_report("support")
    report["doubtful"] = {"why_not": "9,000 rows of 150 labels would take minutes"}
    said = (doubtful.doubtful(filled(report)) or {})["sentences"]
    assert said == ["No probe has looked for doubtful labels: 9,000 rows of 150 labels would take minutes."]
    report["doubtful"] = {"counts": {"doubted": 0, "contradicting": 0}}
    assert doubtful.doubtful(filled(report)) is None


@pytest.mark.parametrize(
    ("outcome", "said"),
    [("worse", "does harm: log-loss rises by 0.020"), ("cannot tell", "cannot be told: log-loss falls by −0.020")],
)
def test_a_temperature_that_does_not_help_is_not_praised(outcome: str, said: str) -> None:
    report = make_report("support")
    report["calibration"]["change"] = {"value": -0.02, "low": -0.03, "high": -0.01, "outcome": outcome}
    sentences = (confidence.calibration(filled(report)) or {})["sentences"]
    assert said in sentences[0]


def test_what_every_score_notes_is_said_once() -> None:
    """A remark in each of 20 cells is clutter; one that a single cell has stays with it."""
    report = make_report("one_label")
    assert parsed("one_label").text().count("too few rows for an interval") == 1
    assert len(report["baselines"]) == 4
    text = parsed("support").text()
    assert text.count("bins are few") == 1
    assert "not of one adapter" not in text
    assert "The scores belong to this procedure" in text


@pytest.mark.parametrize(("variant", "words"), [("partial", "not finished"), ("failed", "This run failed")])
def test_unfinished_runs_say_so_first(variant: str, words: str) -> None:
    """The banner stands before the verdict."""
    text = parsed(variant).text()
    assert words in text
    assert text.index(words) < text.index("There is no verdict")


def test_long_texts_are_cut() -> None:
    """A text of 100,000 characters does not swell the page."""
    report = make_report("support")
    for mistake in report["mistakes"]:
        mistake["input"] = ["x" * 100_000]
    page = render_run(report)
    assert len(page) < 300_000
    assert "98,800 more characters" in page


def _luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(
    ("theme", "heat"), [(palette.LIGHT, palette.HEAT_LIGHT), (palette.DARK, palette.HEAT_DARK)], ids=["light", "dark"]
)
def test_contrast(theme: dict[str, str], heat: dict[str, list[str]]) -> None:
    """Text reaches 4.5 to 1 on every ground that it stands on, marks 3 to 1."""
    assert _contrast("#000000", "#ffffff") == pytest.approx(21)
    grounds = [theme[name] for name in ("paper", "card", "sunken", "accent-soft", "bad-soft", "good-soft")]
    for name in ("ink", "quiet", "accent", "bad", "good"):
        assert min(_contrast(theme[name], ground) for ground in grounds) >= 4.5, name
    assert min(_contrast(theme["edge"], theme[name]) for name in ("paper", "card", "sunken")) >= 3
    assert _contrast(theme["card"], theme["quiet"]) >= 4.5  # the icon of the badge
    for kind in ("right", "wrong"):
        assert len(heat[kind]) == len(heat["text"]) == palette.HEAT_STEPS
        assert min(map(_contrast, heat[kind], heat["text"])) >= 4.5, kind


def _stub(spec: Mapping[str, Any], description: str, kind: str = "") -> Markup:
    json.dumps(spec, allow_nan=False)  # what the renderer would be given
    return Markup("<svg role='img' aria-label='{}'></svg>").format(description)


KEYS = sorted(make_report("support"))


@pytest.fixture
def no_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Specifications are checked but not drawn, which is what takes the time."""
    monkeypatch.setattr(charts, "draw", _stub)
    monkeypatch.setattr(confidence, "draw", _stub)
    monkeypatch.setattr(curves, "draw", _stub)
    monkeypatch.setattr(ladder, "draw", _stub)
    monkeypatch.setattr(labels_curve, "draw", _stub)


def _leaves(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    found = [leaf for key, child in children for leaf in _leaves(child, (*path, key))]
    return found or [path]


@pytest.mark.usefixtures("no_drawing")
def test_any_number_may_be_missing() -> None:
    """Any numbers become None, nan or absurd, and the page is still drawn."""
    whole = make_report("support")
    numbers = [path for path in _leaves(whole) if isinstance(_at(whole, path), float)]
    assert len(numbers) > 500

    @settings(max_examples=15, deadline=None)
    @given(st.lists(st.tuples(st.sampled_from(numbers), st.floats() | st.none()), min_size=1, max_size=20))
    def check(changes: list[tuple[tuple[Any, ...], float | None]]) -> None:
        report = make_report("support")
        for path, value in changes:
            _at(report, path[:-1])[path[-1]] = value
        Page(render_run(report))

    check()


def _at(tree: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        tree = tree[key]
    return tree


@pytest.mark.usefixtures("no_drawing")
def test_any_text_may_be_odd() -> None:
    """Labels, slices and texts of any characters give a page that parses and can be written."""

    @settings(max_examples=20, deadline=None)
    @given(st.lists(st.text(st.characters(), max_size=12), min_size=2, max_size=6, unique=True))
    def check(names: list[str]) -> None:
        report = make_report("support")
        report["confusion"] = {"labels": names, "counts": [[1] * len(names) for _ in names]}
        report["slices"] = {names[0]: {name: {"rows": 1, "accuracy": {"value": 0.5}} for name in names}}
        report["mistakes"] = [{"input": names, "gold": names, "prediction": names[0], "confidence": 0.5}]
        page = render_run(report)
        page.encode()
        assert clean(names[0]) in Page(page).text().replace("(empty)", "") or "\r" in names[0]

    check()


@pytest.mark.usefixtures("no_drawing")
@pytest.mark.parametrize("key", KEYS)
def test_any_key_may_be_missing(key: str) -> None:
    """A report of an older or unfinished run lacks keys, or has null in their place."""
    report = make_report("support")
    Page(render_run({name: value for name, value in report.items() if name != key}))
    if key not in {"status", "task", "method", "kind", "primary", "procedure"}:
        Page(render_run(report | {key: None}))


def test_what_the_base_cannot_read_stands_beside_the_verdict() -> None:
    """It explains the score, so that nobody has to find it far below among the findings."""
    page = page_of("worse")
    verdict = page[page.index('id="verdict"') : page.index('id="scores"')]
    assert "74 % of the characters (Han) are unknown to this base." in verdict
    support = page_of("support")
    assert "unknown to this base" not in support[: support.index('id="scores"')]
