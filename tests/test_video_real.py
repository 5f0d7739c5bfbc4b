"""Clips of surveillance cameras, as a user would give them; the slow tier."""

from __future__ import annotations

import resource
import shutil
from pathlib import Path

import pandas as pd
import pytest
from test_real_data import ftkit, report_of

pytestmark = pytest.mark.slow
BASE = "mobilenet-v2-0.35-224-backbone"
FOOTAGE = 2.0  # seconds of most clips


def some_clips(shared: Path, workdir: Path) -> pd.DataFrame:
    """Colour clips of every third scene in `train/`, and of every other third in `new/`; the table of the first."""
    source = shared / "data" / "cctv_fight_clips"
    table = pd.read_csv(source / "clips.csv")
    table = table[table["image_type"] == "colour"]
    scenes = sorted(table["scene"].unique())
    known = table["scene"].isin(scenes[::3])
    for name, rows in {"train": table[known], "new": table[table["scene"].isin(scenes[1::3])]}.items():
        for file in rows["file"]:
            place = workdir / name / file if name == "train" else workdir / name / Path(file).name
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source / file, place)
    table[known].to_csv(workdir / "train" / "clips.csv", index=False)
    return table[known]


def test_fights_are_told_from_other_scenes_and_prediction_keeps_up(shared: Path, workdir: Path) -> None:
    """One command without a recipe; then clips of other scenes, at 2 pictures a second, in less than they last."""
    table = some_clips(shared, workdir)
    keys = ["--base", shared / "models" / BASE, "--method", "head", "--out", "run"]
    said = ftkit("train", "train/clips.csv", *keys, cwd=workdir).stderr
    assert "task: video_classification; file: file; label: label" in said
    report = report_of(workdir / "run")
    assert any("unit: scene" in line for line in report["data"]["detected"])
    notes = [one["what"] for one in report["data"]["findings"] if one["check"] == "changed rows"]
    assert notes == [f"{len(table)} rows: time stamps that stand still, sampled by the frame rate"], "so the files are"
    assert report["scores"]["test"]["accuracy"]["value"] > report["baselines"]["majority"]["accuracy"]["value"]
    assert report["scores"]["test"]["scene_recall"]["low"] is not None
    assert 0 < report["scores"]["test"]["false_alarms_per_hour"]["value"] < 3600 / FOOTAGE
    assert {"motion", "mean_frame", "raw_neighbour", "linear_probe"} <= set(report["baselines"])
    page = (workdir / "run" / "report.html").read_text(encoding="utf-8")
    assert page.count('<figure class="clip">') == len(report["mistakes"]) > 0 and len(page) < 1_500_000
    assert len(table) == report["data"]["rows_used"]
    before = _cpu()
    ftkit("predict", "run", "new", "--out", "said.csv", cwd=workdir)
    answers = pd.read_csv(workdir / "said.csv")
    fights = answers["file"].str.startswith("fi")
    assert _cpu() - before < FOOTAGE * len(answers), "of one core, the start of Python and torch included"
    assert ((answers["prediction"] == "fight") == fights).mean() > 0.55


def _cpu() -> float:
    """Seconds of processors that finished commands have used, however busy the machine was."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
