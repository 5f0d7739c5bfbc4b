"""Pieces of work side by side in forked processes: what comes back, and what becomes of them when something ends."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from forking import forked

from ftkit import hardware
from ftkit.console import console
from ftkit.errors import FtkitError, InputError
from ftkit.features import processor
from ftkit.training.stopping import Stop, stoppable
from ftkit.training.workers import side_by_side

CPU = torch.device("cpu")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks on Linux alone")


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    with processor.used(2):
        yield


def every(work: Callable[[int], Any], pieces: int = 5, of: int = 5, stop: Stop | None = None) -> dict[int, Any]:
    with side_by_side(work, range(pieces), of, Stop() if stop is None else stop, CPU) as ended:
        return dict(ended)


def test_each_piece_is_done_once_by_another_process() -> None:
    found = every(lambda piece: (piece * 3, os.getpid(), torch.get_num_threads()))
    assert {piece: one[0] for piece, one in found.items()} == {0: 0, 1: 3, 2: 6, 3: 9, 4: 12}
    pids = {one[1] for one in found.values()}
    assert len(pids) == 2 and os.getpid() not in pids
    assert {one[2] for one in found.values()} == {1}
    assert not any(_lives(pid) for pid in pids)


def test_one_piece_has_all_threads_and_no_process_of_its_own() -> None:
    assert every(lambda piece: (os.getpid(), torch.get_num_threads()), 1, 1) == {0: (os.getpid(), 2)}


def test_the_last_piece_of_several_has_no_more_threads_than_the_others_had() -> None:
    ((pid, threads),) = every(lambda piece: (os.getpid(), torch.get_num_threads()), 1, 5).values()
    assert threads == 1 and pid != os.getpid()


def test_training_in_it_moves_as_in_this_process() -> None:
    def work(piece: int) -> list[float]:
        weight = torch.full((64, 64), float(piece), requires_grad=True)
        (weight @ weight).sum().backward()
        assert weight.grad is not None
        gradient: list[float] = weight.grad[0, :3].tolist()
        return gradient

    def whole() -> None:
        torch.ones(300, 300) @ torch.ones(300, 300)  # what has computed with threads is what is forked
        assert every(work) == {piece: [128.0 * piece] * 3 for piece in range(5)}

    assert forked(whole) == 0  # this process itself stays without threads, as others are forked from it


def test_in_a_worker_of_somebodys_pool_pieces_come_one_after_the_other() -> None:
    def work(piece: int) -> tuple[int, list[int]]:
        return os.getpid(), [pid for pid, _ in every(lambda inner: (os.getpid(), inner), 2, 2).values()]

    found = every(work, 2, 2).values()
    assert len(found) == 2
    for outer, inner in found:
        assert outer != os.getpid() and inner == [outer, outer]


def test_an_error_arrives_as_it_was_with_its_hint() -> None:
    def work(piece: int) -> int:
        raise InputError(f"rows.csv:{piece}: no label", "give one")

    with pytest.raises(InputError, match="no label") as caught:
        every(work)
    assert caught.value.hint == "give one"
    assert "in work" in "".join(caught.value.__notes__)


def test_an_error_that_cannot_be_sent_arrives_in_words() -> None:
    class Local(Exception):
        pass

    def work(piece: int) -> int:
        raise Local("odd")

    with pytest.raises(RuntimeError, match="Local: odd"):
        every(work)


def test_a_process_that_the_system_ends_is_told_in_a_line() -> None:
    with pytest.raises(FtkitError, match="ended a process that trained") as caught:
        every(lambda piece: os.kill(os.getpid(), signal.SIGKILL))
    assert "OMP_NUM_THREADS=1" in caught.value.hint and "--resume" in caught.value.hint


def test_what_all_of_them_say_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    every(lambda piece: console.warn("memory is short"))
    assert capsys.readouterr().err == "warning: memory is short\n"


def test_they_share_the_memory_and_what_they_take_is_counted() -> None:
    free, peak = hardware.memory_free(), hardware.peak_memory()

    def work(piece: int) -> int:
        held = bytearray(os.urandom(2**20) * 64)
        return hardware.memory_free() + 0 * len(held)

    try:
        for found in every(work).values():
            assert found < 0.7 * free
        grown = hardware.peak_memory() - peak
        assert grown > 100 * 2**20
        every(lambda piece: piece)  # what was forked before is not counted again
        assert hardware.peak_memory() - peak < 1.2 * grown
    finally:
        hardware.forget_peak_memory()


def test_a_signal_interrupts_them_and_they_clear_up(tmp_path: Path) -> None:
    def work(piece: int) -> None:
        mine = tmp_path / str(os.getpid())
        mine.touch()
        try:
            time.sleep(60)
        finally:
            mine.unlink()

    def ask() -> None:
        while len(list(tmp_path.iterdir())) < 2:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=ask, daemon=True).start()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt), stoppable() as stop:
        every(work, stop=stop)
    assert time.monotonic() - start < 30 and not list(tmp_path.iterdir())


def test_a_signal_to_all_of_them_is_none_of_the_systems(tmp_path: Path) -> None:
    def work(piece: int) -> None:
        (tmp_path / str(piece)).touch()
        time.sleep(60)

    def interrupted() -> None:
        os.setpgid(0, 0)
        with pytest.raises(KeyboardInterrupt), stoppable() as stop:
            every(work, stop=stop)

    child = os.fork()
    if child == 0:
        code = 1
        try:
            interrupted()
            code = 0
        finally:
            os._exit(code)
    while len(list(tmp_path.iterdir())) < 2:
        time.sleep(0.01)
    os.killpg(child, signal.SIGTERM)
    assert os.waitpid(child, 0)[1] == 0


def test_nothing_is_forked_where_it_was_asked_to_stop_before() -> None:
    with pytest.raises(KeyboardInterrupt), stoppable() as stop:
        stop.asked = True
        every(lambda piece: os.getpid(), stop=stop)


def test_they_do_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    def work(piece: int) -> None:
        (tmp_path / str(os.getpid())).touch()
        time.sleep(60)

    status = forked(lambda: every(work) and None, after=1.5)
    assert os.WIFSIGNALED(status)
    pids = [int(path.name) for path in tmp_path.iterdir()]
    assert len(pids) == 2
    end = time.monotonic() + 10
    while any(map(_lives, pids)) and time.monotonic() < end:
        time.sleep(0.01)
    assert not any(map(_lives, pids))


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
