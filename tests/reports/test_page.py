"""The run page: parses, needs nothing from outside, escapes everything, and says what it leaves out."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from functools import cache
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import Markup
from report_examples import HOSTILE, VARIANTS, make_report, page_of

from ftkit.reports import charts, curves, labels_curve, ladder, palette
from ftkit.reports.page import render_run
from ftkit.reports.shape import clean

VOID = {"meta", "input", "br", "img", "link", "hr", "base", "source"}
EVERY = {"verdict", "data", "cost", "choices", "origin", "recipe", "learning"}
SCORED = EVERY | {"scores", "confusion", "reliability", "labels"}
SECTIONS = {
    "support": SCORED | {"slices", "mistakes", "searched", "curve"},
    "banking": SCORED | {"seeds", "mistakes"},
    "multi_label": SCORED | {"slices", "mistakes", "searched", "curve"},
    "hidden": SCORED | {"slices", "mistakes"},
    "worse": SCORED | {"mistakes"},
    "partial": EVERY | {"searched"},
    "failed": {"verdict"},
    "bare": {"verdict"},
    "one_label": SCORED - {"confusion"},
    "many_labels": SCORED | {"mistakes"},
    "broken_numbers": (SCORED | {"slices", "mistakes", "searched", "curve"}) - {"learning"},
    "hostile": SCORED | {"slices", "mistakes"},
}


class Page(HTMLParser):
    """Elements with their attributes, and text by the element that holds it."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Void elements hold nothing; all others must be closed again."""
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """`<path/>` in SVG."""
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """Closes the innermost element, or the page is not well formed."""
        assert self.open and self.open[-1] == tag, f"</{tag}> inside {self.open[-3:]}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        """Text, entities already turned back."""
        self.texts.append((self.open[-1] if self.open else "", data))

    def values(self, attribute: str) -> list[str]:
        """Every value of an attribute, in order."""
        return [attributes[attribute] or "" for _, attributes in self.elements if attribute in attributes]

    def text(self) -> str:
        """What a person reads."""
        return "".join(data for tag, data in self.texts if tag not in {"script", "style"})


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
    addresses = [value for name in ("src", "href", "srcset", "data", "action", "poster") for value in page.values(name)]
    assert all(address.startswith("#") for address in addresses)
    styles = [text for tag, text in page.texts if tag == "style"] + page.values("style")
    assert len(styles) > 0
    assert not [style for style in styles if re.search(r"url\(|@import|https?:", style)]
    assert not [tag for tag, _ in page.elements if tag in {"link", "img", "iframe", "object", "embed", "use", "base"}]
    assert len(page_of(variant).encode()) < 250_000


@pytest.mark.parametrize("variant", SECTIONS)
def test_structure_is_readable_by_a_machine(variant: str) -> None:
    """Landmarks once each, headings without gaps, header cells with a scope, ids once, charts with a text."""
    page = parsed(variant)
    tags = [tag for tag, _ in page.elements]
    assert all(tags.count(tag) == 1 for tag in ("main", "header", "footer", "h1", "title"))
    levels = [int(tag[1]) for tag in tags if re.fullmatch(r"h[1-6]", tag)]
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:], strict=False))
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    assert set(page.values("aria-labelledby")) <= set(ids)
    assert all(a.get("scope") in {"row", "col"} for tag, a in page.elements if tag == "th")
    charts_found = [a for tag, a in page.elements if tag == "svg" and a.get("role") == "img"]
    assert all(a["aria-label"] for a in charts_found)
    assert tags.count("figure") <= len(charts_found)


def test_only_our_scripts_may_run() -> None:
    """The policy of the page names the hashes of its two scripts, and allows nothing else."""
    page = parsed("hostile")
    policy = next(a["content"] or "" for tag, a in page.elements if a.get("http-equiv") == "Content-Security-Policy")
    scripts = [text for tag, text in page.texts if tag == "script"]
    assert len(scripts) == 2
    for script in scripts:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy


def test_users_text_stays_text() -> None:
    """Markup in labels, texts, columns, file names and hints shows as what it is."""
    page = parsed("hostile")
    assert [tag for tag, _ in page.elements].count("script") == 2
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
    assert "PLANTED-MARKER" in json.dumps(make_report("hidden"))
    assert "PLANTED-MARKER" not in page_of("hidden")
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
