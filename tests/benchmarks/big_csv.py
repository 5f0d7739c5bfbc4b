"""Peak memory of training on 1,000 rows of a CSV file with a million.

The file is made up of random words in a temporary folder (about 70 MiB). The test rows come in a
file of their own: what is measured is reading and drawing, not the scoring of 200,000 rows.

    python tests/benchmarks/big_csv.py
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from measure import FTKIT, machine, run, table, write_rows, write_section

COLUMNS = ("id", "text", "label")
PLEASED = ["fine", "quick", "helpful", "clear", "friendly", "solved"]
ANNOYED = ["broken", "slow", "rude", "unclear", "late", "wrong"]
BLOCK = 10_000  # rows made at a time, so that this script stays small itself


def made_up(rows: int, seed: int) -> Iterator[tuple[str, str, str]]:
    """Rows of twelve words, one of them telling the label; nearly all differ."""
    random = np.random.default_rng(seed)
    words = np.array([f"{a}{b}{c}" for a in "bdfgklmnprst" for b in "aeiou" for c in ("n", "ra", "sto", "l", "x")])
    for start in range(0, rows, BLOCK):
        count = min(BLOCK, rows - start)
        filler = random.choice(words, (count, 11))
        angry = random.random(count) < 0.5
        telling = np.where(angry, random.choice(ANNOYED, count), random.choice(PLEASED, count))
        for i in range(count):
            yield str(start + i), f"{telling[i]} {' '.join(filler[i])}", "annoyed" if angry[i] else "pleased"


def main() -> None:
    """Make the file, train on it, and write down the peak."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the file")
    parser.add_argument("--per-label", type=int, default=500, help="rows of each of the two labels to train on")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        big = write_rows(folder / "big.csv", COLUMNS, made_up(args.rows, seed=0))
        test = write_rows(folder / "test.csv", COLUMNS, made_up(500, seed=1))
        size = big.stat().st_size
        changes = ["--set", f"data.per_label={args.per_label}", "--set", f"data.test={test}"]
        command = [*FTKIT, "train", str(big), *changes, "--text", "text", "--label", "label", "--base", "minilm"]
        command += ["--method", "head", "--offline", "--quiet", "--out", str(folder / "run")]
        done = run(command, cwd=folder, cache=folder / "cache")
    row = [f"{args.rows:,}", f"{size / 2**20:.0f}", f"{done.peak_bytes / 2**20:.0f}", f"{done.seconds:.0f}"]
    text = f"{machine(1)}\n\n" + table(["rows in the file", "file MiB", "peak MiB", "seconds"], [row])
    write_section("big_csv", text)
    print(text)


if __name__ == "__main__":
    main()
