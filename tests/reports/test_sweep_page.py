"""The page of a sweep: what it shows, what it links to, and that no value becomes markup."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from ftkit.reports.sweep import render_sweep

EVIL = "<script>alert(1)</script>"


class Seen(HTMLParser):
    """The links, scripts and text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.scripts = 0
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        self.links += [value for key, value in attrs if tag == "a" and key == "href" and value]

    def handle_data(self, data: str) -> None:
        self.text += data


def run(name: str, status: str | None, error: str | None = None) -> dict[str, Any]:
    return {"name": name, "values": {"data.unit": name, "seed": 1}, "status": status, "error": error}


def test_the_page_of_a_sweep() -> None:
    runs = [run("a,seed=1", "complete"), run("é%", "failed", f"no {EVIL}"), run("c", None)]
    document = {"runs": runs, "table": {"caption": f"accuracy by {EVIL}", "notes": ["1 failed"]}}
    grid = [["data.unit", "accuracy"], [EVIL, "0.500 (n=1)"]]
    shown = {one["name"]: [EVIL, "1"] for one in runs}
    seen = Seen()
    seen.feed(render_sweep("my sweep", grid, shown, document))
    assert [link for link in seen.links if not link.startswith("#")] == ["a%2Cseed%3D1/report.html"]
    assert seen.scripts == 2, "the page's own two and no other"
    for text in ("my sweep", "3 runs", "0.500 (n=1)", "1 failed", f"failed: no {EVIL}", "not begun"):
        assert text in seen.text
