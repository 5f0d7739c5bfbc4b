"""Work in pieces that depend on nothing but themselves, side by side: a process in place of each thread.

Two threads that split every product wait for each other at each, and what lies between products has one; two processes
wait for each other once, at the end. They are forked, so that base, rows and cache are in memory but once. A forked
process has one thread: those of OpenMP do not come with it, and to ask for new ones would wait for them for ever.
"""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import pickle
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.connection import wait as first_of
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

import torch

from ftkit import hardware
from ftkit.console import Said, console
from ftkit.errors import FtkitError
from ftkit.features import processor
from ftkit.training.stopping import Stop

PATIENCE = 0.2
"""seconds after which it is looked again whether a signal asks to stop"""
FAREWELL = 10.0
"""seconds that a process has to clear up once it was asked to end"""
SIGNAL_OF_DEATH = 1
"""of Linux' prctl: the signal that a process gets when the one that started it ends"""
T = TypeVar("T")


@dataclass(frozen=True)
class _Done:
    """What comes back of a piece."""

    result: Any
    said: Sequence[Said]
    grown: int
    """bytes that the process has held at most, beside those that it was forked with"""


@contextmanager
def side_by_side(
    work: Callable[[int], T], pieces: Sequence[int], of: int, stop: Stop, device: torch.device
) -> Iterator[Iterator[tuple[int, T]]]:
    """`(piece, work(piece))` as the pieces end, in any order; `of`: how many there are, with those done before.

    Whether a piece has one thread or all follows from `of` and `processor.processes`, so that it comes out equal
    however often the work was interrupted. With one process, of one piece, on a GPU, on systems other than Linux and
    in a worker of somebody's pool: one after the other in this process. Raises what `work` raises, KeyboardInterrupt
    where it was asked to stop, and FtkitError where the system has ended a process.
    """
    may = sys.platform == "linux" and device.type == "cpu" and not multiprocessing.current_process().daemon
    several = min(processor.processes(), of) if may else 1  # somebody's worker may start none
    if several == 1 or not pieces:
        yield ((piece, work(piece)) for piece in pieces)
        return
    if stop:
        raise KeyboardInterrupt  # a process that is forked now would not hear of it
    crew = dict[Connection, BaseProcess]()
    count = min(several, len(pieces))
    try:
        for _ in range(count):
            pipe, process = _forked(work, count)
            crew[pipe] = process
        yield _ended(crew, list(reversed(pieces)), stop)
    finally:
        _farewell(list(crew.values()))
        for pipe in crew:
            pipe.close()


def _forked(work: Callable[[int], object], sharers: int) -> tuple[Connection, BaseProcess]:
    """A process that waits for pieces at the other end of a pipe."""
    context = multiprocessing.get_context("fork")
    mine, other = context.Pipe()
    process = context.Process(target=_serve, args=(other, work, os.getpid(), sharers), daemon=True)
    with warnings.catch_warnings():
        # Python 3.12 and later doubt that one with threads can be forked; it takes up none of them
        warnings.simplefilter("ignore", DeprecationWarning)
        process.start()
    other.close()
    return mine, process


def _ended(crew: dict[Connection, BaseProcess], waiting: list[int], stop: Stop) -> Iterator[tuple[int, Any]]:
    """Hand out pieces, the last of `waiting` first, and take in what comes of them."""
    told, grown, at_work = set[Said](), dict[Connection, int](), dict[Connection, int]()
    while True:
        for pipe in crew:
            if waiting and pipe not in at_work:
                at_work[pipe] = waiting.pop()
                with contextlib.suppress(OSError):  # it is gone: that is told where its answer is waited for
                    pipe.send(at_work[pipe])
        if not at_work:
            return
        ready = first_of(list(at_work), PATIENCE)
        for pipe in [one for one in at_work if one in ready]:
            done = _received(pipe, stop)
            for said in dict.fromkeys(done.said):
                if said not in told:  # each process finds by itself that memory is short
                    told.add(said)
                    console.repeat(said)
            grown[pipe] = done.grown
            hardware.beside(sum(grown.values()))
            yield at_work.pop(pipe), done.result
        if stop:
            raise KeyboardInterrupt


def _received(pipe: Connection, stop: Stop) -> _Done:
    try:
        done = pipe.recv()
    except (EOFError, OSError):
        if stop:  # the signal went to all of them
            raise KeyboardInterrupt from None
        what = "the system has ended a process that trained, most likely for want of memory"
        hint = "what was finished is kept; with OMP_NUM_THREADS=1 in front, the same with --resume makes do with one"
        raise FtkitError(what, hint) from None
    if isinstance(done, BaseException):
        raise done
    assert isinstance(done, _Done)
    return done


def _farewell(crew: Sequence[BaseProcess]) -> None:
    """See processes off: those that are still at work are interrupted, and clear up."""
    for process in crew:
        process.terminate()
    for process in crew:
        process.join(FAREWELL)
        if process.is_alive():
            process.kill()
            process.join()


def _serve(pipe: Connection, work: Callable[[int], object], parent: int, sharers: int) -> None:
    """All that a forked process does: piece after piece, until it is ended."""
    try:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all; the parent then ends this one
        ctypes.CDLL(None).prctl(SIGNAL_OF_DEATH, signal.SIGKILL)
        if os.getppid() != parent:
            return  # it had ended before that
        torch.set_num_threads(1)
        hardware.share(sharers)
        born = hardware.memory_used()
        while True:
            pipe.send(_tried(work, pipe.recv(), born))
    except KeyboardInterrupt:
        return


def _tried(work: Callable[[int], object], piece: int, born: int) -> _Done | Exception:
    try:
        with console.heard() as said:
            result = work(piece)
        return _Done(result, tuple(said), max(0, hardware.peak_memory() - born))
    except Exception as error:
        where = traceback.format_exc()
        try:
            told = pickle.loads(pickle.dumps(error))
        except Exception:
            told = RuntimeError(f"{type(error).__name__}: {error}")
        told.add_note(where)
        assert isinstance(told, Exception)
        return told
