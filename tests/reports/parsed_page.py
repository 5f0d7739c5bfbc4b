"""A page read back, and what must hold of every one."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

VOID = {"meta", "input", "br", "img", "link", "hr", "base", "source"}


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

    def scripts(self, data: bool = False) -> list[str]:
        """The scripts that run, or the blocks of data that do not."""
        inert = [attributes.get("type") == "application/json" for tag, attributes in self.elements if tag == "script"]
        texts = [text for tag, text in self.texts if tag == "script"]
        return [text for text, still in zip(texts, inert, strict=True) if still == data]

    def check_structure(self) -> None:
        """Landmarks once each, headings without gaps, header cells with a scope, ids once, charts with a text."""
        assert not self.open
        tags = [tag for tag, _ in self.elements]
        assert all(tags.count(tag) == 1 for tag in ("main", "header", "footer", "h1", "title"))
        levels = [int(tag[1]) for tag in tags if re.fullmatch(r"h[1-6]", tag)]
        assert all(after <= before + 1 for before, after in zip(levels, levels[1:], strict=False))
        ids = self.values("id")
        assert len(ids) == len(set(ids))
        assert set(self.values("aria-labelledby")) <= set(ids)
        assert all(a.get("scope") in {"row", "col"} for tag, a in self.elements if tag == "th")
        charts = [a for tag, a in self.elements if tag == "svg" and a.get("role") == "img"]
        assert all(a["aria-label"] for a in charts)
        assert tags.count("figure") <= len(charts)

    def check_alone(self) -> None:
        """Nothing is fetched, and no attribute runs."""
        names = ("src", "href", "srcset", "data", "action", "poster")
        inside = ("#", "data:image/")
        assert all(address.startswith(inside) for name in names for address in self.values(name))
        styles = [text for tag, text in self.texts if tag == "style"] + self.values("style")
        assert len(styles) > 0
        assert not [style for style in styles if re.search(r"url\(|@import|https?:", style)]
        loading = {"link", "iframe", "object", "embed", "use", "base"}
        assert not [tag for tag, _ in self.elements if tag in loading]
        assert not [name for _, attributes in self.elements for name in attributes if name.startswith("on")]

    def check_policy(self) -> None:
        """The policy names the hash of every script that runs, and allows nothing else."""
        policy = next(a["content"] or "" for _, a in self.elements if a.get("http-equiv") == "Content-Security-Policy")
        for script in self.scripts():
            digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
            assert f"'sha256-{digest}'" in policy
        assert "default-src 'none'" in policy
