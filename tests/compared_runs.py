"""Finished run folders without a training: drawn predictions, as `ftkit train` would have kept them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ftkit.statistics import predictions

LABELS = ("billing", "delivery", "praise")


def row_id(number: int) -> str:
    return f"{number:032x}"


@dataclass(frozen=True)
class Made:
    """What a run was tested on, and how well it did. Rows are numbers; equal numbers are equal rows."""

    accuracy: float = 0.8
    rows: Sequence[int] = range(200)
    seeds: Sequence[int] = (0,)
    draw: int = 0
    """predictions of equal draws and accuracies are equal"""
    labels: Sequence[str] = LABELS
    kind: str = "label"
    folds: int = 0
    shift: int = 0
    """moves the folds against those of another run"""
    trained: Sequence[int] = range(10_000, 10_100)
    """without folds; with them the adapter is trained on the rows themselves"""
    base_trained: Sequence[int] = ()
    hashes: Mapping[int, str] = field(default_factory=dict)
    """what the model sees of some rows, where that is not the whole text"""
    gold: Mapping[int, str] = field(default_factory=dict)
    """labels of some rows, where they differ from those of other runs"""
    unit: Sequence[str] = ()
    """of row 0, 1, …, repeated"""
    group: Sequence[str] = ()
    slices: Mapping[str, Sequence[str]] = field(default_factory=dict)
    baselines: Mapping[str, float] = field(default_factory=dict)
    """name: accuracy"""
    key: str | None = None
    """of hidden rows"""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """keys of the recipe's data block"""
    report: Mapping[str, Any] = field(default_factory=dict)

    def write(self, folder: Path) -> Path:
        """Write the run folder."""
        folder.mkdir(parents=True)
        numbers = list(self.rows)
        about: dict[str, Any] = {"labels": self.labels, "task": "text_classification", "primary": "accuracy"}
        frame = pd.concat(list(self._frames(numbers)), ignore_index=True)
        predictions.write(frame, folder / "predictions.parquet", metrics=["accuracy", "log_loss"], **about)
        self._splits(numbers).to_parquet(folder / "splits.parquet", index=False)
        if self.key is None:
            texts = [[f"text {number}"] for number in numbers]
            kept = pd.DataFrame({"row_id": [row_id(number) for number in numbers], "input": texts})
            kept.to_parquet(folder / "rows.parquet", index=False)
        (folder / "report.json").write_text(json.dumps(self._report() | dict(self.report)))
        (folder / "recipe.yaml").write_text(json.dumps(self._recipe()))
        (folder / "status").write_text("complete\n")
        return folder

    def _frames(self, numbers: list[int]) -> Iterator[pd.DataFrame]:
        gold, hard = drawn_rows(max(numbers, default=0) + 1, len(self.labels))
        names = sorted(self.labels)  # equal rows have equal labels, whatever the order of the scores
        true = [self.gold.get(number, names[gold[number]]) for number in numbers]
        slices = {name: self._each(values, numbers) for name, values in self.slices.items()}
        who = [("adapted", seed, self.accuracy) for seed in self.seeds]
        who += [(name, self.seeds[0], accuracy) for name, accuracy in self.baselines.items()]
        for predictor, seed, accuracy in who:
            scores = drawn_scores(gold, hard, accuracy, [self.draw, seed, len(predictor)], len(self.labels))
            scores = scores[np.ix_(numbers, [names.index(label) for label in self.labels])]
            guess = [self.labels[place] for place in scores.argmax(1)]
            several = self.kind == "labels"
            yield predictions.frame_of(
                row_id=[row_id(number) for number in numbers],
                input_hash=[self._hash(number) for number in numbers],
                split="test",
                gold=[[one] for one in true] if several else true,
                prediction=[[one] for one in guess] if several else guess,
                scores=scores,
                labels=self.labels,
                predictor=predictor,
                seed=seed,
                kind=self.kind,
                fold=[(number + self.shift) % self.folds for number in numbers] if self.folds else -1,
                unit=self._each(self.unit, numbers),
                group=self._each(self.group, numbers),
                slices=slices,
            )

    def _each(self, values: Sequence[str], numbers: list[int]) -> list[Any]:
        return [values[number % len(values)] if values else None for number in numbers]

    def _hash(self, number: int) -> str:
        return self.hashes.get(number, f"hash {number}")

    def _splits(self, numbers: list[int]) -> pd.DataFrame:
        own = numbers if self.folds else list(self.trained)
        lines = [(row_id(one), self._hash(one), "train", True) for one in own]
        lines += [(row_id(one), self._hash(one), "test", False) for one in numbers if not self.folds]
        lines += [(row_id(one), self._hash(one), "base", True) for one in self.base_trained]
        return pd.DataFrame(lines, columns=["row_id", "input_hash", "split", "trained"]).assign(fold=-1)

    def _recipe(self) -> dict[str, Any]:
        data = {"train": "a.csv", "split_seed": 0} | dict(self.settings)
        return {"task": {"name": "text_classification"}, "evaluate": {"metrics": ["accuracy"]}, "data": data}

    def _report(self) -> dict[str, Any]:
        several = {"seeds": list(self.seeds), "delivered": self.seeds[len(self.seeds) // 2]}
        return {
            "schema": 1,
            "kind": self.kind,
            "task": "text_classification",
            "primary": "accuracy",
            "labels": list(self.labels),
            "folds": self.folds,
            "method": "lora",
            "base": {"name": "minilm"},
            "seed": self.seeds[0],
            "seeds": several if len(self.seeds) > 1 else None,
            "hidden": self.key is not None,
            "row_key": self.key,
            "scores": {"test": {}},
            "data": {"files": {}},
            "cost": {"seconds": {"total": 10.0}, "trainable_parameters": 1000, "adapter_bytes": 5000},
        }


def drawn_rows(rows: int, labels: int) -> tuple[np.ndarray, np.ndarray]:
    """(gold, how hard) of each row: the first rows are the same however many there are."""
    gold = np.random.default_rng(1).integers(0, labels, 100_000)
    return gold[:rows], np.random.default_rng(2).random(100_000)[:rows]


def drawn_scores(gold: np.ndarray, hard: np.ndarray, accuracy: float, seed: list[int], labels: int) -> np.ndarray:
    """(rows, labels) probabilities; rows that are hard for one are mostly hard for all."""
    rng, rows = np.random.default_rng([*seed, int(1000 * accuracy)]), np.arange(len(gold))
    hard = 0.6 * hard + 0.4 * rng.random(len(gold))
    easy = hard <= np.quantile(hard, accuracy)
    guess = np.where(easy, gold, (gold + rng.integers(1, labels, len(gold))) % labels)
    scores = rng.dirichlet(np.ones(labels), len(gold)) * 0.4
    scores[rows, guess] += 0.6
    return scores.astype(np.float32)
