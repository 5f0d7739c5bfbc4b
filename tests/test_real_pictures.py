"""Real pictures and real checkpoints, with every method; the slow tier."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ftkit import folders, pipeline, registry, runs
from ftkit.cli import main
from ftkit.models.assembly import load_run
from ftkit.recipe import parse
from ftkit.training import scratch
from ftkit.verbs.checking import check
from ftkit.verbs.predicting import predict

pytestmark = pytest.mark.slow
BASES = ["vit-tiny-patch16-224", "mobilenet-v2-1.0-224", "mobilenet-v2-0.35-224-backbone"]
METHODS = [name for name in registry.names("methods") if name != "auto"]


@pytest.fixture(autouse=True)
def _short_baselines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Large pictures from random weights: 120 passes would take minutes, and their score is not what is tested."""
    monkeypatch.setattr(scratch, "PASSES", 2)


@pytest.fixture
def photos(shared: Path, workdir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Sixteen photographs with two labels."""
    monkeypatch.setenv("FTKIT_CACHE", str(workdir / "cache"))
    for label in ("dog", "guitar"):
        (workdir / "photos" / label).mkdir(parents=True)
        found = sorted((shared / "data" / "object_images_styles" / "photo" / label).iterdir())[:8]
        for path in found:
            shutil.copy(path, workdir / "photos" / label)
    return workdir / "photos"


@pytest.mark.parametrize("base", BASES)
def test_every_method_trains_and_comes_back_on_every_checkpoint(
    base: str, shared: Path, photos: Path, workdir: Path
) -> None:
    for name in METHODS:
        tree: dict[str, Any] = {
            "base": str(shared / "models" / base),
            "task": {"name": "image_classification"},
            "data": {"train": str(photos), "folds": 0, "validation": "none"},
            "method": name,
            "train": {"epochs": 1, "batch": 8},
        }
        run, report = pipeline.run(parse(tree), lambda name=name: folders.new_run_folder(workdir / name, "run", False))
        assert report["baselines"].keys() >= {"raw_neighbour", "linear_probe", "nearest_neighbour"}
        assert report["cost"]["trainable_parameters"] > (1000 if name != "head" else 100)
        assert report["choices"]["frozen_blocks"] > 0 or name == "full" or report["choices"]["prefix_cached"] is False
        said = pd.read_csv(predict(run, str(photos), workdir / f"{name}.csv", scores=True)).set_index("file")
        kept, rows = (pd.read_parquet(run / file) for file in (runs.PREDICTIONS, runs.ROWS))
        inputs = dict(zip(rows["row_id"], rows["input"], strict=True))
        for _, row in kept[kept["predictor"] == "adapted"].iterrows():
            again = said.loc[inputs[row["row_id"]][0], ["score.dog", "score.guitar"]].tolist()
            assert again == pytest.approx(row["scores"].tolist(), abs=1e-4), (name, "what was saved is what was scored")
        trains = check(parse(tree))["trains"]
        network = load_run(run).network
        assert trains[0]["all_blocks"] == (12 if "vit" in base else 16)
        assert (trains[0]["weights"] > 0) == (name != "head") and network.backbone.training is False


def test_photos_with_twenty_files_a_label(shared: Path, workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FTKIT_CACHE", str(workdir / "cache"))
    base = shared / "models" / "mobilenet-v2-0.35-224-backbone"
    keys = ["--base", str(base), "--method", "head", "--set", "data.per_label=20", "--out", "run"]
    assert main(["train", str(shared / "data" / "object_images_styles" / "photo"), *keys]) == 0
    report = json.loads((workdir / "run" / runs.REPORT).read_text(encoding="utf-8"))
    accuracy = report["scores"]["test"]["accuracy"]["value"]
    assert accuracy > 0.85
    assert report["baselines"]["raw_neighbour"]["accuracy"]["value"] < accuracy - 0.2
    assert (workdir / "run" / runs.PAGE).stat().st_size < 600_000


def test_digits_inside_a_parquet_file(shared: Path, workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FTKIT_CACHE", str(workdir / "cache"))
    rows = pd.read_parquet(shared / "data" / "digits_two_sources" / "test.parquet")
    mnist = rows[rows["source"] == "mnist"].groupby("label").head(12).reset_index(drop=True)
    mnist.to_parquet("mnist.parquet")
    base = shared / "models" / "mobilenet-v2-0.35-224-backbone"
    keys = ["--base", str(base), "--method", "head", "--set", "data.folds=3", "--out", "run"]
    assert main(["train", "mnist.parquet", *keys]) == 0
    report = json.loads((workdir / "run" / runs.REPORT).read_text(encoding="utf-8"))
    assert len(report["labels"]) == 10 and report["scores"]["test"]["accuracy"]["value"] > 0.4
