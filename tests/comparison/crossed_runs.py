"""Run folders and kept evaluations made by hand: what the matrix reads, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ftkit import runs
from ftkit.bases import runs as finished
from ftkit.statistics import predictions

LABELS = ("no", "yes")
Answers = Mapping[str, tuple[str, str]]
"""row: gold label, prediction"""


def make_run(
    folder: Path,
    own: Answers,
    trained: Sequence[str] = (),
    folds: int = 0,
    labels: Sequence[str] = LABELS,
    base: Path | str = "base",
) -> Path:
    """A run that was tested on its rows `own`, with `folds` out of fold; without, it was `trained` on others."""
    (folder / runs.ADAPTER).mkdir(parents=True)
    (folder / runs.ADAPTER / "head.safetensors").write_bytes(folder.name.encode())
    under = finished.digest(base, finished.recorded(base)[1]) if isinstance(base, Path) else base
    report = {"labels": list(labels), "kind": "label", "seed": 0, "seeds": None, "folds": folds, "primary": "accuracy"}
    report |= {"base": {"revision": "local", "sha256": under}}
    (folder / runs.REPORT).write_text(json.dumps(report))
    write(folder / runs.PREDICTIONS, own, labels, folds)
    tested = pd.DataFrame({"row_id": list(own), "split": "train" if folds else "test", "trained": bool(folds)})
    more = pd.DataFrame({"row_id": list(trained), "split": "train", "trained": True})
    pd.concat([tested, more]).assign(input_hash="").to_parquet(folder / runs.SPLITS)
    return folder


def evaluated(run: Path, name: str, answers: Answers, trained: Sequence[str] = (), labels: Any = LABELS) -> Any:
    """The outcome of an evaluation: the rows of `answers` were scored, the `trained` ones left out."""
    folder = run / runs.EVALUATIONS / name
    folder.mkdir(parents=True)
    if answers:
        write(folder / runs.PREDICTIONS, answers, labels)
    seen = [False] * len(answers) + [True] * len(trained)
    rows = pd.DataFrame({"row_id": [*answers, *trained], "input_hash": "", "trained": seen})
    rows.to_parquet(folder / runs.SPLITS)
    return {"folder": str(folder), "rows": len(answers), "left_out": len(trained)}


def write(path: Path, answers: Answers, labels: Sequence[str], folds: int = 0) -> None:
    """Predictions, sure of themselves."""
    gold, said = ([pair[side] for pair in answers.values()] for side in (0, 1))
    scores = np.eye(len(labels))[[list(labels).index(one) for one in said]].reshape(len(said), len(labels))
    fold: Any = np.arange(len(gold)) % folds if folds else -1
    shared = {"labels": labels, "predictor": "adapted", "seed": 0, "fold": fold}
    frame = predictions.frame_of(
        row_id=list(answers),
        input_hash=[""] * len(gold),
        split="test",
        gold=gold,
        prediction=said,
        scores=scores,
        **shared,
    )
    predictions.write(frame, path, labels=labels, task="t", metrics=["accuracy"], primary="accuracy")


def answers(name: str, rows: int, wrong: int, start: int = 0) -> dict[str, tuple[str, str]]:
    """Rows `name`-0 …; from `start` on so many of them are answered wrongly."""
    golds = [LABELS[row % 2] for row in range(rows)]
    said = [LABELS[1 - row % 2] if start <= row < start + wrong else LABELS[row % 2] for row in range(rows)]
    return {f"{name}-{row}": pair for row, pair in enumerate(zip(golds, said, strict=True))}
