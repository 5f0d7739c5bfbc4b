"""A radio map over the months: adapted each month to a few new fingerprints, against never.

The source learns from two surveys of month 1 of the library. In each later month the model of the month before is
adapted to some fingerprints of that month, and both are scored at places where nobody surveyed; so are neighbours
among the month's own few fingerprints, and among all of month 1. One draw of fingerprints; intervals are by place.

    python tests/benchmarks/months.py --data ../shared/data
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
from measure import machine, table, write_section

from ftkit.console import console
from ftkit.reports import words
from ftkit.training.scratch import Scratch

README = Path(__file__).resolve().parents[2] / "recipes" / "README.md"
LATER = (2, 5, 8, 11, 15)
HEADER = ("month", "never adapted", "adapted monthly", "difference", "neighbours of the month's few", "EvAAL adapted")
AUGMENT = ["noise", "mask"]


def survey(frame: pd.DataFrame, month: int, *sets: str) -> pd.DataFrame:
    """The rows of some campaigns."""
    mine = frame[(frame["month"] == month) & frame["set"].isin(sets)]
    return mine.drop(columns=["month", "set", "time", "sample_id"])


def trained(rows: pd.DataFrame, folder: Path, name: str, changes: Mapping[str, Any]) -> tuple[Path, dict[str, Any]]:
    """A run without a model from scratch beside it, which is no question here."""
    import ftkit

    file = folder / f"{name}.parquet"
    rows.to_parquet(file, index=False)
    keys = {"task.name": "vector_regression", "train.augment": AUGMENT, "train.epochs": 15, "data.validation": "none"}
    with patch.object(Scratch, "of", return_value=None):
        run, report = ftkit.train(str(file), folder / name, changes=keys | dict(changes))
    return run, report


def line(month: int, report: Mapping[str, Any], never: Mapping[str, Any], gap: str) -> list[str]:
    """A row of the table."""
    test = report["scores"]["test"]
    few = report["baselines"]["weighted_neighbours"]["mean_error"]["value"]
    cells = [_spelled(never), _spelled(test["mean_error"]), gap, words.score(few), words.score(test["evaal"]["value"])]
    return [str(month), *cells]


def _spelled(found: Mapping[str, Any]) -> str:
    span = words.interval(found["low"], found["high"])
    return words.score(found["value"]) + (f" ({span})" if span else "")


def compared(run: Path, source: Path, file: str) -> tuple[Mapping[str, Any], str]:
    """The mean error of the source, and how much better the run is, paired by place."""
    from ftkit import metrics
    from ftkit.statistics import predictions
    from ftkit.statistics.paired import compare
    from ftkit.verbs.evaluating import evaluate

    (never,) = evaluate([source], file)
    other, about = predictions.read(Path(never["folder"]) / "predictions.parquet")
    mine, _ = predictions.read(run / "predictions.parquet")
    mine = mine[(mine["predictor"] == "adapted") & (mine["split"] == "test")].assign(unit=None)
    sides = [predictions.scored(one, "adapted", None, about["labels"], "values")[0] for one in (mine, other)]
    place = np.unique(sides[0].gold, axis=0, return_inverse=True)[1].reshape(-1)
    found = compare(metrics.load("mean_error"), sides[0], sides[1], place)
    said = f"{found.difference:+.2f}"
    if found.low is not None and found.high is not None:
        said += f" ({found.low:+.2f} to {found.high:+.2f}), {found.outcome}"
    return never["scores"]["test"]["mean_error"], said.replace("-", "−")


def arguments() -> argparse.Namespace:
    """Flags of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the data sets")
    parser.add_argument("--rows", type=int, default=100, help="new fingerprints a month")
    return parser.parse_args()


def main() -> None:
    """Train, adapt month by month, and write the table."""
    args = arguments()
    console.mode = "quiet"
    frame = pd.read_parquet(args.data.resolve() / "wifi_library_months" / "fingerprints.parquet")
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["FTKIT_CACHE"] = str(folder / "cache")
        keys = {"method.name": "full", "data.folds": 0}
        source, _ = trained(survey(frame, 1, "trn01", "trn02"), folder, "source", keys)
        last = source
        for month in LATER:
            file = folder / f"test-{month}.parquet"
            survey(frame, month, "tst02").to_parquet(file, index=False)
            few = survey(frame, month, "trn01").sample(args.rows, random_state=0)
            keys = {"base": str(last), "data.test": str(file), "method.name": "lora", "method.layers": "all"}
            last, report = trained(few, folder, f"month-{month}", keys | {"train.lr": 1e-3})
            rows.append(line(month, report, *compared(last, source, str(file))))
            print(" | ".join(rows[-1]), flush=True)
            held = ", ".join(map(str, sorted(frame["month"].unique())))
            told = f"mean error in metres, {args.rows} fingerprints a month; the data hold months {held}"
            about = f"{machine(1)}\n\nMeasured {date.today()}; {told}."
            write_section("months", f"{about}\n\n{table(HEADER, rows)}", README)


if __name__ == "__main__":
    main()
