"""What a contestant did with some rows, kept on disk, so that a benchmark that was stopped goes on where it was."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Record:
    """One run of one contestant."""

    part: str
    """data set, or what else was measured"""
    contestant: str
    repetition: int
    key: str
    """digest of all that decides the work: code, versions, rows, settings, threads"""
    seconds: float
    """from process start to the scored test rows"""
    train_seconds: float
    """from the loaded base to the trained model"""
    models: tuple[tuple[float, float], ...]
    """(seconds from process start, test accuracy) of every model that was scored, in order"""
    right: str
    """a sign for each test row: 1 right, 0 wrong, - not scored"""
    complete: bool
    """false: given up, so that all seconds are lower bounds"""
    peak_bytes: int
    others: float
    """cores that other processes kept busy meanwhile, on average"""
    when: str
    """date and time of its end"""
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def accuracy(self) -> float:
        """Of the result."""
        return self.right.count("1") / max(1, len(self.right) - self.right.count("-"))

    def time_to(self, accuracy: float) -> Bound:
        """When it first held a model of that accuracy; a lower bound where it never did."""
        for seconds, reached in self.models:
            if reached >= accuracy:
                return Bound(seconds)
        return Bound(self.models[-1][0] if self.models else self.seconds, at_least=True)


@dataclass(frozen=True)
class Bound:
    """Bound or a ratio of two, or the least that they can be."""

    value: float
    at_least: bool = False

    def __str__(self) -> str:
        return f"{'> ' * self.at_least}{self.value:.{2 if self.value < 1 else 1}f}"

    def over(self, other: float) -> Bound:
        """The ratio."""
        return Bound(self.value / other, self.at_least)


def typical(values: Sequence[Bound]) -> Bound:
    """The median, a lower bound if any of them is one."""
    return Bound(statistics.median(one.value for one in values), any(one.at_least for one in values))


class Records:
    """A file of JSON lines, one a record; the last one of its key counts."""

    def __init__(self, path: Path) -> None:
        self.path = path
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        whole = text[: text.rfind("\n") + 1]  # a benchmark that was killed while it wrote left half a line
        if whole != text:
            path.write_text(whole, encoding="utf-8")
        self.known = [self._read(line) for line in whole.splitlines()]

    @staticmethod
    def _read(line: str) -> Record:
        values = json.loads(line)
        return Record(**values | {"models": tuple((seconds, reached) for seconds, reached in values["models"])})

    def find(self, key: str, least: float = 0.0) -> Record | None:
        """The record of a key; one that was given up counts only if it was given `least` seconds."""
        for one in reversed(self.known):
            if one.key == key and (one.complete or one.seconds >= least):
                return one
        return None

    def add(self, record: Record) -> None:
        """Keep a record, at once."""
        self.known.append(record)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(record)) + "\n")


def digest(*parts: object) -> str:
    """A short name for equal work; what is not a file counts by its `str`."""
    whole = hashlib.sha256()
    for part in parts:
        data = part.read_bytes() if isinstance(part, Path) else str(part).encode()
        whole.update(hashlib.sha256(data).digest())
    return whole.hexdigest()[:16]


def code_of(package: str) -> str:
    """Digest of a package's own Python files, found without importing it."""
    spec = importlib.util.find_spec(package)
    folders: Iterable[str] = (spec.submodule_search_locations if spec else None) or []
    files = sorted(file for folder in folders for file in Path(folder).rglob("*.py"))
    return digest(*(part for file in files for part in (file.name, file)))
