"""One Chromium for all tests of pages."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A running Chromium."""
    reason = "playwright is not installed (pip install playwright)"
    playwright = pytest.importorskip("playwright.sync_api", reason=reason)
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    with playwright.sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture
def visit(browser: Any, source: Callable[[str], str], tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Opens a page of `source`; at the end, all that it asked for must be itself, and the console empty."""
    contexts: list[Any] = []
    requests: list[str] = []
    said: list[str] = []
    opened: list[str] = []

    def visit(variant: str, width: int = 1280, **options: Any) -> Any:
        path = tmp_path / f"{variant}.html"
        path.write_text(source(variant), encoding="utf-8")
        context = browser.new_context(viewport={"width": width, "height": 800}, **options)
        context.set_default_timeout(60_000)  # milliseconds; a busy machine is no fault of the page
        contexts.append(context)
        context.on("request", lambda request: requests.append(request.url))
        context.route(lambda url: not url.startswith("file:"), lambda route: route.abort())
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        opened.append(path.as_uri())
        page.goto(opened[-1])
        return page

    yield visit
    for context in contexts:
        context.close()
    assert opened, "a test of the browser opens a page"
    assert set(requests) == set(opened)
    assert said == []
