"""What transfer is worth: from a source with plenty of labels to a target with few, against not transferring at all.

A source model is trained once for each pair. Each repetition then draws other target rows to be labelled, and adapts
the source model with `method: auto`, which chooses among the solved head, LoRA and all weights on held-out target rows.
The same report scores, on the same test rows, a small model trained from scratch on the target rows alone, the source
model as it is, and the linear probe on its features. Pairs lie in `pairs_*.py` beside this file.

    python tests/benchmarks/transfer.py --data ../shared/data --only har --out transfer.md
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from measure import machine, table

from ftkit.console import console
from ftkit.files import write_text

REPETITIONS = 5
MARGIN = 0.01
"""a mean difference within a point either way, with its interval, counts as equal"""
COLUMNS = ("from_scratch", "source", "linear_probe", "adapted")


@dataclass(frozen=True)
class Rows:
    """The tables of one repetition."""

    source: pd.DataFrame
    pool: pd.DataFrame
    """target rows of which some are drawn to be labelled"""
    test: pd.DataFrame


@dataclass(frozen=True)
class Pair:
    """A source and a target."""

    name: str
    about: str
    """the source in words"""
    rows: Callable[[Path, int], Rows]
    """(folder of the data sets, repetition); the source is the same each time"""
    per_label: int
    changes: Mapping[str, Any]
    """recipe keys of source and target"""
    source: Mapping[str, Any]
    """recipe keys of the source alone, its base among them where it does not start from random weights"""
    target: Mapping[str, Any] = field(default_factory=dict)
    suffix: str = "jsonl"

    def write(self, frame: pd.DataFrame, path: Path) -> str:
        """A table as a file of the pair's kind."""
        if self.suffix == "jsonl":
            frame.to_json(path, orient="records", lines=True, force_ascii=False)
        else:
            frame.to_csv(path, index=False)
        return str(path)


@dataclass(frozen=True)
class Result:
    """A pair, measured."""

    pair: Pair
    scores: np.ndarray
    """(repetitions, `COLUMNS`) accuracy, or whatever the task measures first; nan where there is no such baseline"""
    metric: str
    labelled: float
    """target rows that were labelled, on average"""
    tested: int
    source_seconds: float
    seconds: float
    """of one adaptation with its report, on average"""
    bytes: float
    """of the adapter, on average"""
    methods: tuple[str, ...]
    """chosen, by repetition"""

    def difference(self, against: str = "") -> tuple[float, float, float, str]:
        """Adapted less another on average over repetitions: value, interval, and of which; the best if not named."""
        others = np.nan_to_num(self.scores[:, :-1].mean(axis=0), nan=-np.inf)
        other = COLUMNS.index(against) if against else int(others.argmax())
        gained = self.scores[:, -1] - self.scores[:, other]
        value, half = float(gained.mean()), half_width(gained)
        return value, value - half, value + half, COLUMNS[other]

    def verdict(self) -> str:
        """Whether transfer pays against starting from scratch, and adapting against what costs no training."""
        found = []
        if not np.isnan(self.scores[:, 0]).any():
            found.append(said("transfer", *self.difference("from_scratch")[:3], "training from scratch"))
        value, low, high, best = self.difference()
        if best != "from_scratch":
            name = {"source": "the source as it is", "linear_probe": "the probe"}[best]
            found.append(said("adapting beyond that", value, low, high, name))
        return "; ".join(found)


def said(what: str, value: float, low: float, high: float, against: str) -> str:
    """`transfer pays: +16.6 points (+11.0 to +22.1) over training from scratch`."""
    numbers = f"{value * 100:+.1f} points ({low * 100:+.1f} to {high * 100:+.1f})".replace("-", "−")
    if max(-low, high) < MARGIN:
        return f"{what} does not pay: within a point of {against}"
    if low > 0:
        return f"{what} pays: {numbers} over {against}"
    if high < 0:
        return f"{what} does not pay: {numbers} against {against}"
    return f"{what}: cannot tell, {numbers} against {against}"


def half_width(values: Sequence[float] | np.ndarray) -> float:
    """Half of the 95 % interval of a mean of independent repetitions (Student)."""
    from scipy.stats import t

    count = len(values)
    return float(t.ppf(0.975, count - 1) * np.std(values, ddof=1) / count**0.5) if count > 1 else float("nan")


def measure(pair: Pair, data: Path, folder: Path, repetitions: int) -> Result:
    """Train the source, adapt it once a repetition."""
    import ftkit

    start = time.perf_counter()
    first = pair.rows(data, 0)
    source = {"data.validation": "none", "data.folds": 0, **pair.changes, **pair.source}
    run, _ = ftkit.train(pair.write(first.source, folder / f"source.{pair.suffix}"), folder / "source", changes=source)
    source_seconds = time.perf_counter() - start
    reports = []
    for number in range(repetitions):
        rows = first if number == 0 else pair.rows(data, number)
        files = [pair.write(getattr(rows, name), folder / f"{name}.{pair.suffix}") for name in ("pool", "test")]
        drawn = {"data.test": files[1], "data.per_label": pair.per_label, "data.split_seed": number, "seed": number}
        keys = {"base": str(run), "method.name": "auto", "data.max_bad": 0.05, **drawn, **pair.changes, **pair.target}
        keys.pop("task.normalise", None)  # the source model's own
        _, report = ftkit.train(files[0], folder / f"adapted-{number}", changes=keys)
        reports.append(report)
        print(f"{pair.name}, repetition {number}: {shown(report)}", flush=True)
    return collected(pair, reports, source_seconds)


def collected(pair: Pair, reports: Sequence[Mapping[str, Any]], source_seconds: float) -> Result:
    """The numbers of a pair's reports."""
    return Result(
        pair=pair,
        scores=np.array([[value_of(one, name) for name in COLUMNS] for one in reports]),
        metric=str(reports[0]["primary"]),
        labelled=float(np.mean([one["data"]["split_rows"].get("train", 0) for one in reports])),
        tested=int(reports[0]["data"]["split_rows"]["test"]),
        source_seconds=source_seconds,
        seconds=float(np.mean([sum(one["cost"]["seconds"].values()) for one in reports])),
        bytes=float(np.mean([one["cost"]["adapter_bytes"] for one in reports])),
        methods=tuple(str(one["choices"]["method"]) for one in reports),
    )


def value_of(report: Mapping[str, Any], name: str) -> float:
    """The primary metric of a predictor; nan where the report has none."""
    entry = report["scores"]["test"] if name == "adapted" else report["baselines"].get(name, {})
    value = entry.get(report["primary"], {}).get("value")
    return float("nan") if value is None else float(value)


def shown(report: Mapping[str, Any]) -> str:
    """One repetition in a line."""
    return ", ".join(f"{name} {value_of(report, name):.3f}" for name in COLUMNS)


def row(result: Result) -> list[str]:
    """A line of the table."""
    cells = []
    for place in range(len(COLUMNS)):
        values = result.scores[:, place]
        if np.isnan(values).any():
            cells.append("–")
        else:
            cells.append(f"{values.mean():.3f} ± {half_width(values):.3f}")
    chosen = " ".join(dict.fromkeys(result.methods))
    pair = result.pair
    return [
        pair.name,
        f"{pair.per_label} ({result.labelled:.0f} in all)",
        *cells,
        chosen,
        f"{result.seconds:.0f}",
        f"{result.bytes / 1000:.0f} kB",
        result.verdict(),
    ]


HEADER = (
    *("source → target", "target labels a class", "from scratch", "source unadapted", "probe", "best adapter"),
    *("chosen", "seconds", "adapter", "verdict"),
)


def pairs(only: str) -> list[Pair]:
    """All pairs whose names hold the text."""
    found: list[Pair] = []
    for path in sorted(Path(__file__).parent.glob("pairs_*.py")):
        found += importlib.import_module(path.stem).PAIRS
    return [pair for pair in found if only.lower() in pair.name.lower()]


def arguments() -> argparse.Namespace:
    """Flags of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the data sets")
    parser.add_argument("--only", default="", help="part of the names of the pairs to measure")
    parser.add_argument("--repetitions", type=int, default=REPETITIONS, help="draws of target labels")
    parser.add_argument("--out", type=Path, help="file that the table is written to")
    return parser.parse_args()


def main() -> None:
    """Measure, and write the table."""
    args = arguments()
    console.mode = "quiet"
    lines, kept = [], []
    for pair in pairs(args.only):
        with tempfile.TemporaryDirectory() as name:
            os.environ["FTKIT_CACHE"] = str(Path(name) / "cache")
            result = measure(pair, args.data.resolve(), Path(name), args.repetitions)
        lines.append(row(result))
        kept.append({"pair": pair.name, "metric": result.metric, "tested": result.tested, "methods": result.methods})
        kept[-1] |= {"scores": result.scores.tolist(), "difference": result.difference()}
        kept[-1] |= {"source_seconds": result.source_seconds, "seconds": result.seconds}
        text = f"{machine(1)}\n\n{table(HEADER, lines)}\n\n<!-- {json.dumps(kept)} -->\n"
        print(text, flush=True)
        if args.out:
            write_text(args.out, text)


if __name__ == "__main__":
    main()
