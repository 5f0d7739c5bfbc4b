"""Where the time of a run went: `ftkit train … --profile` measures it, and costs nothing otherwise."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode

SCHEMA = 1
WARM, LOOKED_AT = 2, 3  # steps that are let pass, since they make what later ones reuse; steps looked at closely
OPERATORS = 12  # listed, those that took longest
PARTS = ("batches", "forward", "backward", "optimiser")
"""what a step is made of; `evaluation`, `saving` and `rehearsal` (of memory and precision) lie between steps"""
NOTHING: AbstractContextManager[None] = nullcontext()


class Profile:
    """Takes no notice: what a job has unless `--profile` gives it a `Measured`."""

    def time(self, name: str) -> AbstractContextManager[None]:
        """Count the seconds of a block under a name; of blocks inside each other only the outermost counts."""
        return NOTHING

    def step(self) -> AbstractContextManager[None]:
        """One step of training."""
        return NOTHING

    def saw(self, lengths: np.ndarray) -> None:
        """A batch of rows of these lengths, padded to the longest."""


@dataclass
class Measured(Profile):
    """Seconds inside training, rows and padding of its steps, and the operators of a few of them."""

    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    """of `PARTS`, of steps as a whole, of evaluation and of saving"""
    steps: int = 0
    rows: int = 0
    positions: int = 0
    padded: int = 0
    """positions with those of padding"""
    operators: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    """seconds in each operator itself, in the steps that were looked at closely"""
    calls: Counter[str] = field(default_factory=Counter)
    _within: str = ""
    _done: int = 0

    @contextmanager
    def time(self, name: str) -> Iterator[None]:
        """Count the seconds of a block under a name; of blocks inside each other only the outermost counts."""
        if self._within:
            yield
            return
        self._within, start = name, time.perf_counter()
        try:
            yield
        finally:
            _wait()
            self.seconds[name] += time.perf_counter() - start
            self._within = ""

    @contextmanager
    def step(self) -> Iterator[None]:
        """One step of training; looking closely takes time itself, so those steps are not counted."""
        self._done += 1
        if WARM < self._done <= WARM + LOOKED_AT:
            with self._closely():
                yield
            return
        start = time.perf_counter()
        yield
        self.seconds["steps"] += time.perf_counter() - start
        self.steps += 1

    def saw(self, lengths: np.ndarray) -> None:
        """A batch of rows of these lengths, padded to the longest; rows that are only evaluated do not count."""
        if not self._within:
            self.rows += len(lengths)
            self.positions += int(lengths.sum())
            self.padded += int(lengths.max()) * len(lengths)

    @contextmanager
    def _closely(self) -> Iterator[None]:
        self._within = "operators"
        try:
            with _Operators(self.operators, self.calls):
                yield
        finally:
            self._within = ""

    def document(self, phases: Mapping[str, float], reading: Mapping[str, int], **facts: Any) -> dict[str, Any]:
        """What `profile.json` says.

        `phases` are seconds of the run's phases, `reading` holds the `rows` that the base was asked
        about and how many of them were `computed`; `facts` are what else decides about speed.
        """
        inside = {name: self.seconds[name] for name in PARTS}
        inside["rest of a step"] = max(0.0, self.seconds["steps"] - sum(inside.values()))
        inside |= {name: self.seconds[name] for name in ("evaluation", "saving", "rehearsal")}
        took, whole = self.seconds["steps"] or float("nan"), sum(self.operators.values()) or float("nan")
        return {
            "schema": SCHEMA,
            "seconds": dict(phases),
            "training": {
                "seconds": inside,
                "steps": self.steps,
                "rows_per_second": self.rows / took,
                "positions_per_second": self.positions / took,
                "padding": 1 - self.positions / self.padded if self.padded else None,
            },
            "operators": [
                {"name": name, "seconds": seconds, "share": seconds / whole, "calls": self.calls[name]}
                for name, seconds in sorted(self.operators.items(), key=lambda item: -item[1])[:OPERATORS]
            ],
            "reading": {**reading, "known": reading["rows"] - reading["computed"]},
            "facts": facts,
        }


class _Operators(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch ships no types for it
    """Takes the time of each operator, those of the backward pass among them.

    Not torch.profiler: that takes a second to begin and writes lines of its own to the terminal.
    """

    def __init__(self, seconds: dict[str, float], calls: Counter[str]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.seconds, self.calls = seconds, calls

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        start, name = time.perf_counter(), str(func.overloadpacket)
        out = func(*args, **(kwargs or {}))
        _wait()
        self.seconds[name] += time.perf_counter() - start
        self.calls[name] += 1
        return out


def _wait() -> None:
    """Until a GPU has done what it was asked: else it is paid for by whoever waits for it first."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def lines(document: Mapping[str, Any]) -> list[str]:
    """The short version, for the terminal."""
    training, reading = document["training"], document["reading"]
    said = [f"seconds: {_listed(document['seconds'], '.1f')}"]
    if training["steps"]:
        inside = training["seconds"]
        shares = {name: 100 * seconds / sum(inside.values()) for name, seconds in inside.items()}
        said.append(f"training, %: {_listed(shares, '.0f')}")
        speed = (
            f"{training['rows_per_second']:,.0f} rows and {training['positions_per_second']:,.0f} positions a second"
        )
        said.append(f"{speed}, {100 * training['padding']:.0f} % of padding")
    if reading["rows"]:
        said.append(f"read by the base: {reading['computed']:,} rows; {reading['known']:,} were known")
    return said


def _listed(values: Mapping[str, float], form: str) -> str:
    """Largest first; what rounds to nothing is left out."""
    shown = sorted(values.items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {value:{form}}" for name, value in shown if float(f"{value:{form}}"))
