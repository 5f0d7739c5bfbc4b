"""The page of a comparison in Chromium: no request, no error, and everything works at two widths, in both themes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from comparison_examples import page_of

pytestmark = [pytest.mark.browser, pytest.mark.enable_socket]

Open = Callable[..., Any]


@pytest.fixture
def source() -> Callable[[str], str]:
    """The pages that `visit` opens."""
    return page_of


def column(page: Any, key: str) -> list[str]:
    """What the list of flips shows of a column."""
    found: list[str] = page.locator(f"#flips tbody td[data-key={key}]").all_text_contents()
    return found


def said(page: Any) -> str:
    return (page.locator("#flips .found").text_content() or "").replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("variant", "width", "scheme"),
    [
        ("everything", 375, "light"),
        ("everything", 1280, "dark"),
        ("hostile", 375, "dark"),
        ("all_pairs", 375, "light"),
        ("bare", 375, "light"),
    ],
)
def test_every_page_fits(visit: Open, variant: str, width: int, scheme: str) -> None:
    """No sideways scrolling of the page, the charts of this width and no others, and nothing runs."""
    page = visit(variant, width, color_scheme=scheme)
    page.on("dialog", lambda dialog: pytest.fail(f"ran: {dialog.message}"))
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.locator("#verdict .sentence").is_visible()
    if variant != "bare":
        shown, hidden = ("wide", "narrow") if width == 1280 else ("narrow", "wide")
        assert page.locator(f"#verdict svg.{shown}").is_visible()
        assert not page.locator(f"#verdict svg.{hidden}").is_visible()


def test_flips_are_filtered_searched_and_sorted(visit: Open) -> None:
    """3,000 of them: by kind, by word and by confidence."""
    page = visit("many_flips")
    assert said(page) == "3,000 flips"
    page.get_by_label("change", exact=True).select_option(label="fixed (2,000)")
    assert said(page) == "2,000 of 3,000 flips" and set(column(page, "kind")) == {"fixed"}
    page.get_by_role("searchbox", name="Search", exact=True).fill("parcel door #2998")
    assert said(page) == "1 of 3,000 flips"
    page.get_by_role("button", name="Show all").click()
    page.locator("#flips th", has_text="confidence").first.get_by_role("button").press("Enter")
    shares = [float(text.strip("<>").split()[0]) for text in column(page, "confidence_a")]
    assert len(shares) == 50 and shares == sorted(shares, reverse=True)
    assert {"lora", "head"} <= set(page.locator("#flips thead button").all_text_contents())


def test_flips_of_several_pairs_are_told_apart(visit: Open) -> None:
    page = visit("everything")
    page.get_by_label("entry", exact=True).select_option(label="all-blocks (30)")
    assert said(page) == "30 of 70 flips" and set(column(page, "pair")) == {"all-blocks"}


def test_tables_sort(visit: Open) -> None:
    """Differences by their number, not by their text."""
    page = visit("everything")
    head = page.locator("#comparisons th", has_text="difference")
    head.get_by_role("button").press("Enter")
    assert head.get_attribute("aria-sort") == "descending"
    cells = page.locator("#comparisons tbody tr").evaluate_all(
        "rows => rows.map(row => Number(row.cells[2].dataset.sort))"
    )
    assert len(cells) == 9 and cells == sorted(cells, reverse=True)


def test_the_theme_is_switched(visit: Open) -> None:
    """Charts and heat map follow the button."""
    page = visit("everything", color_scheme="light")
    mark, cell = "#verdict svg.wide .mark", "#matrix td.home"
    colours = "element => getComputedStyle(element).fill + getComputedStyle(element).backgroundColor"
    before = [page.eval_on_selector(selector, colours) for selector in (mark, cell)]
    page.get_by_role("button", name="Dark theme").click()
    after = [page.eval_on_selector(selector, colours) for selector in (mark, cell)]
    assert all(old != new for old, new in zip(before, after, strict=True))


def test_charts_and_cells_speak_to_mouse_and_keyboard(visit: Open) -> None:
    page = visit("everything")
    tip = page.locator(".tip")
    page.locator("#verdict svg.wide .mark").first.focus()
    assert (tip.text_content() or "").startswith("lora: +2.")
    page.keyboard.press("End")
    assert (tip.text_content() or "").startswith("lora:tfidf: −") and "worse" in (tip.text_content() or "")
    page.locator("#cost .mark").first.hover()
    assert "on the Pareto front" in (tip.text_content() or "")
    page.locator("#slices svg.wide .mark").last.hover()
    assert "lora" in (tip.text_content() or "") or "head" in (tip.text_content() or "")
    page.locator("#matrix td.home").nth(1).focus()
    assert (tip.text_content() or "").startswith("400\u00a0rows, test rows, 12\u00a0rows left out; ")
    page.keyboard.press("Tab")
    assert (tip.text_content() or "").startswith("400\u00a0rows, evaluation; ")


def test_prints_whole_and_without_controls(visit: Open) -> None:
    """Boxes do not scroll, details are open, filters are gone, flips are printed beyond the first page of the list."""
    page = visit("many_flips", color_scheme="dark")
    page.evaluate(
        "addEventListener('beforeprint', () => { rows = document.querySelectorAll('#flips tbody tr').length })"
    )
    assert page.pdf(format="A4").startswith(b"%PDF")
    assert page.evaluate("rows") == 500
    assert len(column(page, "kind")) == 50
    page.emulate_media(media="print", color_scheme="dark")
    assert page.eval_on_selector("body", "body => getComputedStyle(body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator(".filters, .turn button, .button").first.is_visible()
    for box in page.locator(".scroll").all():
        assert box.evaluate("box => box.scrollHeight - box.clientHeight") == 0


def test_nothing_runs_over_the_edge_of_the_paper(visit: Open) -> None:
    """688 pixels are what A4 has between our margins."""
    page = visit("everything", width=688)
    page.emulate_media(media="print")
    assert page.evaluate("document.documentElement.scrollWidth") == 688


def test_all_but_the_list_is_readable_without_javascript(visit: Open) -> None:
    page = visit("everything", java_script_enabled=False)
    assert page.locator("#verdict svg.wide").is_visible()
    assert page.locator("#matrix table").is_visible()
    assert page.locator("#flips").get_by_text("This list needs JavaScript").is_visible()
    assert not page.locator("#copy").is_visible()
