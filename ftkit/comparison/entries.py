"""What is compared: the adapter of a run, or one of the baselines on the same rows, `RUN:linear_probe`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

import numpy as np
import pyarrow.compute as pc

from ftkit.comparison.reading import Run, read_run
from ftkit.errors import InputError, did_you_mean
from ftkit.privacy import HIDDEN, hidden
from ftkit.statistics.summary import ADAPTED

MOST_NAMED = 6
"""labels that a message lists"""


@dataclass(frozen=True)
class Entry:
    """A predictor that takes part."""

    name: str
    """unique among the entries, and short"""
    run: Run
    predictor: str
    seeds: tuple[int, ...]
    """that it was trained with"""
    delivered: int
    """the seed that speaks for it where seeds are not compared"""

    @property
    def method(self) -> str:
        """The run's method, or the baseline."""
        return str(self.run.report["method"]) if self.predictor == ADAPTED else self.predictor


def located(word: str) -> tuple[Path, str]:
    """`runs/a` → (runs/a, adapted); `runs/a:tfidf` → (runs/a, tfidf), unless there is a folder of that name."""
    head, colon, tail = word.rpartition(":")
    if Path(word).is_dir() or not colon or not Path(head).is_dir():
        return Path(word), ADAPTED
    return Path(head), tail


def entries_of(words: Sequence[str]) -> list[Entry]:
    """The entries in the order given. Raises InputError for fewer than two, for one given twice, for a predictor that
    a run does not have, and for runs that cannot be compared."""
    places = [located(word) for word in words]
    known: dict[Path, Run] = {}
    for path, _ in places:
        if path.resolve() not in known:
            known[path.resolve()] = read_run(path)
    found = [(known[path.resolve()], predictor) for path, predictor in places]
    twice = next((i for i, one in enumerate(found) if _key(one) in map(_key, found[:i])), None)
    if twice is not None:
        raise InputError(f"{words[twice]}: is given twice", "name each run once")
    if len(found) < 2:
        hint = f"name another run, or one of its baselines: ftkit compare {words[0]}:linear_probe {words[0]}"
        raise InputError("there is nothing to compare: a comparison needs two runs", hint)
    _must_fit(list(known.values()))
    names = _names([run.path for run, _ in found], [predictor for _, predictor in found])
    return [_entry(name, run, predictor) for name, (run, predictor) in zip(names, found, strict=True)]


def _key(found: tuple[Run, str]) -> tuple[Path, str]:
    return found[0].path.resolve(), found[1]


def _entry(name: str, run: Run, predictor: str) -> Entry:
    predictors = set(pc.unique(run.table["predictor"]).to_pylist())
    if predictor not in predictors:
        hint = did_you_mean(predictor, predictors - {ADAPTED}) or "train the run again"
        raise InputError(f"{run.path}: has no predictions of {predictor}", hint)
    mine = run.table["seed"].filter(pc.equal(run.table["predictor"], predictor))
    seeds = tuple(np.unique(mine.to_numpy()).tolist())
    report = run.report
    spoken = report["seeds"]["delivered"] if report.get("seeds") else report.get("seed")
    return Entry(name, run, predictor, seeds, next((seed for seed in seeds if seed == spoken), seeds[0]))


def _names(paths: Sequence[Path], predictors: Sequence[str]) -> list[str]:
    """As much of the end of each path as tells them apart, with the baseline behind it."""
    whole = [PurePath(path.resolve()) for path in paths]
    depth = 1
    while len({one.parts[-depth:] for one in whole}) < len(set(whole)):
        depth += 1
    short = ["/".join(one.parts[-depth:]) for one in whole]
    return [name if one == ADAPTED else f"{name}:{one}" for name, one in zip(short, predictors, strict=True)]


def _must_fit(found: Sequence[Run]) -> None:
    """Refuse runs whose predictions mean different things, or whose rows cannot be recognised in each other."""
    first = found[0]
    for run in found[1:]:
        if (run.task, run.kind) != (first.task, first.kind):
            message = f"{run.path}: its task is {_task(run)}, that of {first.path} {_task(first)}"
            raise InputError(message, "compare runs of one task")
        if run.report.get("row_key") != first.report.get("row_key"):
            message = (
                f"{run.path} and {first.path}: their rows are hidden with different keys, or only those of one are"
            )
            raise InputError(message, "train both on one machine, with the same report.rows")
        if set(run.labels) != set(first.labels):
            message = f"{run.path} and {first.path}: their labels differ: {_differing(first, run)}"
            raise InputError(message, "compare runs of the same labels")


def _task(run: Run) -> str:
    return f"{run.task} with several labels a row" if run.kind == "labels" else run.task


def _differing(first: Run, other: Run) -> str:
    only = [(run, sorted(set(run.labels) - set(rest.labels))) for run, rest in ((first, other), (other, first))]
    return "; ".join(f"only {run.path} has {_listed(labels)}" for run, labels in only if labels)


def _listed(labels: Iterable[str]) -> str:
    """A few labels, or how many there are where they may not be named."""
    known = list(labels)
    if hidden():
        return f"{len(known)} of them ({HIDDEN})"
    more = f", … ({len(known)} in all)" if len(known) > MOST_NAMED else ""
    return ", ".join(known[:MOST_NAMED]) + more
