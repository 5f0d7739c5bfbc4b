"""A rival: `transformers.Trainer` + PEFT LoRA, as their documentation shows it, or at its best.

As documented: batches of 32 random rows in the order of the data loader, padded to their longest, fp32.
At its best (`--by-length --precision bf16 --batch N`): batches of similar length, bf16 where that is faster,
and the batch that came to its accuracy soonest.

    python tests/benchmarks/rival_trainer.py train.csv test.csv --lr 5e-3 --epochs 20
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from typing import Any

from rival import LONGEST, Report, begin, parser

SAMPLE = 400  # test rows on which an epoch is judged before it is worth scoring on all
NEAR = 0.04  # share below the target from which it is: three standard errors of the sample hardly miss more


def arguments() -> argparse.Namespace:
    """Flags of the command line."""
    made = parser(__doc__)
    made.add_argument("--lr", type=float, default=1e-3, help="peak learning rate")
    made.add_argument("--epochs", type=int, default=3, help="passes over the training rows")
    made.add_argument("--layers", default="all", help="all, a number of last blocks, or 0 for the head alone")
    made.add_argument("--batch", type=int, default=32, help="rows in one step")
    made.add_argument("--by-length", action="store_true", help="batches of similar length")
    made.add_argument("--precision", choices=["fp32", "bf16"], default="fp32", help="of training steps")
    made.add_argument("--target", type=float, default=2.0, help="accuracy whose time is taken")
    return made.parse_args()


def main() -> None:
    """Train, scoring what may have reached the target, and score the end."""
    args = arguments()
    train, test = begin(args)
    report = Report()
    with tempfile.TemporaryDirectory() as folder:
        trainer, rows = build(args, folder, train, test)
        watch = watcher(args, rows, report)
        trainer.add_callback(watch)
        start, left_out = time.perf_counter(), report.left_out
        trainer.train()
        train_seconds = time.perf_counter() - start - (report.left_out - left_out)
        epochs = round(trainer.state.epoch, 2)
        if watch.scored != epochs:
            watch.score(trainer.model, everything=True)
        report.ended(train_seconds, epochs >= args.epochs, epochs=epochs, epoch_seconds=watch.epoch_seconds, lr=args.lr)


def build(args: argparse.Namespace, folder: str, train: list[tuple[str, ...]], test: list[tuple[str, ...]]) -> Any:
    """The Trainer of the guide, and the encoded test rows."""
    import torch
    from datasets import Dataset
    from transformers import (
        AutoModelForSequenceClassification,
        AutoTokenizer,
        DataCollatorWithPadding,
        PrinterCallback,
        Trainer,
        set_seed,
    )

    set_seed(args.seed)
    labels = sorted({label for _, label in train})
    tokenizer = AutoTokenizer.from_pretrained(args.base)

    def prepare(rows: list[tuple[str, ...]]) -> Dataset:
        gold = [labels.index(label) for _, label in rows]
        data = Dataset.from_dict({"text": [text for text, _ in rows], "labels": gold})
        cut = {"truncation": True, "max_length": LONGEST}
        return data.map(lambda batch: tokenizer(batch["text"], **cut), batched=True, remove_columns="text")

    model = AutoModelForSequenceClassification.from_pretrained(
        args.base,
        num_labels=len(labels),
        id2label=dict(enumerate(labels)),
        label2id={label: i for i, label in enumerate(labels)},
        dtype=torch.float32,
    )
    collate = DataCollatorWithPadding(tokenizer)
    trainer = Trainer(
        model=adapted(model, args.layers),
        args=settings(args, folder),
        train_dataset=prepare(train),
        processing_class=tokenizer,
        data_collator=collate,
    )
    trainer.remove_callback(PrinterCallback)  # its lines are not ours
    return trainer, (prepare(test), collate)


def settings(args: argparse.Namespace, folder: str) -> Any:
    """The guide's training arguments, and what makes Trainer fast where that is asked for."""
    from transformers import TrainingArguments

    return TrainingArguments(
        output_dir=folder,
        learning_rate=args.lr,
        num_train_epochs=args.epochs,
        per_device_train_batch_size=args.batch,
        weight_decay=0.01,
        save_strategy="no",  # the guide saves every epoch; left out, in its favour
        train_sampling_strategy="group_by_length" if args.by_length else "random",
        bf16=args.precision == "bf16",
        use_cpu=True,
        seed=args.seed,
        disable_tqdm=True,
        report_to=[],
    )


def adapted(model: Any, layers: str, target: Sequence[str] = ("query", "value")) -> Any:
    """The model with what trains: LoRA on query and value (or other modules) of all or the last blocks, or the head."""
    from peft import LoraConfig, TaskType, get_peft_model

    if layers == "0":
        model.requires_grad_(False)
        model.classifier.requires_grad_(True)
        return model
    blocks = model.config.num_hidden_layers
    config = LoraConfig(
        task_type=TaskType.SEQ_CLS,
        r=8,
        lora_alpha=16,
        lora_dropout=0.1,
        target_modules=list(target),
        layers_to_transform=None if layers == "all" else list(range(blocks - int(layers), blocks)),
    )
    return get_peft_model(model, config)


def right(model: Any, rows: Sequence[dict[str, Any]], collate: Any) -> list[bool]:
    """Which rows are labelled rightly; sorted by length, which `Trainer.evaluate` does not do."""
    import torch

    order = sorted(range(len(rows)), key=lambda i: len(rows[i]["input_ids"]))
    found = [False] * len(rows)
    model.eval()
    with torch.inference_mode():
        for start in range(0, len(order), 32):
            chosen = order[start : start + 32]
            batch = collate([rows[i] for i in chosen])
            gold = batch.pop("labels")
            for i, hit in zip(chosen, (model(**batch).logits.argmax(-1) == gold).tolist(), strict=True):
                found[i] = hit
    model.train()
    return found


def watcher(flags: argparse.Namespace, encoded: tuple[Any, Any], report: Report) -> Any:
    """A callback that takes the time of epochs, scores those that may have reached the target, and gives up in time."""
    from transformers import TrainerCallback

    data, collate = encoded
    rows = [dict(row) for row in data]

    class Watch(TrainerCallback):
        reached = False
        scored: float | None = None
        """the epoch whose model was scored last on all rows"""

        def __init__(self) -> None:
            self.epoch_seconds: list[float] = []
            self.begun = 0.0

        def score(self, model: Any, everything: bool) -> float:
            chosen = rows if everything else rows[:: max(1, len(rows) // SAMPLE)]
            start = time.perf_counter()
            hits = right(model, chosen, collate)
            seconds = time.perf_counter() - start
            if everything:
                report.model(hits, seconds)
            else:
                report.left_out += seconds
            return sum(hits) / len(hits)

        def on_epoch_begin(self, args: Any, state: Any, control: Any, **given: Any) -> None:
            self.begun = time.perf_counter()

        def on_step_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
            control.should_training_stop = control.should_training_stop or report.seconds() >= flags.stop_after

        def on_epoch_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
            self.epoch_seconds.append(round(time.perf_counter() - self.begun, 3))
            if self.reached or flags.target > 1 or self.score(given["model"], everything=False) < flags.target - NEAR:
                return
            self.reached = self.score(given["model"], everything=True) >= flags.target
            self.scored = round(state.epoch, 2)

    return Watch()


if __name__ == "__main__":
    main()
