"""A bank of sensors, one adapter for each person and device, beside training the same adapters one by one.

A source model learns from the first takes of everybody, every weight of it from random ones. The bank is then made by
one command from the other takes, whole takes on one side. With `--loop` its rival is the loop of Trainer + PEFT of
`rival_groups_series.py` over so many groups, and over one, which is what a script started for each group takes; both
are scaled to all groups, the loop in one process without its start. With `--alone` it is ftkit's own: `ftkit train` on
the rows of a group, from the same source and in as many folds, started anew each time.

    python tests/benchmarks/banks_series.py --data ../shared/data --loop 10 --alone 4

Writes one JSON line; seconds are those of the processor.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from banks_real import against, summary
from banks_weeks import spent
from measure import run
from pairs_series import windows

EARLY = 3
"""takes of each person that the source learns from"""
LOOP = ("--by", "who", "--label", "label", "--unit", "take")
KEYS = ("--task", "series_classification", "--label", "label", "--unit", "take")


def main() -> None:
    """Train the source, make the bank, train some groups alone, and say what came of it."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the data sets")
    made.add_argument("--loop", type=int, default=0, help="groups that Trainer + PEFT goes through")
    made.add_argument("--alone", type=int, default=0, help="groups that ftkit trains one by one")
    made.add_argument("--method", default="lora", help="of the bank; the loop knows LoRA alone")
    made.add_argument(
        "--threads", type=int, default=1, help="threads of arithmetic; of several the clock's seconds count"
    )
    made.add_argument("--out", type=Path, help="where the bank is to stay")
    args = made.parse_args()
    if args.loop and args.method != "lora":
        made.error("--loop: Trainer + PEFT trains what a bank of --method lora does")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ |= {"FTKIT_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": str(args.threads)}
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
        if args.loop:
            flags = [str(folder / "rest.parquet"), "--base", str(folder / "source")]
            flags += ["--like", str(bank / "general" / "adapter"), "--threads", str(args.threads)]
            line |= looped(line, args.loop, flags, "clock_" if args.threads > 1 else "")
        if args.alone:
            groups = [rows for _, rows in parts["rest"].groupby("who")]
            taken = [alone(rows, folder / f"one{i}", keys) for i, rows in enumerate(groups[: args.alone])]
            scaled = sum(taken) / len(taken) * len(groups)
            line |= {"alone": [round(one, 1) for one in taken], "times_alone": round(scaled / seconds, 1)}
    sys.stdout.write(json.dumps(line) + "\n")


NO_CHOICE = ("--set", "data.validation=none")
FOLDS = ("--set", "data.folds=3")
WHOLE = ("--set", "data.folds=0", *NO_CHOICE)


def looped(line: dict[str, Any], groups: int, flags: Sequence[str], kind: str) -> dict[str, Any]:
    """What the loop of Trainer + PEFT takes for some groups and for one, and how many times the bank's seconds that is.

    `line` holds the bank's groups and seconds; `kind` is what seconds of the loop count.
    """
    command = [sys.executable, str(Path(__file__).with_name("rival_groups_series.py")), *flags, *LOOP]
    some, one = (json.loads(run([*command, "--groups", str(n)]).output) for n in (groups, 1))
    taken = some[f"{kind}groups"]
    each, start = sum(taken) / len(taken), one[f"{kind}seconds"] - one[f"{kind}groups"][0]
    return {"loop": some, "loop_of_one": one} | against(line, each, start)


def alone(rows: pd.DataFrame, folder: Path, keys: Sequence[str]) -> float:
    """Seconds that `ftkit train` takes on the rows of a group."""
    file = folder.with_suffix(".parquet")
    rows.drop(columns=["user", "device", "execution", "who"]).to_parquet(file, index=False)
    return ftkit("train", file, folder, *keys, *NO_CHOICE, *FOLDS)


def ftkit(verb: str, file: Path, out: Path, *flags: str) -> float:
    """Seconds that a command takes."""
    command = [sys.executable, "-m", "ftkit", verb, str(file), "--out", str(out), *KEYS, *flags]
    return spent(command, clock=os.environ["OMP_NUM_THREADS"] != "1")


if __name__ == "__main__":
    main()
