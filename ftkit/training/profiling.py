"""Where the time of a run went: `ftkit train … --profile` measures it, and costs nothing otherwise."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

SCHEMA = 1
WARM, LOOKED_AT = 2, 3  # steps that are let pass (they make what later ones reuse), and whose operators are listed
OPERATORS = 12  # listed, those that took longest
NOTHING: AbstractContextManager[None] = nullcontext()


class Profile:
    """Takes no notice: what a job has unless `--profile` asks for a `Measured`."""

    def time(self, name: str) -> AbstractContextManager[None]:
        """Count the seconds of a block under a name; of blocks inside each other the outermost counts."""
        return NOTHING

    def step(self) -> AbstractContextManager[None]:
        """One step of training."""
        return NOTHING

    def saw(self, lengths: np.ndarray) -> None:
        """A batch of rows of these lengths, padded to the longest."""


@dataclass
class Measured(Profile):
    """Seconds inside training, rows and padding, and the operators of a few steps."""

    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    """batches, forward, backward, optimiser, evaluation, saving, and steps as a whole"""
    steps: int = 0
    rows: int = 0
    positions: int = 0
    padded: int = 0
    """the same with padding"""
    _within: str = ""
    _stepping: bool = False
    _took: Counter[str] = field(default_factory=Counter)
    """operator: seconds in itself, in the steps that were looked at"""
    _calls: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def time(self, name: str) -> Iterator[None]:
        """Count the seconds of a block under a name; of blocks inside each other the outermost counts."""
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
        """One step of training."""
        start, self._stepping = time.perf_counter(), True
        try:
            with self._operators() if WARM <= self.steps < WARM + LOOKED_AT else NOTHING:
                yield
        finally:
            self._stepping = False
        self.steps += 1
        if not WARM < self.steps <= WARM + LOOKED_AT:
            self.seconds["steps"] += time.perf_counter() - start

    def saw(self, lengths: np.ndarray) -> None:
        """A batch of rows of these lengths, padded to the longest; those of evaluation are not counted."""
        if self._stepping:
            self.rows += len(lengths)
            self.positions += int(lengths.sum())
            self.padded += int(lengths.max()) * len(lengths)

    @contextmanager
    def _operators(self) -> Iterator[None]:
        from torch.profiler import ProfilerActivity, profile

        kinds = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if torch.cuda.is_available() else [])]
        with profile(activities=kinds) as seen:
            yield
        for one in seen.key_averages():
            self._took[one.key] += (one.self_device_time_total or one.self_cpu_time_total) / 1e6
            self._calls[one.key] += one.count

    def operators(self) -> list[dict[str, Any]]:
        """Those that took longest in the steps that were looked at: name, seconds, share of all, calls."""
        whole = sum(self._took.values()) or 1.0
        return [
            {"name": name, "seconds": seconds, "share": seconds / whole, "calls": self._calls[name]}
            for name, seconds in self._took.most_common(OPERATORS)
        ]


def _wait() -> None:
    """Until a GPU has done what it was given: it is asked and not waited for."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
