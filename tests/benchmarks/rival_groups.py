"""A rival of banks: a loop over groups with `transformers.Trainer` + PEFT, in one process that loads the base once.

Of each group four fifths of the rows train an adapter and the others score it; ftkit makes three of a group that are
all scored, and a general one. With one group it is what a script that is started for each group takes:

    python tests/benchmarks/rival_groups.py rows.csv --by user_id --label offensiveness --groups 4

Writes one JSON line: seconds of the processor from the start of the process, and those of each group.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from measure import packaged_minilm
from rival import STARTED
from rival_trainer import adapted, right, settings

TESTED = 5  # one row of so many


def arguments() -> argparse.Namespace:
    """Flags of the command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("rows", type=Path, help="CSV file")
    made.add_argument("--by", required=True, help="column of the groups")
    made.add_argument("--text", default="text", help="column of the texts")
    made.add_argument("--label", default="label", help="column of the labels")
    made.add_argument("--groups", type=int, default=4, help="how many of them, the first of the file")
    made.add_argument("--layers", default="1", help="all, a number of last blocks, or 0 for the head alone")
    made.add_argument("--target", nargs="+", default=["query", "value"], help="modules with LoRA, last parts of names")
    made.add_argument("--epochs", type=int, default=8, help="passes over the training rows")
    made.add_argument("--batch", type=int, default=8, help="rows in one step")
    made.add_argument("--max-length", type=int, default=128, help="tokens")
    made.add_argument("--lr", type=float, default=6e-3, help="peak learning rate")
    made.add_argument("--threads", type=int, default=1, help="threads of arithmetic")
    made.set_defaults(by_length=True, precision="fp32", seed=0)
    return made.parse_args()


def main() -> None:
    """Train and score an adapter for each group."""
    args = arguments()
    import pandas as pd
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, set_seed

    torch.set_num_threads(args.threads)
    set_seed(args.seed)
    frame = pd.read_csv(args.rows, dtype=str)
    labels = sorted(frame[args.label].unique())
    folder = str(packaged_minilm())
    tokenizer = AutoTokenizer.from_pretrained(folder)
    base = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=len(labels), dtype=torch.float32)

    def learn(name: str) -> list[bool]:
        mine = frame[frame[args.by] == name]
        rows = list(zip(mine[args.text], map(labels.index, mine[args.label]), strict=True))
        return one_group(args, copy.deepcopy(base), tokenizer, rows)

    line = measured(map(learn, frame[args.by].unique()[: args.groups]))
    sys.stdout.write(json.dumps(line) + "\n")


def measured(loop: Iterable[list[bool]]) -> dict[str, Any]:
    """Go through the groups, of each of which comes what test rows are right; what it took, and the share of those.

    Seconds are those of the processor and of the clock, from the start of the process.
    """
    hits, seconds, clock = list[bool](), list[float](), list[float]()
    before = time.process_time(), time.time()
    for right_ones in loop:
        hits += right_ones
        now = time.process_time(), time.time()
        seconds.append(round(now[0] - before[0], 2))
        clock.append(round(now[1] - before[1], 2))
        before = now
    return {
        "seconds": round(before[0], 2),
        "groups": seconds,
        "clock_seconds": round(before[1] - STARTED, 2),
        "clock_groups": clock,
        "accuracy": sum(hits) / len(hits),
    }


def one_group(args: argparse.Namespace, model: Any, tokenizer: Any, rows: list[tuple[str, int]]) -> list[bool]:
    """Which of a group's test rows are labelled rightly by an adapter that has learnt from its others."""
    from datasets import Dataset
    from transformers import DataCollatorWithPadding, PrinterCallback, Trainer

    def prepare(some: list[tuple[str, int]]) -> Dataset:
        data = Dataset.from_dict({"text": [text for text, _ in some], "labels": [gold for _, gold in some]})
        cut = {"truncation": True, "max_length": args.max_length}
        return data.map(lambda batch: tokenizer(batch["text"], **cut), batched=True, remove_columns="text")

    train = prepare([row for i, row in enumerate(rows) if i % TESTED])
    test = prepare(rows[::TESTED])
    collate = DataCollatorWithPadding(tokenizer)
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            model=adapted(model, args.layers, args.target),
            args=settings(args, folder),
            train_dataset=train,
            processing_class=tokenizer,
            data_collator=collate,
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
        return right(trainer.model, [dict(row) for row in test], collate)


if __name__ == "__main__":
    main()
