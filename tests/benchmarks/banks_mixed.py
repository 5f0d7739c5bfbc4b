"""Rows of 100 groups labelled in mixed passes, against switching adapters group by group, with the packaged MiniLM.

The bank is any that was made on MiniLM with LoRA; its general adapter, changed at random, stands for each group's:

    python tests/benchmarks/banks_mixed.py BANK texts.csv
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

GROUPS, TURNS = 100, 3


def main(bank: str, file: str) -> None:
    """Print a line of JSON for one and for four rows a group."""
    import pandas as pd

    from ftkit.bank import serving
    from ftkit.bank.stage import FINAL
    from ftkit.features.examples import Examples

    torch.set_num_threads(1)
    torch.manual_seed(0)
    served = serving.load(Path(bank))
    start = served.stage.starts[FINAL].weights
    adapters = [{name: one + 0.02 * torch.randn_like(one) for name, one in start.items()} for _ in range(GROUPS)]
    object.__setattr__(served, "adapter", lambda place: adapters[place])
    task, processor = served.stage.recipe.task, served.stage.processor
    texts = pd.read_csv(file, dtype=str)["text"].drop_duplicates().sample(4 * GROUPS, random_state=0)
    names = [f"{i:03}" for i in range(GROUPS)]
    known: Any = {name: i for i, name in enumerate(names)}
    for each in (1, 4):
        encoded = task.encode([(text,) for text in texts[: each * GROUPS]], processor)
        rows, whose = Examples(task, processor, encoded.rows), names * each

        def mixed(rows: Examples = rows, whose: list[str] = whose) -> np.ndarray:
            return served._some(rows, whose, known)

        def switched(rows: Examples = rows, whose: list[str] = whose) -> np.ndarray:
            return _switched(served, rows, np.array(whose), known)

        same = float((mixed().argmax(1) == switched().argmax(1)).mean())
        taken = [(_seconds(mixed), _seconds(switched)) for _ in range(TURNS)]
        ours, theirs = (min(column) for column in zip(*taken, strict=True))
        line = {"rows": each, "mixed_s": ours, "switched_s": theirs, "times": theirs / ours, "equal_labels": same}
        sys.stdout.write(json.dumps({key: round(value, 3) for key, value in line.items()}) + "\n")


@torch.no_grad()
def _switched(served: Any, rows: Any, whose: np.ndarray, known: dict[str, int]) -> np.ndarray:
    """Logits, one pass of the base for each group."""
    out = np.zeros((len(rows), len(served.stage.labels)), dtype=np.float32)
    for name, place in known.items():
        mine = np.flatnonzero(whose == name)
        stacked = {key: one[None] for key, one in served.adapter(place).items()}
        out[mine] = served._pass(rows, mine, stacked, np.zeros(len(mine), dtype=int)).numpy()
    return out


def _seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == "__main__":
    main(*sys.argv[1:])
