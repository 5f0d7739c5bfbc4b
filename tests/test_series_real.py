"""Real sensors and real strokes, as a user would give them; the slow tier."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from test_real_data import ftkit, report_of

pytestmark = pytest.mark.slow
QUICK = ["--set", "data.validation=none", "--epochs", "5"]


def strokes(shared: Path) -> list[dict[str, Any]]:
    lines = (shared / "data" / "pen_gestures" / "gestures.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_a_few_strokes_of_a_new_writer(shared: Path, workdir: Path) -> None:
    rows = [row | {"take": int(row["id"][-2:])} for row in strokes(shared)]
    source = [row for row in rows if row["user"] in ("s02", "s03", "s04") and row["take"] <= 4]
    mine = [row for row in rows if row["user"] == "s07" and row["speed"] == "medium"]
    files = {
        "source": written(workdir / "source.jsonl", source),
        "few": written(workdir / "few.jsonl", [row for row in mine if row["take"] <= 2]),
        "test": written(workdir / "test.jsonl", [row for row in mine if row["take"] > 2]),
    }
    scale = ["--set", "task.normalise=window", "--label", "gesture"]
    ftkit("train", files["source"], *scale, *QUICK, "--set", "data.folds=0", "--out", "runs/source", cwd=workdir)
    keys = ["--base", "runs/source", "--label", "gesture", "--method", "head", "--test", files["test"]]
    ftkit("train", files["few"], *keys, "--out", "runs/few", cwd=workdir)
    report = report_of(workdir / "runs" / "few")
    scores = {name: entry["accuracy"]["value"] for name, entry in report["baselines"].items()}
    assert report["data"]["split_rows"]["train"] == 32 and report["data"]["split_rows"]["test"] == 128
    assert scores["linear_probe"] > scores["from_scratch"] + 0.05, "what three other writers taught is worth something"
    assert scores["linear_probe"] > 0.8 and scores["raw_neighbour"] > 0.6


def test_raw_recordings_of_a_folder_are_cut_and_counted(shared: Path, workdir: Path) -> None:
    folder = shared / "data" / "har_phone_watch" / "raw_examples"
    keys = ["--set", "data.path={user}_{execution}_{device}.csv", "--set", "data.folds=by user", *QUICK]
    said = ftkit("train", folder, *keys, "--out", "runs/raw", cwd=workdir)
    assert "columns from file names: user, execution, device" in said.stderr
    report = report_of(workdir / "runs" / "raw")
    assert report["folds"] == 2 and report["data"]["rows_used"] > 60
    assert set(report["labels"]) == {"SEATED", "STANDING_UP", "WALKING", "TURNING", "SITTING_DOWN"}
    ftkit("predict", "runs/raw", folder / "s02_01_sp.csv", "--out", "out.csv", cwd=workdir)
    found = pd.read_csv(workdir / "out.csv")
    assert {"window", "prediction", "confidence"} <= set(found) and len(found) > 5
