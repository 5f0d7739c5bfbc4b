"""Spoken digits and the encoder of Whisper, as a user would run them; the slow tier."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from ftkit import runs
from ftkit.cli import main

pytestmark = pytest.mark.slow


def test_ten_digits_of_one_speaker_from_three_recordings_each(
    shared: Path, workdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, base = shared / "data" / "spoken_digits", shared / "models" / "whisper-tiny.en-encoder"
    digits = pd.read_csv(data / "metadata.csv", dtype=str)
    take = digits["file"].str.extract(r"_(\d+)\.wav", expand=False).astype(int)
    mine = digits[(digits["speaker"] == "theo") & (take < 9)]
    mine.loc[take.between(3, 5), "split"] = "train"
    mine.loc[~take.between(3, 5), "split"] = "test"
    shutil.copytree(data / "wav" / "theo", workdir / "wav" / "theo")
    mine.to_csv("metadata.csv", index=False)
    keys = ["--base", str(base), "--label", "digit", "--method", "head", "--out", "run"]
    assert main(["train", "metadata.csv", *keys]) == 0
    assert "task: audio_classification" in capsys.readouterr().err
    report = json.loads(Path("run", runs.REPORT).read_text(encoding="utf-8"))
    assert report["data"]["split_rows"] == {"train": 30, "test": 60}
    assert report["scores"]["test"]["accuracy"]["value"] >= 0.95
    assert report["baselines"]["raw_neighbour"]["accuracy"]["value"] >= 0.6
    assert report["choices"]["pooling"] == "mean"
    assert len(json.loads(Path("run", runs.REPORT).read_text())["mistakes"]) <= 3
    assert "max_seconds: 1.0" in Path("run", "recipe.yaml").read_text(encoding="utf-8")
    assert main(["predict", "run", "wav/theo", "--out", "said.csv"]) == 0
    said = pd.read_csv("said.csv", dtype=str)
    assert (said["prediction"] == said["file"].str[0]).mean() > 0.9
