"""A bank of sensors, one adapter for each person and device, beside training the same adapters one by one.

A source model learns from the first takes of everybody, every weight of it from random ones. The bank is then made by
one command from the other takes, whole takes on one side. `rival_groups.py` reads texts, so the loop here is ftkit's
own: `ftkit train` on the rows of a group, from the same source and in as many folds, started anew each time.

    python tests/benchmarks/banks_series.py --data ../shared/data --alone 4

Writes one JSON line; seconds are those of the processor.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from banks_real import summary
from banks_weeks import spent
from pairs_series import windows

EARLY = 3
"""takes of each person that the source learns from"""
KEYS = ("--task", "series_classification", "--label", "label", "--unit", "take")


def main() -> None:
    """Train the source, make the bank, train some groups alone, and say what came of it."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the data sets")
    made.add_argument("--alone", type=int, default=0, help="groups that are trained one by one")
    made.add_argument("--method", default="lora")
    made.add_argument("--out", type=Path, help="where the bank is to stay")
    args = made.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ |= {"FTKIT_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "1"}
        frame = windows(args.data).drop(columns=["label_share"])
        frame["take"] = frame["user"] + " " + frame["execution"].astype(str)
        frame["who"] = frame["user"] + " " + frame["device"]
        early = frame["execution"] <= EARLY
        parts = {"source": frame[early], "rest": frame[~early]}
        for part, rows in parts.items():
            rows.drop(columns=["user", "device", "execution"]).to_parquet(folder / f"{part}.parquet", index=False)
        source = ftkit("train", folder / "source.parquet", folder / "source", "--method", "full", *WHOLE)
        bank = args.out or folder / "bank"
        keys = ("--base", str(folder / "source"), "--method", args.method)
        seconds = ftkit("adapt", folder / "rest.parquet", bank, "--by", "who", *keys, *NO_CHOICE)
        report = json.loads((bank / "report.json").read_text(encoding="utf-8"))
        line: dict[str, Any] = summary(report) | {"source_seconds": round(source, 1), "seconds": round(seconds, 1)}
        alone = []
        for i, who in enumerate(sorted(frame["who"].unique())[: args.alone]):
            rows = frame[~early & (frame["who"] == who)].drop(columns=["user", "device", "execution", "who"])
            rows.to_parquet(folder / "one.parquet", index=False)
            alone.append(ftkit("train", folder / "one.parquet", folder / f"one{i}", *keys, *NO_CHOICE, *FOLDS))
        if alone:
            scaled = sum(alone) / len(alone) * int(line["groups"])
            line |= {"alone": [round(one, 1) for one in alone], "times": round(scaled / seconds, 1)}
    sys.stdout.write(json.dumps(line) + "\n")


NO_CHOICE = ("--set", "data.validation=none")
FOLDS = ("--set", "data.folds=3")
WHOLE = ("--set", "data.folds=0", *NO_CHOICE)


def ftkit(verb: str, file: Path, out: Path, *flags: str) -> float:
    """Seconds of the processor that a command takes."""
    return spent([sys.executable, "-m", "ftkit", verb, str(file), "--out", str(out), *KEYS, *flags])


if __name__ == "__main__":
    main()
