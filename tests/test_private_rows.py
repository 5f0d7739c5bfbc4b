"""With hidden rows, no cell of the data leaves the process but in the adapter."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ftkit import registry, runs
from ftkit.cli import main

MARK = "xq7marker"


@pytest.fixture
def marked(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A toy recipe whose every cell carries a marker, with faults of many kinds in its rows."""
    monkeypatch.setenv("FTKIT_ROWS", "hide")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(workdir / "config"))
    tree: dict[str, Any] = registry.load("tasks", "text_classification").toy(workdir)
    with (workdir / "toy.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    marks = [{"text": f"{MARK} {row['text']}", "label": f"{MARK}-{row['label']}"} for row in rows]
    for i, row in enumerate(marks):
        row |= {"user": f"{MARK}-{i % 12}", "place": f"{MARK} {i % 3}"}
    marks.append({**marks[0], "label": marks[-1]["label"]})  # a conflicting label
    marks.append({**marks[1], "label": marks[1]["label"].upper()})  # a label in another case
    write(workdir / "toy.csv", marks)
    tree |= {"method": {"name": "lora", "layers": "last 1"}, "train": {"epochs": 1, "batch": 8}}
    tree["data"] |= {"unit": "user", "group": "user"}
    tree["evaluate"] = {"slices": ["place"]}
    (workdir / "recipe.yaml").write_text(json.dumps(tree))
    return tree


def write(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def texts_of(folder: Path) -> Iterator[tuple[str, str]]:
    """Every file below a folder as text, Parquet files decoded."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and runs.ADAPTER not in path.parts:
            text = pd.read_parquet(path).to_json() if path.suffix == ".parquet" else path.read_text(errors="replace")
            yield str(path), text


def test_no_cell_reaches_a_file_a_message_or_a_log(
    marked: dict[str, Any], workdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "recipe.yaml", "--out", "runs/private"]) == 0
    assert main(["train", "recipe.yaml", "--out", "runs/json", "--json"]) == 0
    assert main(["check", "recipe.yaml"]) in (0, 2)
    assert main(["check", "toy.csv", "--json"]) in (0, 2)
    new = {"text": f"{MARK} bring the saw", "label": f"{MARK}-tool", "user": MARK, "place": MARK}
    write(workdir / "new.csv", [new])
    assert main(["evaluate", "runs/private", "new.csv"]) == 0
    assert main(["predict", "runs/private", "new.csv"]) == 0
    assert main(["compare", "runs/private", "runs/json", "runs/private:majority", "--out", "runs/compared"]) == 0
    assert json.loads((workdir / "runs" / "compared" / "comparison.json").read_text())["flips"], "something to hide"
    assert main(["train", "toy.csv", "--label", "place", "--set", "data.test=missing.csv"]) == 2
    said = capsys.readouterr()
    assert MARK not in said.out.lower() and MARK not in said.err.lower()
    files = list(texts_of(workdir / "runs"))
    assert len(files) > 12
    for path, text in files:
        assert MARK not in text.lower(), path
    assert not (workdir / "runs" / "private" / runs.ROWS).exists()
    assert (workdir / "runs" / "private").stat().st_mode & 0o777 == 0o700


def test_the_marker_is_found_where_rows_are_shown(
    marked: dict[str, Any], workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check above can fail."""
    monkeypatch.delenv("FTKIT_ROWS")
    assert main(["train", "recipe.yaml", "--out", "runs/open"]) == 0
    found = {Path(path).name for path, text in texts_of(workdir / "runs") if MARK in text.lower()}
    assert {runs.ROWS, runs.REPORT, runs.PAGE, runs.PREDICTIONS} <= found


@pytest.mark.slow
def test_hashes_are_keyed_with_a_secret_of_this_machine(
    marked: dict[str, Any], workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = []
    for name, home in (("a", "config"), ("b", "config"), ("c", "elsewhere")):
        monkeypatch.setenv("XDG_CONFIG_HOME", str(workdir / home))
        assert main(["train", "recipe.yaml", "--out", f"runs/{name}"]) == 0
        ids.append(set(pd.read_parquet(workdir / "runs" / name / runs.PREDICTIONS)["row_id"]))
    assert ids[0] == ids[1]
    assert not ids[0] & ids[2]
    assert (workdir / "config" / "ftkit" / "rows.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.slow
def test_rows_are_recognised_whoever_hides_them(
    marked: dict[str, Any], workdir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run made under the variable stays private without it, and still knows what it was trained on."""
    for name, value in (("hidden", "hide"), ("shown", "")):
        monkeypatch.setenv("FTKIT_ROWS", value)
        assert main(["train", "recipe.yaml", "--out", f"runs/{name}"]) == 0
    for name in ("hidden", "shown"):
        for value in ("hide", ""):
            monkeypatch.setenv("FTKIT_ROWS", value)
            assert main(["evaluate", f"runs/{name}", "toy.csv"]) == 2
            assert "trained on all" in capsys.readouterr().err
    monkeypatch.setenv("XDG_CONFIG_HOME", str(workdir / "elsewhere"))
    assert main(["evaluate", "runs/hidden", "toy.csv"]) == 2
    assert "key of another machine" in capsys.readouterr().err


def test_a_key_that_cannot_be_kept_is_said_before_training(
    marked: dict[str, Any], workdir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "/proc/nowhere")
    assert main(["train", "recipe.yaml", "--out", "runs/none"]) in (1, 2)
    assert "rows.key" in capsys.readouterr().err
    assert not (workdir / "runs" / "none").exists()
