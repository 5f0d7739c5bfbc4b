"""Comparisons at their full size: twenty runs of 10,000 rows, and runs that were really trained."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from compared_runs import Made

from ftkit.cli import main

RUNS, ROWS = 20, 10_000
SHARE = 5  # times what importing torch and transformers takes

MESSAGES = Path(__file__).resolve().parent.parent / "recipes" / "data" / "support_messages.csv"


def seconds(code: str, folder: Path) -> tuple[float, str]:
    """Processor time of a process of its own, which a busy machine does not stretch, and what it said on stderr."""
    counted = f"{code}\nimport sys, time; sys.stderr.write(f'\\nTOOK {{time.process_time()}}')"
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", counted], capture_output=True, text=True, check=True, cwd=folder, env=environment
    )
    said, _, took = done.stderr.rpartition("TOOK ")
    return float(took), said


@pytest.mark.slow
def test_twenty_runs_of_10_000_rows_take_less_than_five_imports_of_torch(tmp_path: Path) -> None:
    """Accuracy, macro-F1 and log-loss, all against the first."""
    labels = [f"label {number}" for number in range(8)]
    for number in range(RUNS):
        made = Made(0.8 + 0.005 * number, range(ROWS), draw=number, labels=labels, trained=range(ROWS, 2 * ROWS))
        made.write(tmp_path / f"run-{number:02}")
    words = ["compare", *(f"run-{number:02}" for number in range(RUNS)), "--quiet", "--out", "found", "--force"]
    comparing = (
        f"from ftkit.cli import main; assert main({words!r}) == 0\n"
        "import sys; sys.stderr.write(' '.join(sorted(sys.modules)))"
    )
    importing, _ = seconds("import torch, transformers", tmp_path)
    took, modules = seconds(comparing, tmp_path)
    assert "numpy" in modules.split() and not {"torch", "transformers", "sklearn"} & set(modules.split())
    found = json.loads((tmp_path / "found" / "comparison.json").read_text())
    assert (found["rows"]["compared"], len(found["comparisons"])) == (ROWS, 3 * (RUNS - 1))
    assert took < SHARE * importing


@pytest.mark.slow
def test_trained_runs_are_compared_and_baselines_with_them(workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The solved head is the probe of the same base, so it answers as the probe does; an adapter need not."""
    with MESSAGES.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    with (workdir / "some.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows[::3]])
    common = ["train", "some.csv", "--offline", "--quiet", "--set", "data.folds=3"]
    assert main([*common, "--method", "head", "--out", "runs/head"]) == 0
    lora = ["--method", "lora", "--epochs", "1", "--set", "method.layers=last 1", "--out", "runs/lora"]
    assert main([*common, *lora]) == 0
    capsys.readouterr()
    assert main(["compare", "runs/head", "runs/lora", "runs/lora:linear_probe", "runs/lora:majority", "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    reports = {name: json.loads((workdir / "runs" / name / "report.json").read_text()) for name in ("head", "lora")}
    assert found["rows"]["compared"] == reports["head"]["data"]["rows_used"] and found["rows"]["left_out"] == []
    assert found["subject"] == "procedures" and len(found["by_fold"]) == 3 * 3
    for name, report in reports.items():
        value = report["scores"]["test"]["accuracy"]["value"]
        assert found["scores"][name]["accuracy"]["value"] == pytest.approx(value)
    outcome = {one["a"]: one["outcome"] for one in found["comparisons"] if one["metric"] == "accuracy"}
    assert outcome["lora:linear_probe"] == "equivalent" and outcome["lora:majority"] == "worse"
    assert found["flips"] and all(flip["input"] for flip in found["flips"])
    assert {line["name"]: line["seconds"] is not None for line in found["cost"]} == {
        "head": True, "lora": True, "lora:linear_probe": False, "lora:majority": False
    }  # fmt: skip
