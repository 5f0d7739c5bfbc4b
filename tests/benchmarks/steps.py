"""Seconds of an epoch: ftkit's loop beside `Trainer` + PEFT, the same layers and rows, in one process.

For whoever changes the loop: it takes minutes where `bench.py` takes hours, and says for each number of
trained layers what an epoch costs, what reading the rows with the base costs once, and how ten epochs
compare. Contestants take turns, and the quickest of some repetitions counts; with one thread it is
computing time, which other work on the machine hardly touches.

    python tests/benchmarks/steps.py --data ../shared/data/banking77_en
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from measure import draw, machine, packaged_minilm, read_rows, table

LAYERS = ("all", "2", "1", "0")
EPOCHS = 10


def arguments() -> argparse.Namespace:
    """Flags of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of banking77's train.csv")
    parser.add_argument("--per-label", type=int, default=10, help="rows of each label")
    parser.add_argument("--layers", nargs="*", default=LAYERS, help="all, a number of last blocks, 0 for the head")
    parser.add_argument("--repetitions", type=int, default=3, help="the quickest counts")
    parser.add_argument("--threads", type=int, default=1, help="threads of arithmetic")
    parser.add_argument("--ours", action="store_true", help="ftkit alone")
    return parser.parse_args()


def ours(layers: str, rows: list[tuple[str, ...]]) -> dict[str, Callable[[], object]]:
    """Reading the rows with the base, and an epoch in fp32 and in bf16."""
    import numpy as np
    import torch
    from accelerate import Accelerator

    from ftkit import registry
    from ftkit.bases import Base
    from ftkit.features.examples import Examples, Features
    from ftkit.features.network import Network
    from ftkit.features.pooling import declared
    from ftkit.features.probe import Probe
    from ftkit.training.loop import fit
    from ftkit.training.members import Settings, member
    from ftkit.training.passes import Job

    labels = sorted({label for _, label in rows})
    task = registry.load("tasks", "text_classification")(name="text_classification", multi_label=False)
    base = Base("minilm", packaged_minilm(), "packaged", "", "packaged")
    name = "head" if layers == "0" else "lora"
    fields = {} if layers == "0" else {"layers": "all" if layers == "all" else f"last {layers}"}
    method = registry.load("methods", name)(name=name, **fields)
    network = Network(method.apply(task.load(base).requires_grad_(False)))
    processor = task.processor(base)
    encoded = task.encode([(text,) for text, _ in rows], processor).rows
    pooling = declared(base.folder)
    assert pooling is not None
    start = Probe(pooling, 1.0, np.zeros((len(labels), 384), np.float32), np.zeros(len(labels), np.float32))
    every, nothing = np.arange(len(rows)), np.array([], dtype=np.int64)

    def read() -> Features:
        features = Features(network, Examples(task, processor, encoded), (pooling,), None)
        features.read(every)
        return features

    known = read()
    examples = Examples(task, processor, encoded, known.prefix)
    targets = torch.from_numpy(task.targets([label for _, label in rows], tuple(labels)))
    job = Job(network, examples, targets, False, lambda *_: (0.0, 0.0), Accelerator(cpu=True), pooled=known.pooled)

    def epoch(job: Job) -> None:
        one = member("fit", network, method, start, every, nothing, Settings(epochs=1, lr=1e-3), 0)
        list(fit(job, [one]))

    return {
        "read once": read,
        "ftkit fp32": lambda: epoch(job),
        "ftkit bf16": lambda: epoch(replace(job, precision="bf16")),
    }


def theirs(layers: str, rows: list[tuple[str, ...]], by_length: bool, precision: str) -> Callable[[], object]:
    """An epoch of Trainer; what surrounds it is not counted."""
    from rival_trainer import build

    flags = argparse.Namespace(
        seed=0, base=str(packaged_minilm()), layers=layers, lr=1e-3, epochs=1, batch=32, precision=precision
    )
    flags.by_length = by_length
    trainer, _ = build(flags, tempfile.mkdtemp(), rows, rows[:1])
    return trainer.train  # type: ignore[no-any-return]  # transformers leaves it untyped


def measured(contestants: dict[str, Callable[[], object]], repetitions: int, threads: int) -> dict[str, float]:
    """Seconds of the quickest repetition of each."""
    clock = time.process_time if threads == 1 else time.perf_counter
    best = dict.fromkeys(contestants, float("inf"))
    for _ in range(repetitions):
        for name, work in contestants.items():
            start = clock()
            work()
            best[name] = min(best[name], clock() - start)
    return best


def main() -> None:
    """Measure, and write a table."""
    args = arguments()
    os.environ |= {"OMP_NUM_THREADS": str(args.threads), "OMP_WAIT_POLICY": "PASSIVE", "HF_HUB_OFFLINE": "1"}
    os.environ |= {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"}
    from ftkit.features import processor

    rows = draw(read_rows(args.data / "train.csv", ("text", "category")), args.per_label, 0)
    lines = []
    for layers in args.layers:
        contestants = {name: within(work, processor, args.threads) for name, work in ours(layers, rows).items()}
        if not args.ours:
            contestants["Trainer as documented"] = theirs(layers, rows, by_length=False, precision="fp32")
            contestants["Trainer at its best"] = theirs(layers, rows, by_length=True, precision="bf16")
        seconds = measured(contestants, args.repetitions, args.threads)
        whole = seconds["read once"] * (layers != "all") + EPOCHS * min(seconds["ftkit fp32"], seconds["ftkit bf16"])
        ratios = [f"{EPOCHS * value / whole:.1f}" for name, value in seconds.items() if name.startswith("Trainer")]
        lines.append([layers, *(f"{value:.2f}" for value in seconds.values()), *ratios])
        sys.stderr.write(f"{lines[-1]}\n")
    header = ["layers", *seconds, *(["times sooner than documented", "than its best"] if ratios else [])]
    print(f"{machine(args.threads)}\n\n{table(header, lines)}")


def within(work: Callable[[], object], processor: Any, threads: int) -> Callable[[], object]:
    """The same with the processor used as ftkit does; Trainer runs as it is."""

    def run() -> None:
        with processor.used(threads):
            work()

    return run


if __name__ == "__main__":
    main()
