"""Runs that are killed with SIGKILL at random moments, while they save too, and taken up until they are complete.

Five cases in the slow tier; `make soak` runs thirty (FTKIT_KILLS). Everything is imported once, with one thread, and
each case is forked, so that a case costs its training and not its imports.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from drawing import undrawn
from forking import forked
from training.test_checkpoints import carry_out, equal_runs, toy_recipe

from ftkit import folders, runs
from ftkit.recipe import read

KILLS = int(os.environ.get("FTKIT_KILLS", "5"))
ATTEMPTS = 30  # moments of a run at which it is stopped, until one lies where it trains
RANGES = 8  # byte ranges of a checkpoint that are damaged in turn

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system"),
]


@pytest.fixture(scope="module", autouse=True)
def _undrawn() -> Iterator[None]:
    with undrawn():
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """A run that nobody disturbed, and the seconds that it took in a process of its own."""
    folder = tmp_path_factory.mktemp("whole")
    carry_out(toy_recipe(folder), folder / "warm")  # in this process, which has then imported everything
    start = time.monotonic()
    assert forked(lambda: train(folder, folder / "run")) == 0
    return folder / "run", time.monotonic() - start


def train(data: Path, folder: Path) -> None:
    """Begin a run, or take it up where it was left."""
    begun = (folder / runs.RECIPE).is_file()
    if folder.exists() and not begun:
        shutil.rmtree(folder)  # killed before it had a recipe: `--resume` says that nothing had begun
    carry_out(read(folder / runs.RECIPE) if begun else toy_recipe(data), folder)


def until_complete(data: Path, folder: Path) -> None:
    assert forked(lambda: train(data, folder)) == 0
    assert folders.state(folder) == "complete"


@pytest.mark.parametrize("case", range(KILLS))
def test_killed_at_random_moments_it_ends_the_same(whole: tuple[Path, float], tmp_path: Path, case: int) -> None:
    reference, longest = whole
    chance, folder, killed = random.Random(case), tmp_path / "run", 0
    while folders.state(folder) != "complete":
        after = None if killed == 3 else chance.uniform(0, longest)
        status = forked(lambda: train(reference.parent, folder), after)
        assert status == 0 or os.WIFSIGNALED(status), "the run failed by itself"
        killed += os.WIFSIGNALED(status)
        if not killed:  # the machine was quicker than when the time was taken
            shutil.rmtree(folder)
            longest /= 2
    equal_runs(folder, reference)


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_while_saving_it_ends_the_same(whole: tuple[Path, float], tmp_path: Path, when: str) -> None:
    reference, _ = whole
    chance = random.Random(when)

    def killed_while_saving() -> None:
        left = [chance.randint(8, 30)]
        rename = os.replace

        def replace(source: str, target: str) -> None:
            left[0] -= 1
            if left[0] == 0 and when == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            rename(source, target)
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

        os.replace = replace  # type: ignore[assignment]
        train(reference.parent, tmp_path / "run")

    assert os.WIFSIGNALED(forked(killed_while_saving))
    assert folders.state(tmp_path / "run") == "running"
    until_complete(reference.parent, tmp_path / "run")
    equal_runs(tmp_path / "run", reference)
    assert not [path for path in (tmp_path / "run").rglob("*.tmp")]  # nothing half-written is left behind


def test_each_damaged_range_of_the_newest_checkpoint_falls_back(whole: tuple[Path, float], tmp_path: Path) -> None:
    reference, seconds = whole
    for attempt in range(1, ATTEMPTS):  # until it was caught with two records of one member
        folder = tmp_path / f"stopped {attempt}"
        forked(lambda: train(reference.parent, folder), seconds * attempt / ATTEMPTS)  # noqa: B023
        records = sorted((folder / runs.CHECKPOINTS).glob("state-*"))
        if len(records) == 2:
            break
    assert len(records) == 2
    size = records[-1].stat().st_size
    for number in range(RANGES):
        again = tmp_path / f"range {number}"
        shutil.copytree(folder, again)
        newest = again / runs.CHECKPOINTS / records[-1].name
        spoiled = bytearray(newest.read_bytes())
        start, end = size * number // RANGES, size * (number + 1) // RANGES
        spoiled[start:end] = bytes(byte ^ 0x5A for byte in spoiled[start:end])
        newest.write_bytes(bytes(spoiled))
        until_complete(reference.parent, again)
        equal_runs(again, reference)
        assert json.loads((again / runs.REPORT).read_text())["cost"]["resumed"] == 1
