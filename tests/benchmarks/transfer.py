"""What transfer is worth: from a source with plenty of labels to a target with few, against not transferring at all.

A source model is trained once for each source. Each repetition then draws other target rows to be labelled, and adapts
the source model with `method: auto`, which chooses among the solved head, LoRA and all weights on held-out target rows;
where that would take hours, the pair names one method. The same report scores, on the same test rows, a small model
trained from scratch on the target rows alone (in fields that have none, the model without pretraining that they have),
the nearest neighbour of raw inputs, the source model as it is, and the linear probe on its features. Intervals are over
the repetitions and, where all have the same test rows, over those. Pairs lie in `pairs_*.py` beside this file. Each
pair is written to recipes/README.md as soon as it is measured; the rows of the others stay as they are.

    python tests/benchmarks/transfer.py --data ../shared/data --only har
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
from measure import machine, write_section
from pairs import Pair, Rows
from transfer_table import COLUMNS, NEIGHBOURS, STAND_INS, Result, kept, row, sign, written

from ftkit.console import console
from ftkit.statistics import predictions
from ftkit.statistics.paired import compare
from ftkit.training.scratch import Scratch

README = Path(__file__).resolve().parents[2] / "recipes" / "README.md"
REPETITIONS = 5


class Sources:
    """Source models, each trained once however many pairs start from it."""

    def __init__(self, folder: Path, models: Path) -> None:
        self.folder, self.models = folder, models
        self._trained: dict[str, tuple[Path, float]] = {}

    def of(self, pair: Pair, rows: pd.DataFrame) -> tuple[Path, float]:
        """The run folder of a pair's source model, and the seconds that it took."""
        import ftkit

        start = time.perf_counter()
        keys = {"data.validation": "none", "data.folds": 0, **pair.changes, **pair.source}
        if pair.checkpoint:
            keys["base"] = str(self.models / pair.checkpoint)
        known = f"{pair.about} {json.dumps(keys, sort_keys=True)}"
        if known not in self._trained:
            place = self.folder / f"source-{len(self._trained)}"
            file = pair.write(rows, place.with_suffix(f".{pair.suffix}"))
            with patch.object(Scratch, "of", return_value=None):  # the source's own baselines are nobody's question
                run, _ = ftkit.train(file, place, changes=keys)
            self._trained[known] = run, time.perf_counter() - start
        return self._trained[known]


def measure(pair: Pair, data: Path, folder: Path, repetitions: int, sources: Sources) -> Result:
    """Train the source unless that is done, adapt it once a repetition."""
    import ftkit

    first = pair.rows(data, 0)
    if first.pool.empty:
        return as_it_is(pair, first, folder)
    source, source_seconds = sources.of(pair, first.source)
    drawn = {} if pair.per_label is None else {"data.per_label": pair.per_label}
    reports, runs, alike = [], [], True
    for number in range(repetitions):
        rows = first if number == 0 else pair.rows(data, number)
        alike = alike and same_test(rows, first)
        pool = pair.write(rows.pool, folder / f"pool.{pair.suffix}")
        seeds: dict[str, Any] = {"data.split_seed": number, "seed": number}
        if rows.test is not None:
            seeds["data.test"] = pair.write(rows.test, folder / f"test.{pair.suffix}")
        keys = {"base": str(source), "method.name": "auto", "data.max_bad": 0.05, **drawn, **seeds}
        keys |= {**pair.changes, **pair.target}
        keys.pop("task.normalise", None)  # the source model's own
        run, report = ftkit.train(pool, folder / f"adapted-{number}", changes=keys)
        reports.append(report)
        runs.append(run)
        print(f"{pair.name}, repetition {number}: {shown(report)}", flush=True)
    found = collected(pair, reports, source_seconds)
    return replace(found, over_rows=[over_rows(one, found) for one in runs]) if alike else found


def same_test(rows: Rows, others: Rows) -> bool:
    """Whether two repetitions are scored on equal rows."""
    mine, theirs = ((one.pool if one.test is None else one.test) for one in (rows, others))
    return mine.reset_index(drop=True).equals(theirs.reset_index(drop=True))


def as_it_is(pair: Pair, rows: Rows, folder: Path) -> Result:
    """A pair without target labels: the source model, beside the neighbours among the source's own rows."""
    import ftkit

    files = [pair.write(getattr(rows, name), folder / f"{name}.{pair.suffix}") for name in ("source", "test")]
    keys = {"data.validation": "none", "data.folds": 0, **pair.changes, **pair.source, "data.test": files[1]}
    with patch.object(Scratch, "of", return_value=None):
        run, report = ftkit.train(files[0], folder / "source", changes=keys)
    found = collected(pair, [report], sum(report["cost"]["seconds"].values()))
    scores = np.full_like(found.scores, np.nan)
    neighbours, source = COLUMNS.index("raw_neighbour"), COLUMNS.index("source")
    scores[:, neighbours], scores[:, [source, -1]] = found.scores[:, neighbours], found.scores[:, -1:]
    found = replace(found, scores=scores, labelled=0, seconds=0.0, bytes=0.0, methods=("nothing",), stand_in="")
    return replace(found, over_rows=[over_rows(run, found)])


def over_rows(run: Path, found: Result) -> dict[str, tuple[float, float]]:
    """Intervals of adapted less each baseline that was measured, paired over the test rows of a run."""
    frame, about = predictions.read(run / "predictions.parquet")
    kind, seed = str(frame["kind"].iloc[0]), int(frame.loc[frame["predictor"] == "adapted", "seed"].iloc[0])
    adapted, units = predictions.scored(frame, "adapted", seed, about["labels"], kind)
    ends = {}
    for column in np.array(COLUMNS[:-1])[~np.isnan(found.scores[0, :-1])]:
        name = found.stand_in if column == COLUMNS[0] and found.stand_in else str(column)
        name = NEIGHBOURS if column == COLUMNS[1] and NEIGHBOURS in set(frame["predictor"]) else name
        if name not in set(frame["predictor"]):
            continue
        other, _ = predictions.scored(frame, name, seed, about["labels"], kind)
        compared = compare(found.measure, adapted, other, units)
        if compared.low is not None and compared.high is not None:
            low, high = sorted(sign(found.measure) * end for end in (compared.low, compared.high))  # as it counts
            ends[str(column)] = (low, high)
    return ends


def collected(pair: Pair, reports: Sequence[Mapping[str, Any]], source_seconds: float) -> Result:
    """The numbers of a pair's reports."""
    known = reports[0]["baselines"]
    stand_in = "" if COLUMNS[0] in known else next((name for name in STAND_INS if name in known), "")
    names = (stand_in or COLUMNS[0], NEIGHBOURS if NEIGHBOURS in known else COLUMNS[1], *COLUMNS[2:])
    return Result(
        pair=pair,
        scores=np.array([[value_of(one, name) for name in names] for one in reports]),
        metric=str(reports[0]["primary"]),
        labelled=float(np.mean([one["data"]["split_rows"].get("train", 0) for one in reports])),
        tested=tested_rows(reports[0]),
        source_seconds=source_seconds,
        seconds=float(np.mean([sum(one["cost"]["seconds"].values()) for one in reports])),
        bytes=float(np.mean([one["cost"]["adapter_bytes"] for one in reports])),
        methods=tuple(str(one["choices"]["method"]) for one in reports),
        stand_in=stand_in,
    )


def tested_rows(report: Mapping[str, Any]) -> int:
    """Rows that were scored; in folds, all of them that carry a label, whether or not they were drawn for training."""
    if report["procedure"] == "out_of_fold":
        return sum(int(line["rows"]) for line in report["per_label"])
    return int(report["data"]["split_rows"]["test"])


def value_of(report: Mapping[str, Any], name: str) -> float:
    """The primary metric of a predictor; nan where the report has none."""
    entry = report["scores"]["test"] if name == "adapted" else report["baselines"].get(name, {})
    value = entry.get(report["primary"], {}).get("value")
    return float("nan") if value is None else float(value)


def shown(report: Mapping[str, Any]) -> str:
    """One repetition in a line."""
    seconds = sum(report["cost"]["seconds"].values())
    names = (*report["baselines"], "adapted")
    values = ", ".join(f"{name} {value_of(report, name):.3f}" for name in names)
    return f"{values}; {report['choices']['method']}, {seconds:.0f} s"


def pairs(only: str = "") -> list[Pair]:
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
    return parser.parse_args()


def main() -> None:
    """Measure, and write the table."""
    args = arguments()
    console.mode = "quiet"
    data = args.data.resolve()
    order = [pair.name for pair in pairs()]
    with tempfile.TemporaryDirectory() as name:
        os.environ["FTKIT_CACHE"] = str(Path(name) / "cache")
        sources = Sources(Path(name), data.parent / "models")
        for pair in pairs(args.only):
            folder = Path(tempfile.mkdtemp(dir=name))
            result = measure(pair, data, folder, args.repetitions, sources)
            rows = kept(README) | {pair.name: row(result, str(date.today()))}
            rated = f"source {result.source_seconds:.0f} s, {result.tested} test rows"
            print(f"{' | '.join(rows[pair.name])}; {rated}", flush=True)
            write_section("transfer", f"{machine(1)}\n\n{written(rows, order)}", README)


if __name__ == "__main__":
    main()
