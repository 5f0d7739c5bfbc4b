"""What a group of a bank costs, and whether that depends on how many there are: synthetic groups on a toy base.

Each size is made in a process of its own; a wider base makes larger adapters:

    python tests/benchmarks/banks.py 100 1000
    python tests/benchmarks/banks.py 1000 --width 96
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROWS = 10  # of each group
KINDS = {"fruit": ["apple", "pear", "plum", "cherry"], "tool": ["hammer", "saw", "drill", "wrench"]}


def write_rows(folder: Path, groups: int, width: int) -> dict[str, Any]:
    """`rows.csv` with ten short sentences of each group, and the toy's base in a width; returns recipe keys."""
    from transformers import BertConfig, BertModel

    from ftkit import registry

    tree: dict[str, Any] = registry.load("tasks", "text_classification").toy(folder)
    config = BertConfig.from_pretrained(tree["base"])
    config.update({"hidden_size": width, "intermediate_size": 2 * width})
    BertModel(config).save_pretrained(tree["base"])
    chance, words = random.Random(0), [(kind, word) for kind, some in KINDS.items() for word in some]
    with (folder / "rows.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label", "user"])
        for group in range(groups):
            for _ in range(ROWS):
                said = [chance.choice(words) for _ in range(chance.randint(2, 6))]
                kind = max(KINDS, key=lambda kind: sum(one == kind for one, _ in said))
                label = kind if group % 4 else next(other for other in KINDS if other != kind)
                writer.writerow([" ".join(word for _, word in said), label, f"user {group}"])
    return tree


def measure(groups: int, width: int) -> dict[str, Any]:
    """Seconds of the processor by stage, memory and bytes of a bank of so many groups."""
    from ftkit import hardware
    from ftkit.bank import index, making, training
    from ftkit.bank.grouping import key_of
    from ftkit.privacy import Mask
    from ftkit.recipe import parse

    spent: list[float] = []
    grown: list[int] = []
    plain = training.train

    def timed(*given: Any) -> tuple[int, ...]:
        start, before = time.process_time(), hardware.memory_used()
        numbers = plain(*given)
        spent.append(time.process_time() - start)
        grown.append(hardware.memory_used() - before)
        return numbers

    training.train = timed  # type: ignore[assignment]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tree = write_rows(folder, groups, width) | {
            "data": {"train": str(folder / "rows.csv"), "folds": 2, "validation": "none", "annotator": "user"},
            "method": {"name": "lora", "layers": "last 1"},
            "train": {"epochs": 0, "threads": 1, "precision": "fp32"},
            "bank": {"by": "user", "epochs": 2},
        }
        (folder / "bank").mkdir()
        start = time.process_time()
        path, report = making.make(parse(tree), lambda: folder / "bank")
        whole = time.process_time() - start
        keys = [key_of(f"user {i}", Mask(on=False)) for i in range(0, groups, max(1, groups // 50))]
        looked = []
        for key in keys:
            start = time.process_time()
            with index.opened(path / "index.sqlite") as found:
                assert found.find([key])
            looked.append(time.process_time() - start)
        size = (path / "index.sqlite").stat().st_size + report["cost"]["adapter_bytes"]
    return {
        "groups": groups,
        "group_ms": round(1000 * spent[0] / groups, 1),
        "whole_s": round(whole, 1),
        "peak_mib": hardware.peak_memory() // 2**20,
        "grown_mib": grown[0] // 2**20,  # while the groups were trained
        "look_up_ms": round(1000 * sorted(looked)[len(looked) // 2], 2),
        "bytes_of_weights": round(size / report["cost"]["weight_bytes"], 3),
        "adapter_kib": round(report["cost"]["weight_bytes"] / 1024 / groups, 1),
    }


def main() -> None:
    """Print a line of JSON for each size."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("groups", type=int, nargs="+", help="sizes of banks")
    made.add_argument("--width", type=int, default=32, help="of the base's hidden states")
    args = made.parse_args()
    if len(args.groups) == 1:
        print(json.dumps(measure(args.groups[0], args.width)))
        return
    for size in args.groups:
        subprocess.run([sys.executable, __file__, str(size), "--width", str(args.width)], check=True)


if __name__ == "__main__":
    main()
