"""The matrix of real runs on three review sites, one of them adapted from another; the slow tier."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import ftkit
from ftkit.models.assembly import load_run
from ftkit.reports.matrix import lines
from ftkit.verbs import scoring
from ftkit.verbs.crossing import cross

pytestmark = pytest.mark.slow
SITES = ("imdb", "amazon", "yelp")
TRAIN, TEST = 60, 80  # rows of each site


@pytest.fixture(scope="module")
def sites(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Rows of each site, a solved head for each, and one for yelp on top of an adapter from imdb."""
    folder = tmp_path_factory.mktemp("sites")
    found: dict[str, Any] = {}
    for name in SITES:
        path = shared / "data" / "review_sentences_en" / f"{name}_labelled.txt"
        rows = pd.read_csv(path, sep="\t", names=["text", "label"], quoting=csv.QUOTE_NONE, encoding="utf-8")
        rows["label"] = rows["label"].map({0: "bad", 1: "good"})
        rows = rows.drop_duplicates("text").sample(TRAIN + TEST, random_state=0)
        found[name] = [folder / f"{name}-train.csv", folder / f"{name}.csv"]
        rows[:TRAIN].to_csv(found[name][0], index=False)
        rows[TRAIN:].to_csv(found[name][1], index=False)
    lora = {"method.name": "lora", "method.layers": "last 1", "train.epochs": 1}
    made = {name: run_of(folder, name, found[name], "minilm", lora if name == "imdb" else {}) for name in SITES}
    made["yelp-from-imdb"] = run_of(folder, "yelp-from-imdb", found["yelp"], str(made["imdb"]), {})
    return {"files": [str(found[name][1]) for name in SITES], "runs": list(made.values())}


def run_of(folder: Path, name: str, rows: list[Path], base: str, more: dict[str, Any]) -> Path:
    changes = {"data.test": str(rows[1]), "base": base, "method.name": "head", "task.label": "label"}
    run, _ = ftkit.train(rows[0], folder / "runs" / name, changes=changes | {"data.validation": "none"} | more)
    return run


def test_every_run_on_every_site(sites: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = cross(sites["runs"], sites["files"])
    cells = {(cell["entry"], cell["set"]): cell for cell in matrix["cells"]}
    assert len(cells) == 12 and {one["rows"] for one in matrix["sets"]} == {TEST}
    for name in SITES:
        assert cells[name, name]["home"] and cells[name, name]["origin"] == "test rows"
        assert cells[name, name]["score"]["value"] > 0.7 and cells[name, name]["rows"] == TEST
    assert sum(cell["home"] for cell in cells.values()) == 4
    adapted = next(one for one in matrix["summary"] if one["entry"] == "yelp-from-imdb")
    for what, where in (("gain", "yelp"), ("forgetting", "imdb")):
        assert (adapted[what]["entry"], adapted[what]["set"], adapted[what]["rows"]) == ("imdb", where, TEST)
        numbers = adapted[what]["difference"]
        assert numbers["low"] <= numbers["value"] <= numbers["high"]
    monkeypatch.setattr(scoring, "prepare", lambda places: pytest.fail("all of it is kept"))
    assert cross(sites["runs"], sites["files"]) == matrix
    assert len(lines(matrix)) > 12


def test_a_cell_is_what_the_run_itself_says(sites: dict[str, Any]) -> None:
    matrix = cross(sites["runs"], sites["files"])
    for entry, name in (("amazon", "imdb"), ("yelp-from-imdb", "amazon"), ("imdb", "yelp")):
        run = next(run for run in sites["runs"] if run.name == entry)
        rows = pd.read_csv(next(file for file in sites["files"] if Path(file).stem == name))
        model = load_run(run)
        logits, _ = model.logits([(text,) for text in rows["text"]])
        right = np.array(model.head.labels)[logits.argmax(1)] == rows["label"]
        cell = next(cell for cell in matrix["cells"] if (cell["entry"], cell["set"]) == (entry, name))
        assert cell["score"]["value"] == pytest.approx(right.mean(), abs=0.013)  # one row may lie on the edge
