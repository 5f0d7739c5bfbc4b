"""Seconds of ten epochs on pictures: ftkit beside `Trainer` in the way of transformers' image classification example.

Decoding counts on both sides: ftkit decodes each file once and keeps it, the example decodes it anew in every epoch.
Both train the same layers with LoRA (or the head alone) in batches of 32. With one thread it is computing time,
which other work on the machine hardly touches; the quickest repetition counts, and ten epochs are ten times one.

    python tests/benchmarks/pictures.py --data ../shared/data/object_images_styles/photo \\
        --base ../shared/models/vit-tiny-patch16-224
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from measure import machine, table, write_section
from steps import measured, within

EPOCHS = 10
BATCH = 32
NEEDED = {"4": 2, "1": 4, "0": 8}
"""times sooner than Trainer, by the number of last blocks that train, a third of the base, one, and the head alone"""


def arguments() -> argparse.Namespace:
    """Flags of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with one subfolder per label")
    parser.add_argument("--base", type=Path, required=True, help="folder of a vision transformer")
    parser.add_argument("--per-label", type=int, default=20, help="files of each label")
    parser.add_argument("--layers", nargs="*", default=("4", "1", "0"), help="a number of last blocks, 0 for the head")
    parser.add_argument("--repetitions", type=int, default=2, help="the quickest counts")
    parser.add_argument("--threads", type=int, default=1, help="threads of arithmetic")
    return parser.parse_args()


def drawn(folder: Path, per_label: int) -> list[tuple[str, str]]:
    """(file, label) of the first files of each label."""
    labels = sorted(path.name for path in folder.iterdir() if path.is_dir())
    several = {label: sorted(path.name for path in (folder / label).iterdir())[:per_label] for label in labels}
    return [(f"{label}/{name}", label) for label, names in several.items() for name in names]


def ours(base: Path, layers: str, folder: Path, rows: list[tuple[str, str]]) -> dict[str, Callable[[], object]]:
    """Decoding the files, reading them with the base, and an epoch in fp32 and, where ftkit tries it, in bf16."""
    import numpy as np
    import pandas as pd
    import torch
    from accelerate import Accelerator

    from ftkit import registry
    from ftkit.bases import Base
    from ftkit.data.table import Table
    from ftkit.features.examples import Examples, Features
    from ftkit.features.network import Network
    from ftkit.features.pooling import Pooling
    from ftkit.features.probe import Probe
    from ftkit.training.loop import fit
    from ftkit.training.members import Settings, member
    from ftkit.training.passes import Job
    from ftkit.training.precision import has_bf16

    known = Base(base.name, base, "local", "", "folder")
    kind = registry.load("tasks", "image_classification")
    task = kind(name="image_classification", file="file", label="label", multi_label=False)
    frame = pd.DataFrame(rows, columns=["file", "label"])
    listing = Table(frame, np.arange(1, len(rows) + 1), str(folder), "")
    name, fields = ("head", {}) if layers == "0" else ("lora", {"layers": f"last {layers}"})
    method = registry.load("methods", name)(name=name, **fields)
    network = Network(method.apply(task.load(known).requires_grad_(False)))
    processor, pooling, every = task.processor(known), Pooling("first"), np.arange(len(rows))

    def decode() -> Any:
        os.environ["FTKIT_CACHE"] = tempfile.mkdtemp()  # nothing is known from before
        return task.parse(listing, 1000, base=known)

    parsed = decode()
    encoded = task.encode(parsed.inputs, processor).rows

    def read() -> Features:
        features = Features(network, Examples(task, processor, encoded), (pooling,), None)
        features.read(every)
        return features

    found = read()
    labels = tuple(sorted(set(parsed.gold)))
    width = found.pooled[pooling].shape[1]
    start = Probe(pooling, 1.0, np.zeros((len(labels), width), np.float32), np.zeros(len(labels), np.float32))
    targets = torch.from_numpy(task.targets(parsed.gold, labels))
    examples = Examples(task, processor, encoded, found.prefix)
    job = Job(network, examples, targets, False, lambda *_: (0.0, 0.0), Accelerator(cpu=True), pooled=found.pooled)

    def epoch(job: Job) -> None:
        settings = Settings(epochs=1, lr=1e-3, batch=BATCH)
        list(fit(job, [member("fit", network, method, start, every, every[:0], settings, 0)]))

    work: dict[str, Callable[[], object]] = {
        "decode once": decode,
        "read once": read,
        "epoch, fp32": lambda: epoch(job),
    }
    if has_bf16():
        work["epoch, bf16"] = lambda: epoch(replace(job, precision="bf16"))
    return work


def theirs(base: Path, layers: str, folder: Path, rows: list[tuple[str, str]]) -> Callable[[], object]:
    """An epoch of Trainer, files decoded and transformed as its batches are put together."""
    import torch
    from peft import LoraConfig, get_peft_model
    from PIL import Image
    from transformers import (
        AutoImageProcessor,
        AutoModelForImageClassification,
        PrinterCallback,
        Trainer,
        TrainingArguments,
        set_seed,
    )

    set_seed(0)
    labels = sorted({label for _, label in rows})
    processor: Any = AutoImageProcessor.from_pretrained(base, backend="pil")  # type: ignore[no-untyped-call]
    model: Any = AutoModelForImageClassification.from_pretrained(
        base, num_labels=len(labels), ignore_mismatched_sizes=True, dtype=torch.float32
    )
    if layers == "0":
        model.requires_grad_(False)
        model.classifier.requires_grad_(True)
    else:
        count = model.config.num_hidden_layers
        chosen = list(range(count - int(layers), count))
        config = LoraConfig(
            r=8,
            lora_alpha=16,
            target_modules=["q_proj", "v_proj"],
            layers_to_transform=chosen,
            modules_to_save=["classifier"],
        )
        model = get_peft_model(model, config)

    def collate(some: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        pictures = [Image.open(folder / row["file"]).convert("RGB") for row in some]
        pixels = processor(images=pictures, return_tensors="pt")["pixel_values"]
        return {"pixel_values": pixels, "labels": torch.tensor([labels.index(row["label"]) for row in some])}

    settings = TrainingArguments(
        output_dir=tempfile.mkdtemp(),
        learning_rate=1e-3,
        num_train_epochs=1,
        per_device_train_batch_size=BATCH,
        remove_unused_columns=False,
        save_strategy="no",  # the example saves every epoch; left out, in its favour
        use_cpu=True,
        disable_tqdm=True,
        report_to=[],
    )
    data: Any = [{"file": file, "label": label} for file, label in rows]
    trainer = Trainer(model=model, args=settings, train_dataset=data, data_collator=collate)
    trainer.remove_callback(PrinterCallback)
    return trainer.train


def main() -> None:
    """Measure, and write the table."""
    args = arguments()
    os.environ |= {"OMP_NUM_THREADS": str(args.threads), "OMP_WAIT_POLICY": "PASSIVE", "HF_HUB_OFFLINE": "1"}
    from ftkit.features import processor

    rows = drawn(args.data, args.per_label)
    lines = []
    for layers in args.layers:
        contestants = {
            name: within(work, processor, args.threads)
            for name, work in ours(args.base, layers, args.data, rows).items()
        }
        contestants["Trainer epoch"] = theirs(args.base, layers, args.data, rows)
        seconds = measured(contestants, args.repetitions, args.threads)
        epoch = min(took for name, took in seconds.items() if name.startswith("epoch"))  # ftkit takes the quicker one
        whole = seconds["decode once"] + seconds["read once"] + EPOCHS * epoch
        rival = EPOCHS * seconds["Trainer epoch"]
        figures = [*seconds.values(), whole, rival, rival / whole]
        needed = str(NEEDED.get(layers, "–"))
        lines.append([layers, *(f"{value:.2f}" for value in figures), needed])
        sys.stderr.write(f"{lines[-1]}\n")
    header = ["last blocks", *seconds, f"ftkit, {EPOCHS} epochs", f"Trainer, {EPOCHS} epochs", "times sooner", "needed"]
    text = f"{machine(args.threads)} {len(rows)} pictures, {args.base.name}.\n\n{table(header, lines)}"
    write_section("pictures", text)
    print(text)


if __name__ == "__main__":
    main()
