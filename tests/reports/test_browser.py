"""The run page in Chromium: no request, no error, and everything works at two widths and in both themes."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from report_examples import make_report, page_of

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (pip install playwright)")

# Chromium is spoken to through pipes; only its event loop's own socket pair is needed, which is a Unix one.
pytestmark = [pytest.mark.browser, pytest.mark.enable_socket]

Open = Callable[..., Any]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One Chromium for this file."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    with playwright.sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The file of a variant, written once."""
    folder = tmp_path_factory.mktemp("pages")

    def write(variant: str) -> Path:
        path = folder / f"{variant}.html"
        if not path.exists():
            path.write_text(page_of(variant), encoding="utf-8")
        return path

    return write


@pytest.fixture
def visit(browser: Any, pages: Callable[[str], Path]) -> Iterator[Open]:
    """Opens a page; at the end, all that it asked for must be the page itself, and the console empty."""
    contexts: list[Any] = []
    requests: list[str] = []
    said: list[str] = []
    opened: list[str] = []

    def visit(variant: str = "support", width: int = 1280, **options: Any) -> Any:
        context = browser.new_context(viewport={"width": width, "height": 800}, **options)
        contexts.append(context)
        context.on("request", lambda request: requests.append(request.url))
        context.route(lambda url: not url.startswith("file:"), lambda route: route.abort())
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        opened.append(pages(variant).as_uri())
        page.goto(opened[-1])
        return page

    yield visit
    for context in contexts:
        context.close()
    assert opened, "a test of the browser opens a page"
    assert set(requests) == set(opened)
    assert said == []


def colour(page: Any, selector: str, what: str) -> str:
    """A computed colour."""
    found: str = page.eval_on_selector(selector, f"element => getComputedStyle(element).{what}")
    return found


@pytest.mark.parametrize(
    ("variant", "width", "scheme"),
    [
        ("support", 360, "light"),
        ("support", 360, "dark"),
        ("support", 1280, "light"),
        ("support", 1280, "dark"),
        ("banking", 360, "dark"),
        ("hostile", 360, "light"),
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
    light, dark = visit(color_scheme="light"), visit(color_scheme="dark")
    mark = "#scores svg.wide .mark"
    assert colour(light, mark, "fill") == "rgb(23, 96, 159)"
    assert colour(dark, mark, "fill") == "rgb(121, 184, 238)"
    assert colour(light, "body", "backgroundColor") != colour(dark, "body", "backgroundColor")


def test_the_theme_is_remembered(visit: Open) -> None:
    page = visit(color_scheme="light")
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
    page = visit()
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
    page = visit(width=360)
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
    page = visit()
    field = page.get_by_label("Search the mistakes")
    field.fill("E-417 CODE")
    rows = page.locator("#rows > li:visible")
    assert rows.count() == 3
    assert page.locator("#found").text_content() == "3 of 24"
    field.fill("no such words")
    assert rows.count() == 0
    field.fill("")
    assert rows.count() == 24


def test_charts_speak_to_mouse_and_keyboard(visit: Open) -> None:
    page = visit()
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
    page = visit(permissions=["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy").click()
    page.locator("#copied", has_text="Copied").wait_for(state="attached")
    assert page.evaluate("navigator.clipboard.readText()") == make_report()["recipe"]


def test_all_is_readable_without_javascript(visit: Open) -> None:
    """Controls that would do nothing are not shown."""
    page = visit(java_script_enabled=False)
    assert page.locator("#rows > li").first.is_visible()
    assert page.locator("#scores svg.wide").is_visible()
    assert not page.locator("#theme").is_visible()
    assert not page.locator("#search").is_visible()
    assert not page.locator("#copy").is_visible()


def test_nothing_of_a_hostile_page_runs(visit: Open) -> None:
    page = visit("hostile")
    page.on("dialog", lambda dialog: pytest.fail(f"ran: {dialog.message}"))
    assert page.locator("script").count() == 2
    assert page.locator("img").count() == 0
    assert "<script>alert(1)</script>" in (page.locator("#rows").text_content() or "")


def test_prints_in_light_and_whole(visit: Open) -> None:
    page = visit("many_labels", color_scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert colour(page, "body", "backgroundColor") == "rgb(255, 255, 255)"
    assert colour(page, "#scores h2", "color") == "rgb(27, 31, 36)"
    assert not page.locator("nav").is_visible()
    box = page.locator("#labels .scroll")
    assert box.evaluate("box => box.scrollHeight - box.clientHeight") == 0
    document = page.pdf(format="A4")
    assert document.startswith(b"%PDF")
    assert len(document) > 50_000
