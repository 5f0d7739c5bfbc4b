"""ftkit beside `Trainer` + PEFT on banking77 with 10 rows a label: accuracy, seconds, memory.

Both get the same CSV files: for each draw 10 training rows of each of the 77 labels, and all test
rows. Both are timed from process start until they first hold a model of the target accuracy: ftkit
with its default recipe (its first model is the solved probe, from which training starts; its report
says how that scores on the test rows), Trainer + PEFT at the best of three learning rates, without
what scoring its earlier epochs takes. ftkit's whole command, with the choice of epochs, baselines and
report, is in a column of its own.

    python tests/benchmarks/banking77.py --data FOLDER     # of train.csv and test.csv
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measure import FTKIT, draw, machine, read_rows, run, table, write_rows, write_section

COLUMNS = ("text", "category")
TRAINER = Path(__file__).with_name("trainer_peft.py")
EPOCHS = {5e-3: 20, 2e-3: 30, 1e-3: 48}
"""learning rate: epochs, about a third more than it needs to come near the target"""


@dataclass(frozen=True)
class Ours:
    """One run of ftkit."""

    accuracy: float
    to_target: float
    """seconds from process start until it held a model of the target accuracy"""
    seconds: float
    """of the whole process"""
    peak_bytes: int
    phases: dict[str, float]
    """the report's own account of the seconds"""
    method: str


@dataclass(frozen=True)
class Theirs:
    """One run of Trainer + PEFT."""

    lr: float
    reached: bool
    """whether it came to the target accuracy"""
    seconds: float
    """until it did, or until it was stopped"""
    accuracy: float
    """the best so far, then"""
    epochs: int
    peak_bytes: int

    def __str__(self) -> str:
        return f"{self.seconds:.0f}" if self.reached else f"> {self.seconds:.0f}"


def run_ftkit(train: Path, test: Path, threads: int, extra: Sequence[str], target: float) -> Ours:
    """Train with the default recipe and read the score from the report."""
    start = time.time()
    folder = train.with_suffix(".run")
    command = [*FTKIT, "train", str(train), "--set", f"data.test={test}", "--base", "minilm"]
    done = run([*command, "--out", str(folder), "--offline", "--quiet", *extra], threads, cwd=train.parent)
    report: dict[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    first = json.loads((folder / "history.jsonl").read_text(encoding="utf-8").partition("\n")[0])
    early = report["baselines"]["linear_probe"]["accuracy"]["value"] >= target
    return Ours(
        accuracy=report["scores"]["test"]["accuracy"]["value"],
        to_target=first["time"] - start if early else done.seconds,
        seconds=done.seconds,
        peak_bytes=done.peak_bytes,
        phases=report["cost"]["seconds"],
        method=report["method"],
    )


def run_trainer(
    train: Path, test: Path, threads: int, lr: float, target: float, stop_after: float = 1e9, by_length: bool = False
) -> Theirs:
    """Train until the target, the last epoch, or `stop_after` seconds."""
    options = {"--lr": lr, "--epochs": EPOCHS[lr], "--stop-at": target, "--stop-after": stop_after}
    flags = [str(part) for pair in options.items() for part in pair] + ["--by-length"] * by_length
    command = [sys.executable, str(TRAINER), str(train), str(test), "--threads", str(threads), *flags]
    done = run(command, threads, cwd=train.parent)
    epochs = [json.loads(line) for line in done.output.splitlines()]
    last, best = epochs[-1], max(epoch["accuracy"] for epoch in epochs)
    return Theirs(lr, best >= target, last["seconds"], best, last["epoch"], done.peak_bytes)


def best_rate(train: Path, test: Path, threads: int, target: float) -> list[Theirs]:
    """One run a learning rate, the best first; a rate is given up once it is slower than the best so far."""
    tried: list[Theirs] = []
    for lr in EPOCHS:
        limit = min((run.seconds for run in tried if run.reached), default=1e9)
        tried.append(run_trainer(train, test, threads, lr, target, limit))
        say(f"Trainer + PEFT, learning rate {lr}: {tried[-1]} s, accuracy {tried[-1].accuracy:.3f}")
    return sorted(tried, key=lambda run: (not run.reached, run.seconds if run.reached else -run.accuracy))


def say(text: str) -> None:
    """Progress, for the person who waits."""
    print(text, file=sys.stderr, flush=True)


def table_of_draws(ours: list[Ours], theirs: list[Theirs], target: float) -> str:
    """One line a draw; `>` marks a lower bound, where the target was not reached."""
    lines = []
    for i, mine in enumerate(ours):
        cells = [str(i), f"{mine.accuracy:.3f}", f"{mine.to_target:.1f}", f"{mine.seconds:.1f}"]
        cells.append(mebibytes(mine.peak_bytes))
        if i < len(theirs):
            other = theirs[i]
            more = "" if other.reached else "> "
            ratios = [f"{more}{other.seconds / seconds:.1f}" for seconds in (mine.to_target, mine.seconds)]
            lines.append([*cells, str(other), mebibytes(other.peak_bytes), *ratios])
        else:
            lines.append([*cells, *["–"] * 4])
    header = ["draw", "ftkit accuracy", f"ftkit s to {target}", "ftkit s in all", "ftkit MiB"]
    header += [f"Trainer + PEFT s to {target}", "MiB", "ratio to target", "ratio to all"]
    return table(header, lines)


def summary(ours: list[Ours], theirs: list[Theirs], target: float) -> str:
    """The table in words."""
    scores = [mine.accuracy for mine in ours]
    spread = f", standard deviation over draws {statistics.stdev(scores):.3f}" if len(scores) > 1 else ""
    ratio = statistics.median(other.seconds / mine.to_target for mine, other in zip(ours, theirs, strict=False))
    unreached = sum(not other.reached for other in theirs)
    bound = f", a lower bound since {unreached} of {len(theirs)} never reached {target}" if unreached else ""
    phases = ", ".join(f"{name} {seconds:.1f}" for name, seconds in ours[0].phases.items())
    return (
        f"ftkit (method {ours[0].method}): mean accuracy {statistics.fmean(scores):.3f}{spread}; "
        f"{ratio:.1f} times sooner at {target} (median over draws{bound}). Seconds of draw 0 by phase: {phases}."
    )


def table_of_rates(tried: list[Theirs], target: float) -> str:
    """One line a learning rate."""
    rows = [[f"{one.lr:g}", str(EPOCHS[one.lr]), str(one.epochs), f"{one.accuracy:.3f}", str(one)] for one in tried]
    return table(["learning rate", "epochs allowed", "epochs run", "accuracy", f"s to {target}"], rows)


def mebibytes(count: int) -> str:
    """Bytes for a table."""
    return f"{count / 2**20:.0f}"


def arguments() -> argparse.Namespace:
    """Flags of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of train.csv and test.csv")
    parser.add_argument("--draws", type=int, default=5, help="fixed draws of the training rows")
    parser.add_argument("--trainer-draws", type=int, default=5, help="how many of them Trainer + PEFT gets")
    parser.add_argument("--per-label", type=int, default=10, help="training rows of each label")
    parser.add_argument("--target", type=float, default=0.8, help="accuracy to reach")
    parser.add_argument("--threads", type=int, default=1, help="threads of arithmetic, for both")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="recipe keys for ftkit")
    return parser.parse_args()


def main() -> None:
    """Draw, run both sides, and write the table."""
    args = arguments()
    rows = read_rows(args.data / "train.csv", COLUMNS)
    extra = [part for change in args.set for part in ("--set", change)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        test = write_rows(folder / "test.csv", COLUMNS, read_rows(args.data / "test.csv", COLUMNS))
        draws = [
            write_rows(folder / f"train_{seed}.csv", COLUMNS, draw(rows, args.per_label, seed))
            for seed in range(args.draws)
        ]
        ours = []
        for train in draws:
            ours.append(run_ftkit(train, test, args.threads, extra, args.target))
            say(f"ftkit, {train.stem}: {ours[-1].seconds:.1f} s, accuracy {ours[-1].accuracy:.3f}")
        tried = best_rate(draws[0], test, args.threads, args.target)
        best = tried[0].lr
        by_length = run_trainer(draws[0], test, args.threads, best, args.target, by_length=True)
        theirs = [tried[0]]
        for train in draws[1 : args.trainer_draws]:
            theirs.append(run_trainer(train, test, args.threads, best, args.target))
            say(f"Trainer + PEFT, {train.stem}: {theirs[-1]} s, accuracy {theirs[-1].accuracy:.3f}")
    parts = [
        machine(args.threads),
        table_of_draws(ours, theirs, args.target),
        summary(ours, theirs, args.target),
        "Trainer + PEFT by learning rate, on draw 0 (given up once slower than the best so far):",
        table_of_rates(tried, args.target),
        f"The best of them with batches of similar length, which the guide does not show: {by_length} s.",
    ]
    write_section("banking77", "\n\n".join(parts))
    print("\n\n".join(parts))


if __name__ == "__main__":
    main()
