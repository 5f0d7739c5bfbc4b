"""Registries: what is listed without an import, what is loaded, and what a near miss says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ftkit import registry
from ftkit.errors import InputError, did_you_mean

KINDS = {"tasks": "text_classification", "methods": "lora", "metrics": "accuracy", "cli": "train"}


@pytest.mark.parametrize(("kind", "known"), KINDS.items())
def test_names_are_the_files_of_the_folder(kind: str, known: str) -> None:
    names = registry.names(kind)
    assert known in names and names == sorted(names)
    assert not any(name.startswith("_") for name in names)
    on_disk = {path.stem for path in (registry.ROOT / kind).iterdir() if path.suffix == ".py"}
    assert set(names) == {name for name in on_disk if not name.startswith("_")}
    names.clear()
    assert known in registry.names(kind), "each caller has its own list"


@pytest.mark.parametrize("kind", KINDS)
def test_every_entry_says_what_it_is_in_one_line(kind: str) -> None:
    names = registry.names(kind)
    assert len(names) >= 1
    for name in names:
        line = registry.summary(kind, name)
        assert line.endswith(".") and line[0].isupper() and len(line) < 110, (kind, name, line)


@pytest.mark.parametrize("kind", ["tasks", "methods", "metrics"])
def test_every_entry_loads_as_one_class_with_described_keys(kind: str) -> None:
    names = registry.names(kind)
    assert len(names) >= 1
    for name in names:
        entry = registry.load(kind, name)
        assert issubclass(entry, registry.Entry)
        assert entry(name=name).name == name
        assert all(field.description for field in entry.model_fields.values()), name
        assert registry.load(kind, name) is entry


def test_listing_imports_nothing() -> None:
    """Only the loading of an entry may pay for its libraries."""
    code = (
        "import sys; from ftkit import registry;"
        "[registry.summary(kind, name) for kind in ('tasks', 'methods', 'metrics') for name in registry.names(kind)];"
        "heavy = {'torch', 'numpy', 'pandas', 'ftkit.methods', 'ftkit.metrics'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("kind", "name", "hint"),
    [
        ("methods", "lroa", "did you mean lora?"),
        ("tasks", "text_clasification", "did you mean text_classification?"),
        ("methods", "zzz", "choose from "),
        ("methods", "", "choose from "),
        ("methods", "../recipe", "choose from "),
        ("methods", "__init__", "choose from "),
        ("methods", "_peft", ""),
    ],
)
def test_an_unknown_name_gets_a_hint(kind: str, name: str, hint: str) -> None:
    with pytest.raises(InputError) as caught:
        registry.load(kind, name)
    assert caught.value.code == 2
    assert caught.value.hint.startswith(hint)


def test_a_file_of_ones_own_is_imported_once(tmp_path: Path) -> None:
    path = tmp_path / "own.py"
    path.write_text(
        "from ftkit.methods import Method\nCOUNT = []\nCOUNT.append(1)\nclass Own(Method):\n    a: int = 1\n"
    )
    first = registry.load("methods", str(path))
    assert registry.load("methods", str(path)) is first
    other = tmp_path / "other" / "own.py"
    other.parent.mkdir()
    other.write_text(path.read_text())
    assert registry.load("methods", str(other)) is not first


def test_a_file_that_fails_can_be_mended_and_loaded(tmp_path: Path) -> None:
    path = tmp_path / "broken.py"
    path.write_text("raise RuntimeError('two\\nlines')")
    with pytest.raises(InputError, match=r"cannot be imported \(RuntimeError: two lines\)"):
        registry.load("methods", str(path))
    path.write_text("from ftkit.methods import Method\nclass Own(Method):\n    pass\n")
    assert registry.load("methods", str(path)).__name__ == "Own"


def test_an_imported_base_is_no_entry(tmp_path: Path) -> None:
    path = tmp_path / "own.py"
    path.write_text("from ftkit.methods import Method\nfrom ftkit.methods.lora import Lora\n")
    with pytest.raises(InputError, match="expected one method, found 0"):
        registry.load("methods", str(path))


def test_did_you_mean_names_the_nearest_or_the_choices() -> None:
    assert did_you_mean("acuracy", ["accuracy", "recall"]) == "did you mean accuracy?"
    assert did_you_mean("zz", ["b", "a"]) == "choose from a, b"
    assert did_you_mean("zz", [str(n) for n in range(20)]).endswith(", …")
    assert did_you_mean("zz", []) == ""
