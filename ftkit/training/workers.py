"""Work in pieces that depend on nothing but themselves, side by side: a process in place of each thread.

Two threads that split every product wait for each other at each, and what lies between products has one; two processes
wait for each other once, at the end. They are forked, so that base, rows and cache are in memory but once. A forked
process has one thread: those of OpenMP do not come with it, and to ask for new ones would wait for them for ever.
"""

from __future__ import annotations

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
    crew = dict[Connection, BaseProcess]()
    count = min(several, len(pieces))
    try:
        for _ in range(count):
            pipe, process = _forked(work, count)
            crew[pipe] = process
        yield _ended(crew, list(reversed(pieces)), stop)
    finally:
        for pipe, process in crew.items():
            _farewell(process)
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
                pipe.send(at_work[pipe])
        if not at_work:
            return
        ready = first_of(list(at_work), PATIENCE)
        for pipe in [one for one in at_work if one in ready]:
            done = _received(pipe)
            for said in dict.fromkeys(done.said):
                if said not in told:  # each process finds by itself that memory is short
                    told.add(said)
                    console.repeat(said)
            grown[pipe] = done.grown
            hardware.beside(sum(grown.values()))
            yield at_work.pop(pipe), done.result
        if stop:
            raise KeyboardInterrupt


def _received(pipe: Connection) -> _Done:
    try:
        done = pipe.recv()
    except EOFError:
        what = "the system has ended a process that trained, most likely for want of memory"
        raise FtkitError(what, "what was finished is kept; --set train.threads=1 makes do with one process") from None
    if isinstance(done, BaseException):
        raise done
    assert isinstance(done, _Done)
    return done


def _farewell(process: BaseProcess) -> None:
    """See a process off: one that is still at work is interrupted, and clears up."""
    process.terminate()
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
        error.add_note(traceback.format_exc())
        try:
            pickle.loads(pickle.dumps(error))
        except Exception:
            return RuntimeError("".join(traceback.format_exception(error)))
        return error
