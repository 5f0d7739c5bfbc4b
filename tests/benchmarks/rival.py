"""What the scripts of ftkit's rivals share: their flags, their clock, and the lines that they write.

A rival reads two CSV files with the columns `text` and `label`, and writes one JSON line for every
model that it held and scored, then one that says how it ended:

    {"model": seconds, "accuracy": share}
    {"seconds": …, "train_seconds": …, "right": "0110…", "complete": true, …}

Seconds count from the start of the process and leave out scoring that nobody would have done who
knew when to stop; the last line counts scoring the test rows once. `right` has a sign for each test row.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import psutil
from measure import packaged_minilm, read_rows

STARTED: float = psutil.Process().create_time()
COLUMNS = ("text", "label")
LONGEST = 256  # tokens, where ftkit cuts too


def parser(about: str | None) -> argparse.ArgumentParser:
    """The flags of every rival."""
    made = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("train", type=Path, help="CSV file of labelled rows")
    made.add_argument("test", type=Path, help="CSV file of rows to score")
    made.add_argument("--base", default="", help="folder of the base (default: the packaged MiniLM)")
    made.add_argument("--seed", type=int, default=0, help="of weights and order of rows")
    made.add_argument("--threads", type=int, default=1, help="threads of arithmetic")
    made.add_argument("--stop-after", type=float, default=1e9, help="seconds after which to give up")
    return made


def begin(arguments: argparse.Namespace) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """Set the number of threads; training and test rows as (text, label)."""
    os.environ["OMP_NUM_THREADS"] = str(arguments.threads)
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import torch  # after the number of threads is set, which it reads once

    torch.set_num_threads(arguments.threads)
    arguments.base = arguments.base or str(packaged_minilm())
    return read_rows(arguments.train, COLUMNS), read_rows(arguments.test, COLUMNS)


class Report:
    """Writes the lines, and keeps the clock."""

    def __init__(self) -> None:
        self.left_out = 0.0
        """seconds of scoring so far"""
        self.right: list[bool] = []
        """of the model that was scored last"""
        self.scoring = 0.0
        """seconds that scoring it took"""

    def seconds(self) -> float:
        """Since the start of the process, without scoring."""
        return time.time() - STARTED - self.left_out

    def model(self, right: Sequence[bool], scoring: float) -> None:
        """A model was held when scoring began, which took `scoring` seconds."""
        self.left_out += scoring
        self.scoring, self.right = scoring, [bool(one) for one in right]
        self._line(model=round(self.seconds(), 3), accuracy=sum(self.right) / len(self.right))

    def ended(self, train_seconds: float, complete: bool = True, **more: object) -> None:
        """The last line: the model that was scored last is the result."""
        seconds, train_seconds = round(self.seconds() + self.scoring, 3), round(train_seconds, 3)
        right = "".join("01"[one] for one in self.right)
        self._line(seconds=seconds, train_seconds=train_seconds, right=right, complete=complete, **more)

    def _line(self, **values: object) -> None:
        sys.stdout.write(json.dumps(values) + "\n")
        sys.stdout.flush()
