"""A real bank week after week: who is trained, what the gate says, and how many rows it would take to say more.

In the first week each group has three fifths of its rows; in each later one a third of the groups, in turn, gets a
fifth more:

    python tests/benchmarks/banks_weeks.py ratings.csv --by user_id --label offensiveness --method head
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

WEEKS, FIFTHS = 4, 5


def weeks(frame: pd.DataFrame, by: str) -> Iterator[pd.DataFrame]:
    """The rows that are there in each week."""
    rank = frame.groupby(by).cumcount().to_numpy() * FIFTHS // frame.groupby(by)[by].transform("size").to_numpy()
    turn = pd.factorize(frame[by])[0] % 3
    there = rank < 3
    yield frame[there]
    for week in range(WEEKS - 1):
        there = there | ((turn == week % 3) & (rank == 3))
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
        "rows_seen": float(np.median([one.unseen for one in mine])) if mine else None,
        "rows_needed": float(np.median(needed)) if needed else None,
        "change": round(float(np.mean([one.change for one in mine if one.change is not None])), 4) if mine else None,
    }


def main() -> None:
    """Print a line of JSON for each week."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("rows", type=Path)
    made.add_argument("--by", required=True)
    made.add_argument("--label", required=True)
    made.add_argument("--method", default="head")
    made.add_argument("--margin", type=float, help="smallest loss that matters; one point where it is left out")
    args = made.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder, bank = Path(name), Path(name) / "bank"
        first = ["--by", args.by, "--label", args.label, "--method", args.method, "--out", str(bank)]
        first += ["--task", "text_classification", "--set", "data.validation=none"]
        later = ["--update", str(bank), *([] if args.margin is None else ["--set", f"bank.margin={args.margin}"])]
        for number, rows in enumerate(weeks(pd.read_csv(args.rows, dtype=str), args.by), 1):
            file = folder / f"week{number}.csv"
            rows.to_csv(file, index=False)
            seconds = adapt(str(file), *(later if number > 1 else first))
            report = json.loads((bank / "report.json").read_text(encoding="utf-8"))
            line = {"rows": len(rows), "seconds": round(seconds, 1), "counts": report["update"]}
            sys.stdout.write(json.dumps(said(bank, number) | line) + "\n")


def adapt(*flags: str) -> float:
    """Seconds of the processor that a command takes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "ftkit", "adapt", *flags], check=True, stdout=sys.stderr)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
