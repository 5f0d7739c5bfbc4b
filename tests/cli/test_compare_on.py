"""`ftkit compare --on`: runs that were really trained, scored on other data beside their own test rows or instead."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from ftkit import pipeline, registry
from ftkit.recipe import parse


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two runs on halves of the toy rows, and `whole.csv` with all of them; nobody may change it."""
    folder = tmp_path_factory.mktemp("made")
    tree = registry.load("tasks", "text_classification").toy(folder)
    head, *rows = (folder / "toy.csv").read_text().splitlines()
    for name, some in (("whole", rows), ("even", rows[::2]), ("odd", rows[1::2])):
        (folder / f"{name}.csv").write_text("\n".join([head, *some, ""]))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in ("even", "odd"):
            one = tree | {"data": {"train": f"{name}.csv", "folds": 2}, "method": "head"}
            (folder / "runs" / name).mkdir(parents=True)
            pipeline.run(parse(one), lambda name=name: Path("runs") / name)
    return folder


@pytest.fixture
def trained(made: Path, workdir: Path) -> Path:
    """A copy that may change, as the working folder."""
    return Path(shutil.copytree(made, workdir, dirs_exist_ok=True))


def test_runs_without_common_rows_are_compared_on_the_data_alone(ftk: Any, trained: Path) -> None:
    refused = ftk("compare", "runs/even", "runs/odd")
    assert refused.code == 2 and "no row that all runs were tested on" in refused.err
    found = ftk("compare", "runs/even", "runs/odd", "--on", "whole.csv", "--json")
    assert found.code == 0, found.err
    document = found.document
    assert document["rows"]["compared"] == 0 and document["comparisons"] == []
    (cells,) = [{cell["entry"]: cell for cell in document["matrix"]["cells"]}]
    assert set(cells) == {"even", "odd"} and cells["odd"]["against"]["entry"] == "even"
    assert cells["even"]["origin"] == "out of fold" and cells["even"]["left_out"] == 0
    assert document["verdict"]["sentence"].startswith("Of 1 comparison on 1 data set: ")
    page = Path("comparisons/1/comparison.html").read_text()
    assert "Data sets" in page and "rows were compared" not in page


def test_the_gate_looks_at_every_data_set(ftk: Any, trained: Path) -> None:
    found = ftk("compare", "runs/even", "runs/odd", "--on", "whole.csv", "--require", "better", "--margin", "0.5")
    document = json.loads(Path("comparisons/1/comparison.json").read_text())
    outcome = document["matrix"]["cells"][1]["against"]["outcome"]
    assert outcome != "better" and found.code == 3
    assert found.errors == [f"--require better is not met: odd against even on whole: {outcome}"]


def test_a_baseline_is_not_scored_on_other_data(ftk: Any, trained: Path) -> None:
    found = ftk("compare", "runs/even:tfidf", "runs/even", "--on", "whole.csv")
    assert found.code == 2 and "a baseline cannot be scored on other data" in found.err
    assert not Path("comparisons").exists()
