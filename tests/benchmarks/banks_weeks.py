"""A real bank week after week: who is trained, what the gate says, and how many rows it would take to say more.

In the first week each group has three fifths of its rows; in each later one a third of the groups, in turn, gets a
fifth more. With `--first 4 --turns 1` all of them get their last fifth at once:

    python tests/benchmarks/banks_weeks.py ratings.csv --by user_id --label offensiveness --method head
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ftkit.statistics.promotion import Prior

FIFTHS = 5


def weeks(frame: pd.DataFrame, by: str, first: int, turns: int) -> Iterator[pd.DataFrame]:
    """The rows of each week: `first` fifths, then a fifth more of each of so many parts of the groups in turn."""
    rank = frame.groupby(by).cumcount().to_numpy() * FIFTHS // frame.groupby(by)[by].transform("size").to_numpy()
    turn = pd.factorize(frame[by])[0] % turns
    there = rank < first
    yield frame[there]
    for week in range(turns):
        there = there | ((turn == week) & (rank == first))
        yield frame[there]


def said(path: Path, number: int) -> dict[str, Any]:
    """What became of the groups that were trained in a generation and had an adapter of their own in service."""
    from ftkit.bank import folder, shards

    whole = folder.read(path)
    mine = [one for _, one in shards.records_of(whole.shards, whole.generation.shards) if one.verdict]
    needed = [one.needed for one in mine if one.needed is not None]
    return {
        "generation": number,
        "verdicts": dict(Counter(one.verdict for one in mine)),
        "together": _expected(whole.generation.change),
        "rows_seen": float(np.median([one.unseen for one in mine])) if mine else None,
        "rows_needed": float(np.median(needed)) if needed else None,
        "change": round(float(np.mean([one.change for one in mine if one.change is not None])), 4) if mine else None,
    }


def _expected(change: Prior | None) -> list[float] | None:
    """Mean and spread of the true changes of all groups that were retrained, and the risk that is allowed."""
    return None if change is None else [round(one, 4) for one in (*change.expected, change.limit)]


def main() -> None:
    """Print a line of JSON for each week."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("rows", type=Path)
    made.add_argument("--by", required=True)
    made.add_argument("--label", required=True)
    made.add_argument("--method", default="head")
    made.add_argument("--margin", type=float, help="smallest loss that matters; one point where it is left out")
    made.add_argument("--first", type=int, default=3, help="fifths of the rows that are there in the first week")
    made.add_argument("--turns", type=int, default=3, help="later weeks, in each of which one part of the groups grows")
    args = made.parse_args()
    frame = pd.read_csv(args.rows, dtype=str)
    with tempfile.TemporaryDirectory() as name:
        folder, bank = Path(name), Path(name) / "bank"
        first = ["--by", args.by, "--label", args.label, "--method", args.method, "--out", str(bank)]
        first += ["--task", "text_classification", "--set", "data.validation=none"]
        later = ["--update", str(bank), *([] if args.margin is None else ["--set", f"bank.margin={args.margin}"])]
        for number, rows in enumerate(weeks(frame, args.by, args.first, args.turns), 1):
            file = folder / f"week{number}.csv"
            rows.to_csv(file, index=False)
            seconds = adapt(str(file), *(later if number > 1 else first))
            report = json.loads((bank / "report.json").read_text(encoding="utf-8"))
            line = {"rows": len(rows), "seconds": round(seconds, 1), "counts": report["update"]}
            sys.stdout.write(json.dumps(said(bank, number) | line) + "\n")


def adapt(*flags: str) -> float:
    """Seconds of the processor that `ftkit adapt` takes."""
    return spent([sys.executable, "-m", "ftkit", "adapt", *flags])


def spent(command: Sequence[str], clock: bool = False) -> float:
    """Seconds of the processor that a command takes, or as they pass on the clock."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, stdout=sys.stderr)
    after, end = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    return end - start if clock else after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
