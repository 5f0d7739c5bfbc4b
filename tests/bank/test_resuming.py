"""A bank that was stopped, or killed, and taken up again ends as one that nobody disturbed."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import toy_banks
from drawing import undrawn
from forking import forked

from ftkit import folders, runs
from ftkit.bank import adapting, index, making, shards
from ftkit.errors import InputError, Interrupted
from ftkit.recipe import read
from ftkit.verbs import adapting as verb

KILLS = int(os.environ.get("FTKIT_BANK_KILLS", "4"))


def recipe_of(folder: Path, threads: int = 1) -> Any:
    return toy_banks.recipe_for(folder, bank__stack=2, bank__epochs=2, train__epochs=1, train__threads=threads)


def carry_out(data: Path, folder: Path, threads: int = 1) -> None:
    """Begin a bank, or take it up where it was left."""
    begun = (folder / runs.RECIPE).is_file()
    if folder.exists() and not begun:
        shutil.rmtree(folder)
    recipe = read(folder / runs.RECIPE) if begun else recipe_of(data, threads)
    making.make(recipe, lambda: folder if begun else folders.new_run_folder(folder, "", False))


def told(folder: Path) -> Any:
    """Index, shards and predictions, times aside."""
    with index.opened(folder / "index.sqlite") as found:
        groups = [replace(one, record=replace(one.record, trained="")) for one in found.all()]
    kept = [
        (one.number, one.made_from, [record.sha256 for record in one.records])
        for one in shards.read_all(folder / "shards")
    ]
    return groups, kept, pd.read_parquet(folder / runs.PREDICTIONS)


def same(folder: Path, reference: Path) -> None:
    (groups, kept, rows), (expected, others, all_rows) = told(folder), told(reference)
    assert groups == expected and kept == others and len(groups) == 8
    order = ["predictor", "row_id"]
    pd.testing.assert_frame_equal(
        rows.sort_values(order, ignore_index=True), all_rows.sort_values(order, ignore_index=True)
    )


@contextmanager
def unseen() -> Iterator[None]:
    """Without any page: the engine that draws does not outlive a fork, and another test may have started it."""
    with undrawn(), pytest.MonkeyPatch.context() as patch:
        patch.setattr("ftkit.bank.document.render_bank", lambda report: "")
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    carry_out(folder, folder / "bank")
    return folder / "bank"


@pytest.fixture(scope="module")
def side_by_side(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with two threads, so that stacks train in processes of their own."""
    folder = tmp_path_factory.mktemp("side_by_side")
    with unseen():
        # this process itself stays without threads: those forked from it could not have any
        assert forked(lambda: carry_out(folder, folder / "bank", threads=2)) == 0
    return folder / "bank"


def test_what_is_there_is_not_trained_again(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    turns: list[str] = []
    plain = adapting.Adapter._turns

    def stopping(self: Any, group: Any) -> Any:
        turns.append(group.key)
        if len(turns) == 6:
            raise KeyboardInterrupt
        return plain(self, group)

    monkeypatch.setattr(adapting.Adapter, "_turns", stopping)
    with pytest.raises(Interrupted) as caught:
        carry_out(whole.parent, tmp_path / "bank")
    assert "--resume" in caught.value.hint and "ftkit adapt" in caught.value.hint
    assert folders.state(tmp_path / "bank") == "partial" and not folders.is_bank(tmp_path / "bank")
    path, _ = verb.resume(str(tmp_path / "bank"), None, "")
    assert path == tmp_path / "bank"
    assert turns[6:] == turns[4:6] + turns[8:]  # the third stack from its beginning, and the fourth
    same(tmp_path / "bank", whole)
    with pytest.raises(InputError, match="is complete"):
        verb.resume(str(tmp_path / "bank"), None, "")


def test_a_damaged_shard_is_trained_again(whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "bank"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(making.records, "prior_of", _interrupted)
        with pytest.raises(Interrupted):
            carry_out(whole.parent, folder)
    (first, second, *_) = sorted((folder / "shards").iterdir())
    spoiled = bytearray(first.read_bytes())
    spoiled[-1] ^= 1
    first.write_bytes(bytes(spoiled))
    second.write_bytes(second.read_bytes()[:-9])
    carry_out(whole.parent, folder)
    assert "is damaged" in capsys.readouterr().err
    same(folder, whole)


@pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux alone")
def test_stacks_side_by_side_are_taken_up_as_well(side_by_side: Path, tmp_path: Path) -> None:
    folder, parent, plain = tmp_path / "bank", 0, making.training.rows.write

    def stopping(path: Path, kept: Any) -> None:
        plain(path, kept)
        assert os.getpid() != parent
        if len(list(path.parent.iterdir())) > 2:
            os.kill(parent, signal.SIGTERM)
            time.sleep(60)  # it is ended before that

    def stopped() -> None:
        nonlocal parent
        parent = os.getpid()
        with pytest.raises(Interrupted):
            carry_out(side_by_side.parent, folder, threads=2)

    with unseen():
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(making.training.rows, "write", stopping)
            assert forked(stopped) == 0
        there = sorted((folder / "shards").iterdir())
        assert 1 <= len(there) < 4 and folders.state(folder) == "partial"
        times = [path.stat().st_mtime_ns for path in there]
        assert forked(lambda: carry_out(side_by_side.parent, folder)) == 0
    assert [path.stat().st_mtime_ns for path in there] == times
    same(folder, side_by_side)


def _interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def test_other_data_are_not_taken_up(whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "bank"
    data = Path(shutil.copytree(whole.parent, tmp_path / "data", ignore=shutil.ignore_patterns("bank")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(making.training, "train", _interrupted)
        with pytest.raises(Interrupted):
            carry_out(data, folder)
    rows = (data / "rows.csv").read_text()
    (data / "rows.csv").write_text(rows + "saw saw please,tool,user 1\n")
    with pytest.raises(InputError, match="holds other data"):
        carry_out(data, folder)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.parametrize("case", range(KILLS))
def test_killed_at_random_moments_it_ends_the_same(whole: Path, side_by_side: Path, tmp_path: Path, case: int) -> None:
    chance, folder, killed = random.Random(case), tmp_path / "bank", 0
    start, threads, reference = time.monotonic(), 1 + case % 2, (whole, side_by_side)[case % 2]
    with unseen():
        assert forked(lambda: carry_out(whole.parent, tmp_path / "timed", threads)) == 0
        longest = time.monotonic() - start
        while not folders.is_bank(folder):
            after = None if killed == 3 else chance.uniform(0, longest)
            status = forked(lambda: carry_out(whole.parent, folder, threads), after)
            assert status == 0 or os.WIFSIGNALED(status), "the bank failed by itself"
            killed += os.WIFSIGNALED(status)
            if not killed:
                shutil.rmtree(folder)
                longest /= 2
    same(folder, reference)
    assert not list(folder.rglob("*.tmp"))
