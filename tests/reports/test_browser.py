"""The run page in Chromium: no request, no error, and everything works at two widths and in both themes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from report_examples import make_report, page_of

# Chromium is spoken to through pipes; only its event loop's own socket pair is needed, which is a Unix one.
pytestmark = [pytest.mark.browser, pytest.mark.enable_socket]

Open = Callable[..., Any]


@pytest.fixture
def source() -> Callable[[str], str]:
    """The pages that `visit` opens."""
    return page_of


def colour(page: Any, selector: str, what: str) -> str:
    """A computed colour."""
    found: str = page.eval_on_selector(selector, f"element => getComputedStyle(element).{what}")
    return found


def lines(page: Any, column: str = "") -> list[str]:
    """What the list of predictions shows of a column, or of all."""
    cells = f"td[data-key={column}]" if column else "tr"
    found: list[str] = page.locator(f"#predictions tbody {cells}").all_text_contents()
    return found


def choose(page: Any, menu: str, name: str) -> int:
    """Pick a name in a menu of the list; returns how many rows it says to have."""
    picked = page.get_by_label(menu, exact=True)
    (option,) = [text for text in picked.locator("option").all_text_contents() if text.startswith(f"{name} (")]
    picked.select_option(label=option)
    return int(option.removeprefix(f"{name} (").rstrip(")"))


def said(page: Any) -> str:
    """How many rows the list says that it has."""
    return (page.locator("#predictions .found").text_content() or "").replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("variant", "width", "scheme"),
    [
        ("support", 360, "light"),
        ("support", 360, "dark"),
        ("support", 1280, "light"),
        ("support", 1280, "dark"),
        ("banking", 360, "dark"),
        ("hostile", 360, "light"),
        ("many_labels", 375, "light"),
    ],
)
def test_every_page_fits(visit: Open, variant: str, width: int, scheme: str) -> None:
    """No sideways scrolling of the page, the charts of this width and no others."""
    page = visit(variant, width, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    shown, hidden = ("wide", "narrow") if width == 1280 else ("narrow", "wide")
    assert page.locator(f"#scores svg.{shown}").is_visible()
    assert not page.locator(f"#scores svg.{hidden}").is_visible()
    assert page.locator("#verdict .sentence").is_visible()


def test_themes_colour_the_same_drawing(visit: Open) -> None:
    """CSS variables reach into the SVG, and follow the system until someone chooses."""
    light, dark = visit("support", color_scheme="light"), visit("support", color_scheme="dark")
    mark = "#scores svg.wide .mark"
    assert colour(light, mark, "fill") == "rgb(23, 96, 159)"
    assert colour(dark, mark, "fill") == "rgb(121, 184, 238)"
    assert colour(light, "body", "backgroundColor") != colour(dark, "body", "backgroundColor")


def test_the_theme_is_remembered(visit: Open) -> None:
    page = visit("support", color_scheme="light")
    button = page.get_by_role("button", name="Dark theme")
    before = colour(page, "body", "backgroundColor")
    assert button.get_attribute("aria-pressed") == "false"
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    after = colour(page, "body", "backgroundColor")
    assert after != before
    page.reload()
    assert colour(page, "body", "backgroundColor") == after
    assert button.get_attribute("aria-pressed") == "true"
    button.click()
    assert colour(page, "body", "backgroundColor") == before


def test_tables_sort_both_ways(visit: Open) -> None:
    page = visit("support")
    head = page.locator("#labels th", has_text="F1")
    values = page.locator("#labels tbody td:last-child")
    head.get_by_role("button").click()
    falling = values.all_text_contents()
    assert head.get_attribute("aria-sort") == "descending"
    assert len(falling) == 8
    assert falling == sorted(falling, reverse=True)
    head.get_by_role("button").click()
    assert values.all_text_contents() == falling[::-1]
    page.locator("#labels th", has_text="label").get_by_role("button").press("Enter")
    assert page.locator("#labels tbody th").first.text_content() == "billing"
    assert head.get_attribute("aria-sort") is None


def test_doubtful_labels_sort_and_calibration_speaks(visit: Open) -> None:
    """Texts stay readable on a phone, the table sorts by doubt, and marks of the charts say what they are."""
    page = visit("support", width=360)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert page.locator("#doubtful tbody td").first.evaluate("cell => cell.clientWidth") >= 200
    head = page.locator("#doubtful table").first.locator("th", has_text="doubt")
    values = page.locator("#doubtful table").first.locator("tbody td:nth-child(4)")
    falling = values.all_text_contents()
    head.get_by_role("button").click()
    assert values.all_text_contents() == falling  # the most doubtful first, as they stand already
    head.get_by_role("button").click()
    assert values.all_text_contents() == falling[::-1]
    marks = page.locator("#calibration svg").nth(2).locator(".mark")
    assert marks.count() == 20
    assert (marks.first.get_attribute("aria-label") or "").startswith("5.0\u00a0% answered, from a confidence of")


def test_mistakes_can_be_searched(visit: Open) -> None:
    page = visit("support")
    field = page.get_by_label("Search the mistakes")
    field.fill("E-417 CODE")
    rows = page.locator("#rows > li:visible")
    assert rows.count() == 3
    assert page.locator("#found").text_content() == "3 of 24"
    field.fill("no such words")
    assert rows.count() == 0
    field.fill("")
    assert rows.count() == 24


def test_predictions_are_searched_filtered_and_sorted(visit: Open) -> None:
    """Search, menus and headings work together, and every change is said aloud."""
    page = visit("support")
    status = page.locator("#predictions .found")
    assert status.get_attribute("aria-live") == "polite"
    assert said(page) == "412 rows"
    assert len(lines(page)) == 50
    page.get_by_role("searchbox", name="Search", exact=True).fill("E-417 CODE")
    some = int(said(page).split()[0])
    assert 0 < some < 50 and said(page) == f"{some} of 412 rows"
    assert all("code E-417" in text for text in lines(page, "text"))
    choose(page, "result", "wrong")
    assert set(lines(page, "result")) == {"wrong"}
    assert 0 < len(lines(page)) < some
    page.get_by_role("button", name="Show all").click()
    assert said(page) == "412 rows"
    assert page.get_by_role("searchbox", name="Search", exact=True).evaluate(
        "field => field === document.activeElement"
    )
    choose(page, "gold", "cancel")
    choose(page, "predicted", "delivery")
    assert set(lines(page, "gold")) == {"cancel"} and set(lines(page, "predicted")) == {"delivery"}
    page.get_by_role("button", name="Show all").click()
    heading = page.locator("#predictions th", has_text="confidence")
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "descending"
    shares = [float(text.strip("<>").split()[0]) for text in lines(page, "confidence")]
    assert len(shares) == 50 and shares == sorted(shares, reverse=True)
    heading.get_by_role("button").press("Enter")
    assert heading.get_attribute("aria-sort") == "ascending"
    assert float(lines(page, "confidence")[0].split()[0]) < min(shares)
    page.locator("#predictions th", has_text="text").get_by_role("button").press("Space")
    assert lines(page, "text")[0].startswith("app logs me out")
    assert heading.get_attribute("aria-sort") is None


def test_predictions_are_turned_over(visit: Open) -> None:
    """All rows are met once, at either end the button does nothing and keeps the focus."""
    page = visit("support")
    following, back = (page.get_by_role("button", name=name) for name in ("Next", "Previous"))
    assert back.get_attribute("aria-disabled") == "true"
    met = [len(lines(page))]
    while following.get_attribute("aria-disabled") == "false":
        following.click()
        met.append(len(lines(page)))
    assert met == [50] * 8 + [12]
    assert page.locator(".turn").get_by_role("status").text_content() == "401–412 of 412"
    following.click(force=True)
    assert following.evaluate("button => button === document.activeElement")
    back.click()
    assert page.locator(".turn").get_by_role("status").text_content() == "351–400 of 412"


def test_a_long_text_opens_and_closes(visit: Open) -> None:
    page = visit("support")
    page.get_by_role("searchbox", name="Search", exact=True).fill("building site")
    first = page.locator("#predictions tbody tr").first
    assert "your site gave me" not in (first.text_content() or "")
    more = first.get_by_role("button", name="more")
    more.press("Enter")
    assert "your site gave me" in (first.text_content() or "")
    less = first.get_by_role("button", name="less")
    assert less.get_attribute("aria-expanded") == "true"
    less.press("Enter")
    assert "your site gave me" not in (first.text_content() or "")


def test_a_cell_of_the_matrix_lists_its_rows(visit: Open) -> None:
    """By mouse and by keyboard; the focus goes along, and back."""
    from playwright.sync_api import expect

    page = visit("support")
    cells = page.locator(".matrix tbody tr").nth(1).locator("td")
    rows = cells.nth(2).text_content()
    assert int(rows) > 0
    cells.nth(2).get_by_role("button").click()
    assert said(page) == f"{rows} of 412 rows" and len(lines(page)) == int(rows)
    assert set(lines(page, "gold")) == {"cancel"} and set(lines(page, "predicted")) == {"delivery"}
    assert page.get_by_label("gold", exact=True).input_value() == "1"
    assert page.locator("#predictions-list").evaluate("list => list === document.activeElement")
    expect(page.locator("#predictions .found")).to_be_in_viewport()  # it scrolls there smoothly
    page.get_by_role("button", name="Back to the confusions").press("Enter")
    assert (
        page.evaluate("document.activeElement.getAttribute('aria-label')") == f"cancel taken for delivery: {rows} rows"
    )
    assert page.locator(".matrix [tabindex='0']").count() == 1
    page.keyboard.press("ArrowLeft")
    right = cells.nth(1).text_content()
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == f"cancel, right: {right} rows"
    page.keyboard.press("Enter")
    assert said(page) == f"{right} of 412 rows" and set(lines(page, "result")) == {"right"}
    cells.last.get_by_role("button").click()
    assert said(page) == f"{cells.last.text_content()} of 412 rows" and set(lines(page, "gold")) == {"cancel"}


def test_a_pair_lists_its_rows_where_there_is_no_matrix(visit: Open) -> None:
    page = visit("many_labels")
    line = page.locator("table.pairs tbody tr").nth(2)
    gold, predicted = line.locator("[data-name]").all_text_contents()
    rows = line.locator("td").last.text_content()
    line.get_by_role("button").press("Enter")
    assert said(page) == f"{rows} of 3,000 rows"
    assert set(lines(page, "gold")) == {gold} and set(lines(page, "predicted")) == {predicted}


def test_charts_speak_to_mouse_and_keyboard(visit: Open) -> None:
    page = visit("support")
    marks, tip = page.locator("#scores svg.wide .mark"), page.locator(".tip")
    assert not tip.is_visible()
    marks.nth(1).hover()
    assert tip.text_content() == marks.nth(1).get_attribute("aria-label")
    page.mouse.move(2, 2)
    marks.first.focus()
    assert (tip.text_content() or "").startswith("adapted model: 0.874")
    page.keyboard.press("ArrowDown")
    assert (tip.text_content() or "").startswith("linear probe: 0.851")
    stops = page.locator("#scores svg.wide .mark[tabindex='0']")
    assert stops.count() == 1
    page.keyboard.press("Escape")
    assert not tip.is_visible()
    page.locator(".matrix tbody td").first.hover()
    assert tip.text_content() == "billing, right: 44 rows"


def test_the_recipe_is_copied_or_selected(visit: Open) -> None:
    page = visit("support", permissions=["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy").click()
    page.locator("#copied", has_text="Copied").wait_for(state="attached")
    assert page.evaluate("navigator.clipboard.readText()") == make_report()["recipe"]


def test_all_is_readable_without_javascript(visit: Open) -> None:
    """Controls that would do nothing are not shown."""
    page = visit("support", java_script_enabled=False)
    assert page.locator("#rows > li").first.is_visible()
    assert page.locator("#scores svg.wide").is_visible()
    assert not page.locator("#theme").is_visible()
    assert not page.locator("#search").is_visible()
    assert not page.locator("#copy").is_visible()
    assert page.locator(".matrix button, .filters").count() == 0
    assert not page.get_by_text("Choose a cell to see its rows").is_visible()
    assert page.get_by_text("This list needs JavaScript").is_visible()


def test_nothing_of_a_hostile_page_runs(visit: Open) -> None:
    page = visit("hostile")
    page.on("dialog", lambda dialog: pytest.fail(f"ran: {dialog.message}"))
    assert page.locator("script").count() == 4
    assert page.locator("img").count() == 0
    assert "<script>alert(1)</script>" in (page.locator("#rows").text_content() or "")
    assert "<script>alert(1)</script>" in (page.locator("#predictions tbody").text_content() or "")


def test_prints_in_light_and_whole(visit: Open) -> None:
    page = visit("many_labels", color_scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert colour(page, "body", "backgroundColor") == "rgb(255, 255, 255)"
    assert colour(page, "#scores h2", "color") == "rgb(27, 31, 36)"
    assert not page.locator("nav").is_visible()
    box = page.locator("#labels .scroll")
    assert box.evaluate("box => box.scrollHeight - box.clientHeight") == 0
    assert not page.locator(".filters, .turn button, .button").first.is_visible()
    document = page.pdf(format="A4")
    assert document.startswith(b"%PDF")
    assert len(document) > 50_000


@pytest.mark.parametrize("variant", ["support", "banking", "hostile"])
def test_nothing_runs_over_the_edge_of_the_paper(visit: Open, variant: str) -> None:
    """688 pixels are what A4 has between our margins."""
    page = visit(variant, width=688)
    page.emulate_media(media="print")
    assert page.evaluate("document.documentElement.scrollWidth") == 688


def test_prints_the_rows_that_are_chosen(visit: Open) -> None:
    """All of a choice up to 500 rows with their whole texts, not one page of the list; the screen is as before."""
    page = visit("support")
    right = choose(page, "result", "right")
    page.evaluate(
        "addEventListener('beforeprint', () => { rows = document.querySelectorAll('#predictions tbody tr').length })"
    )
    page.pdf(format="A4")
    assert page.evaluate("rows") == right and 300 < right < 412
    assert len(lines(page)) == 50
    page.emulate_media(media="print")
    box = page.locator("#predictions .scroll")
    assert box.evaluate("box => box.scrollHeight - box.clientHeight") == 0
    assert not page.locator(".filters, .turn button").first.is_visible()
