"""README.md and recipes/README.md say what is there: tables, verbs, flags, targets, files and recipes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from readme_tables import KINDS, README, SECTION, written_anew
from typer.main import get_command

from ftkit import errors, registry, runs
from ftkit.cli._app import build
from ftkit.recipe import read, shipped

TEXT = README.read_text(encoding="utf-8")
BLOCKS = re.findall(r"```([a-z]*)\n(.*?)```", TEXT, re.DOTALL)
CODE = [text for _, text in BLOCKS] + re.findall(r"`([^`\n]+)`", TEXT)
RECIPES = README.parent / "recipes" / "README.md"


def mentioned(pattern: str) -> set[str]:
    """What a pattern's group finds in the README's code."""
    return {word for part in CODE for word in re.findall(pattern, part, re.MULTILINE)}


def first_cells(after: str) -> set[str]:
    """First cells, without backticks, of the table that follows a header line."""
    lines = TEXT.partition(after)[2].splitlines()[2:]
    rows = lines[: next(i for i, line in enumerate(lines) if not line.startswith("|"))]
    return {row.split("|")[1].strip().strip("`") for row in rows}


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


def test_every_flag_that_is_shown_exists() -> None:
    lines = [line for part in CODE for line in part.splitlines() if line.startswith("ftkit ")]
    shown = {(line.split()[1], flag) for line in lines for flag in re.findall(r"(?<=\s)--[a-z-]+", line)}
    assert len(shown) >= 10
    commands = vars(get_command(build()))["commands"]
    known = {(name, flag) for name, verb in commands.items() for option in verb.params for flag in option.opts}
    assert shown <= known


def test_every_make_target_that_is_shown_exists() -> None:
    makefile = (README.parent / "Makefile").read_text(encoding="utf-8")
    shown = mentioned(r"^make ([a-z]+)")
    assert len(shown) >= 6
    assert shown <= set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))


@pytest.mark.parametrize("page", [README, RECIPES], ids=["README.md", "recipes/README.md"])
def test_every_linked_file_exists(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_linked_heading_exists() -> None:
    places = {re.sub(r"[^a-z -]", "", line.lower()).replace(" ", "-") for line in re.findall(r"^#+ (.+)$", TEXT, re.M)}
    links = set(re.findall(r"\]\(#([^)]+)\)", TEXT))
    assert len(links) >= 5
    assert links <= places


def test_the_recipe_that_is_shown_is_one(tmp_path: Path) -> None:
    (text,) = [text for language, text in BLOCKS if language == "yaml"]
    (tmp_path / "reviews.yaml").write_text(text, encoding="utf-8")
    recipe = read(tmp_path / "reviews.yaml")
    assert recipe.method.name == "lora"
    assert recipe.evaluate.slices == ["shop"]


def test_the_run_folder_is_described_file_by_file() -> None:
    real = {value for name, value in vars(runs).items() if name.isupper()}
    assert len(real) > 8
    assert {cell.rstrip("/") for cell in first_cells("| file | what it holds |")} == real


def test_the_exit_codes_are_those_of_the_errors() -> None:
    real = {str(error.code) for error in vars(errors).values() if isinstance(error, type) and hasattr(error, "code")}
    assert first_cells("| exit code | meaning |") == {"0"} | real


def test_every_recipe_says_how_to_run_it_and_is_in_the_table() -> None:
    table = RECIPES.read_text(encoding="utf-8")
    found = shipped.recipes()
    assert len(found) >= 5
    for name, path in found.items():
        header = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
        assert any(line.endswith(f"ftkit train {name}") for line in header), f"{path}: no command, or another one"
        assert any("recipes/README.md" in line for line in header), f"{path}: where are its scores?"
        assert f"| `{name}` |" in table, f"{name} is not measured: `make recipes`"
