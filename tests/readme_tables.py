"""README.md's tables of verbs, tasks, methods and metrics, from the registries: `make readme`."""

from __future__ import annotations

import re
from pathlib import Path

from ftkit import registry

README = Path(__file__).resolve().parent.parent / "README.md"
KINDS = {"verb": "cli", "task": "tasks", "method": "methods", "metric": "metrics"}
SECTION = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def table(word: str) -> str:
    """A Markdown table of all entries of one registry, with the summaries that `ftkit list` prints."""
    kind = KINDS[word]
    shown = "`ftkit {}`" if word == "verb" else "`{}`"
    rows = [f"| {shown.format(name)} | {registry.summary(kind, name)} |" for name in registry.names(kind)]
    return "\n".join([f"| {word} | what it does |", "|---|---|", *rows]) + "\n"


def written_anew(text: str) -> str:
    """The text with the table between each pair of markers replaced."""
    return SECTION.sub(lambda found: found[1] + table(found[2]) + found[3], text)


if __name__ == "__main__":
    README.write_text(written_anew(README.read_text(encoding="utf-8")), encoding="utf-8")
