"""Runs on a real file system of 20 MiB: a clear outcome, and nothing lost; the slow tier."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ftkit import registry, runs
from ftkit.recipe import shipped

pytestmark = pytest.mark.slow
SIZE = 20 * 2**20


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own; skips where none can be mounted."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", place], capture_output=True)
    if mounted.returncode:
        pytest.skip("no file system can be mounted here: this test needs root on Linux")
    yield place
    subprocess.run(["umount", place], check=True)


def ftkit(small: Path, *words: object, expect: int = 0) -> str:
    """What a command says on stderr; its cache lies on the small disk as well."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "FTKIT_CACHE": str(small / "cache")}
    command = [sys.executable, "-m", "ftkit", *map(str, words)]
    done = subprocess.run(command, cwd=small.parent, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == expect, done.stderr[-2000:]
    assert "Traceback" not in done.stderr
    return done.stderr


def free(small: Path) -> int:
    found = os.statvfs(small)
    return found.f_bavail * found.f_frsize


def fill(small: Path, leave: int) -> Path:
    """Something else that takes all but `leave` bytes."""
    other = small / "other"
    other.write_bytes(b"x" * max(0, free(small) - leave))
    return other


def toy(folder: Path, *more: str) -> list[object]:
    """The words of a command that trains all of a toy base, whose checkpoints take about 250 KiB."""
    registry.load("tasks", "text_classification").toy(folder)
    keys = ["--text", "text", "--label", "label", "--base", folder / "base", "--method", "full", "--epochs", "2"]
    return ["train", folder / "toy.csv", *keys, "--set", "data.folds=0", "--set", "train.checkpoint=every step", *more]


def test_a_disk_too_small_for_what_is_trained_is_refused_before_training(small: Path) -> None:
    said = ftkit(small, "train", shipped.example_data(), "--method", "full", "--out", small / "run", expect=1)
    assert "what is trained takes 87 MiB" in said and "another --out" in said
    assert "training:" not in said
    assert not (small / "run").exists()


def test_a_cache_that_fills_the_disk_leaves_room_for_the_run(small: Path) -> None:
    other = fill(small, leave=4 * 2**20)
    keys = ["--method", "lora", "--epochs", "1", "--set", "data.folds=2", "--set", "data.validation=none"]
    ftkit(small, "train", shipped.example_data(), *keys, "--out", small / "run")
    assert other.exists()
    assert (small / "run" / runs.STATUS).read_text().strip() == "complete"
    report = json.loads((small / "run" / runs.REPORT).read_text(encoding="utf-8"))
    assert report["scores"]["test"]["accuracy"]["value"] > 0.7


def test_a_disk_that_is_full_while_saving_loses_nothing(small: Path, tmp_path: Path) -> None:
    words = toy(tmp_path)
    ftkit(small, *words, "--out", tmp_path / "whole")
    other = fill(small, leave=200 * 2**10)
    said = ftkit(small, *words, "--out", small / "run", expect=1)
    assert "no space left on the disk" in said and "--resume" in said
    assert (small / "run" / runs.STATUS).read_text().strip() == "failed"
    other.unlink()
    ftkit(small, "train", small / "run", "--resume")
    whole, again = (
        (folder / runs.ADAPTER / "model.safetensors").read_bytes() for folder in (tmp_path / "whole", small / "run")
    )
    assert whole == again
