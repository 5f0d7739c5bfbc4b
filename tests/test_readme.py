"""README.md says what is there: its tables, verbs, targets and files are compared with the real ones."""

from __future__ import annotations

import re

import pytest
from readme_tables import KINDS, README, SECTION, written_anew

from ftkit import registry

TEXT = README.read_text(encoding="utf-8")
CODE = re.findall(r"```[a-z]*\n(.*?)```", TEXT, re.DOTALL) + re.findall(r"`([^`\n]+)`", TEXT)


def mentioned(pattern: str) -> set[str]:
    """What a pattern's group finds in the README's code."""
    return {word for part in CODE for word in re.findall(pattern, part, re.MULTILINE)}


def test_tables_are_those_of_the_registries() -> None:
    assert sorted(found[2] for found in SECTION.finditer(TEXT)) == sorted(KINDS)
    assert written_anew(TEXT) == TEXT, "run `make readme`"


@pytest.mark.parametrize("word", KINDS)
def test_a_missing_entry_is_noticed(word: str) -> None:
    name = registry.names(KINDS[word])[0]
    row = next(line for line in TEXT.splitlines(keepends=True) if re.match(rf"\| `(ftkit )?{name}` \|", line))
    assert written_anew(TEXT.replace(row, "")) == TEXT


def test_every_verb_that_is_shown_exists() -> None:
    shown = mentioned(r"(?:^|\s|\$ )ftkit ([a-z]+)\b")
    assert len(shown) >= 6
    assert shown <= set(registry.names("cli"))


def test_every_make_target_that_is_shown_exists() -> None:
    makefile = (README.parent / "Makefile").read_text(encoding="utf-8")
    shown = mentioned(r"^make ([a-z]+)")
    assert len(shown) >= 3
    assert shown <= set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))


def test_every_linked_file_exists() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", TEXT)
    assert len(links) >= 3
    assert [link for link in links if not (README.parent / link).exists()] == []
