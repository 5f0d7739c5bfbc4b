"""What ftkit is measured against: `transformers.Trainer` + PEFT LoRA, as their documentation shows it.

Writes one JSON line an epoch: {"epoch", "seconds", "scoring_seconds", "accuracy"}. `seconds` counts
from the start of the process and leaves out the scoring of all epochs but the last one, which
someone who knew the right number of epochs would not have done; `scoring_seconds` is what was left out.

    python tests/benchmarks/trainer_peft.py train.csv test.csv --lr 5e-3 --epochs 16
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
from measure import packaged_minilm, read_rows

STARTED = psutil.Process().create_time()


def arguments() -> argparse.Namespace:
    """Flags of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train", type=Path, help="CSV file of labelled rows")
    parser.add_argument("test", type=Path, help="CSV file of rows to score after each epoch")
    parser.add_argument("--base", default="", help="folder of the base (default: the packaged MiniLM)")
    parser.add_argument("--text", default="text", help="column of the text")
    parser.add_argument("--label", default="category", help="column of the label")
    parser.add_argument("--lr", type=float, default=1e-3, help="peak learning rate")
    parser.add_argument("--epochs", type=int, default=3, help="passes over the training rows")
    parser.add_argument("--stop-at", type=float, default=1.1, help="accuracy at which to stop early")
    parser.add_argument("--stop-after", type=float, default=1e9, help="seconds after which to stop early")
    parser.add_argument("--by-length", action="store_true", help="batches of similar length (not in the guide)")
    parser.add_argument("--seed", type=int, default=0, help="of weights and order of rows")
    parser.add_argument("--threads", type=int, default=1, help="threads of arithmetic")
    return parser.parse_args()


def main() -> None:
    """Train, and write a line after each epoch."""
    args = arguments()
    os.environ["OMP_NUM_THREADS"] = str(args.threads)
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import torch  # after the number of threads is set, which it reads once

    torch.set_num_threads(args.threads)
    with tempfile.TemporaryDirectory() as folder:
        trainer = build(args, folder)
        trainer.train()


def build(args: argparse.Namespace, folder: str) -> Any:
    """The Trainer of the guide: sequence classifier, LoRA on query and value, scored every epoch."""
    import torch
    from datasets import Dataset
    from peft import LoraConfig, TaskType, get_peft_model
    from transformers import (
        AutoModelForSequenceClassification,
        AutoTokenizer,
        DataCollatorWithPadding,
        PrinterCallback,
        Trainer,
        TrainingArguments,
        set_seed,
    )

    set_seed(args.seed)
    columns = (args.text, args.label)
    rows = {"train": read_rows(args.train, columns), "test": read_rows(args.test, columns)}
    labels = sorted({label for _, label in rows["train"]})
    base = args.base or packaged_minilm()
    tokenizer = AutoTokenizer.from_pretrained(base)

    def prepare(part: str) -> Dataset:
        texts = [text for text, _ in rows[part]]
        gold = [labels.index(label) for _, label in rows[part]]
        data = Dataset.from_dict({"text": texts, "labels": gold})
        return data.map(lambda batch: tokenizer(batch["text"], truncation=True), batched=True, remove_columns="text")

    model = AutoModelForSequenceClassification.from_pretrained(
        base,
        num_labels=len(labels),
        id2label=dict(enumerate(labels)),
        label2id={label: i for i, label in enumerate(labels)},
        dtype=torch.float32,
    )
    config = LoraConfig(
        task_type=TaskType.SEQ_CLS, r=8, lora_alpha=16, lora_dropout=0.1, target_modules=["query", "value"]
    )
    trainer = Trainer(
        model=get_peft_model(model, config),
        args=TrainingArguments(
            output_dir=folder,
            learning_rate=args.lr,
            num_train_epochs=args.epochs,
            per_device_train_batch_size=32,
            per_device_eval_batch_size=32,
            weight_decay=0.01,
            eval_strategy="epoch",
            save_strategy="no",  # the guide saves every epoch; left out, in its favour
            train_sampling_strategy="group_by_length" if args.by_length else "random",
            use_cpu=True,
            seed=args.seed,
            disable_tqdm=True,
            report_to=[],
        ),
        train_dataset=prepare("train"),
        eval_dataset=prepare("test"),
        processing_class=tokenizer,
        data_collator=DataCollatorWithPadding(tokenizer),
        compute_metrics=accuracy,
        callbacks=[watch(args.stop_at, args.stop_after)],
    )
    trainer.remove_callback(PrinterCallback)  # it prints the same scores in another form
    return trainer


def accuracy(predicted: Any) -> dict[str, float]:
    """Share of rows whose label is right."""
    return {"accuracy": float((predicted.predictions.argmax(-1) == predicted.label_ids).mean())}


def watch(stop_at: float, stop_after: float) -> Any:
    """A callback that writes the line of an epoch, and stops at an accuracy or after some seconds."""
    from transformers import TrainerCallback

    class Watch(TrainerCallback):
        left_out = 0.0

        def on_evaluate(self, args: Any, state: Any, control: Any, **given: Any) -> None:
            metrics = given["metrics"]
            seconds = time.time() - STARTED - self.left_out
            line = {
                "epoch": round(state.epoch),
                "seconds": round(seconds, 2),
                "scoring_seconds": round(self.left_out, 2),
                "accuracy": round(metrics["eval_accuracy"], 4),
            }
            sys.stdout.write(json.dumps(line) + "\n")
            sys.stdout.flush()
            self.left_out += metrics["eval_runtime"]
            control.should_training_stop = metrics["eval_accuracy"] >= stop_at or seconds >= stop_after

    return Watch()


if __name__ == "__main__":
    main()
