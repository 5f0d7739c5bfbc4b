"""A whole bank by `ftkit adapt`, from an empty cache: what it takes, and for whom it helped.

With `--loop` seconds a group of `rival_groups.py`, in one process and of its start, the loop is scaled to all groups:

    python tests/benchmarks/banks_real.py ratings.csv --by user_id --loop 16.4 8 -- --label offensiveness --method lora

What stands behind `--` goes to `ftkit adapt` as it is. Writes one JSON line; seconds are those of the processor. With
several `--threads` they are those of the clock, on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from banks_weeks import spent


def main() -> None:
    """Make the bank and say what came of it."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("rows", type=Path)
    made.add_argument("--by", required=True, help="column of the groups")
    made.add_argument("--loop", nargs=2, type=float, metavar=("GROUP", "START"), help="seconds of the loop")
    made.add_argument("--out", type=Path, help="where the bank is to stay")
    made.add_argument("--threads", type=int, default=1, help="threads of arithmetic, of the bank as of the loop")
    cut = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    args, rest = made.parse_args(sys.argv[1:cut]), sys.argv[cut + 1 :]
    with tempfile.TemporaryDirectory() as name:
        folder = args.out or Path(name) / "bank"
        command = [sys.executable, "-m", "ftkit", "adapt", str(args.rows), "--by", args.by, "--out", str(folder)]
        os.environ |= {"FTKIT_CACHE": str(Path(name) / "cache"), "OMP_NUM_THREADS": str(args.threads)}
        seconds = spent([*command, *rest], clock=args.threads > 1)
        report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    line = summary(report) | {"threads": args.threads, "seconds": round(seconds, 1)}
    if args.loop:
        line |= against(line, *args.loop)
    sys.stdout.write(json.dumps(line) + "\n")


def summary(report: dict[str, Any]) -> dict[str, Any]:
    """What a bank's report says in a line of a table."""
    metric, worst = report["judged_by"], report["worst_tenth"]
    gain = report["differences"]["bank"]
    return {
        "groups": len(report["groups"]),
        "rows": report["rows"],
        "metric": metric,
        **{name: round(report["predictors"][name][metric]["value"], 4) for name in ("general", "adapted", "bank")},
        "gain": [None if gain[key] is None else round(gain[key], 4) for key in ("value", "low", "high")],  # few groups
        "worst_tenth": [round(worst[name], 4) for name in ("general", "bank")],
        "outcomes": report["outcomes"],
        "harmed": [round(report["harm"][name], 1) for name in ("all", "promoted")],
        "peak_mib": report["cost"]["peak_memory_bytes"] // 2**20,
    }


def against(line: dict[str, Any], group: float, start: float) -> dict[str, float]:
    """How much longer the loop takes: with the base loaded once, and as a script that is started for each group."""
    whole = line["groups"] * group, line["groups"] * (group + start)
    return {"times_in_one_process": round(whole[0] / line["seconds"], 1), "times": round(whole[1] / line["seconds"], 1)}


if __name__ == "__main__":
    main()
