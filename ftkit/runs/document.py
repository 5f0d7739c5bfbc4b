"""What a run found, as one dictionary: `report.json`. Pages and cards are drawn from it alone."""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ftkit import environment, hardware, runs
from ftkit.data import coverage
from ftkit.errors import InputError
from ftkit.privacy import Mask
from ftkit.runs.answers import answers_of
from ftkit.runs.calibrated import calibration_of
from ftkit.runs.curved import curve_of
from ftkit.runs.doubtful import doubtful_of
from ftkit.runs.masking import shown_labels
from ftkit.runs.searched import ladder_of, rates_of
from ftkit.runs.selective import selective_of
from ftkit.statistics.summary import summarise
from ftkit.statistics.wording import subject

if TYPE_CHECKING:
    from ftkit.runs.folder import Clock, RunFolder
    from ftkit.training.fitting import Outcome

SCHEMA = 1
MISTAKES = 30  # shown; all predictions are in predictions.parquet


def report_on(outcome: Outcome, predictions: pd.DataFrame, mask: Mask, name: str, command: str) -> dict[str, Any]:
    """The report of a run but for its cost, which is known last."""
    session = outcome.session
    recipe, splits = session.recipe, session.splits
    labels = tuple(shown_labels(session.labels, recipe.task.kind, mask))
    names = recipe.evaluate.metrics
    found = summarise(
        predictions,
        labels=labels,
        kind=recipe.task.kind,
        metrics=list(names),
        primary=names[0],
        delivered_seed=outcome.delivered,
        slices=recipe.evaluate.slices,
        folds=splits.folds,
        subject=subject(recipe.method.name),
    )
    return {
        "schema": SCHEMA,
        "status": "complete",
        "name": name,
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": command,
        "task": recipe.task.name,
        "kind": recipe.task.kind,
        "noun": recipe.task.noun,
        "method": outcome.final.arm.method.name,
        "labels": list(labels),
        "primary": names[0],
        "procedure": "out_of_fold" if splits.folds else "held_out",
        "folds": splits.folds,
        "hidden": mask.on,
        **found,
        "calibration": calibration_of(outcome, predictions, labels),
        "selective": selective_of(outcome, predictions, labels),
        "history": outcome.history,
        "values": _values(found.get("values"), mask),
        "places": _places(found["places"], mask),
        "mistakes": [] if mask.on else _mistakes(outcome, predictions),
        "doubtful": doubtful_of(outcome, mask),
        "data": _data(outcome, mask),
        "choices": _choices(outcome),
        "ladder": ladder_of(outcome),
        "rates": rates_of(outcome),
        "curve": curve_of(outcome),
        "row_key": mask.fingerprint,
        "base": _base(outcome),
        "versions": environment.versions(),
        "threads": recipe.train.threads,
        "machine": hardware.machine(hardware.card(outcome.session.assembly.network.device)),
        "seed": recipe.seed,
        # names of labels stay in recipe.yaml, which a rerun needs
        "recipe": (recipe.nameless() if mask.on else recipe).to_yaml(),
    }


def _values(tables: list[dict[str, Any]] | None, mask: Mask) -> list[dict[str, Any]]:
    """Predicted numbers against true ones; of hidden rows only what holds of many."""
    return [one | ({"points": []} if mask.on else {}) for one in tables or []]


def _places(found: dict[str, Any] | None, mask: Mask) -> dict[str, Any] | None:
    """Positions; of hidden rows only how many are off by how much."""
    if found is None or not mask.on:
        return found
    return found | {"floors": [one | {"points": []} for one in found["floors"]]}


def _mistakes(outcome: Outcome, predictions: pd.DataFrame) -> list[dict[str, Any]]:
    """The most confident wrong predictions of the delivered seed; of numbers, those that are furthest off."""
    answers = [row for row in answers_of(outcome, predictions) if row["gold"] is not None]
    if outcome.session.recipe.task.kind == "values":
        gold = np.array(outcome.session.splits.rows.frame["gold"].to_list())
        spread = np.std(gold, axis=0) + 1e-12  # targets of several units weigh alike
        wrong = [row | {"off": _off(row, spread)} for row in answers]
        wrong.sort(key=lambda row: -row["off"])
    else:
        wrong = [row for row in answers if not row["right"]]
        wrong.sort(key=lambda row: -row["confidence"])
    inner = ("slices", "right", "answer")
    return [
        {key: value for key, value in row.items() if key not in inner} | {"picture": picture}
        for row, picture in zip(wrong, _pictures(outcome, wrong[:MISTAKES]), strict=False)
    ]


def _pictures(outcome: Outcome, answers: list[dict[str, Any]]) -> list[str]:
    """Rows as their task shows them, with what was said of them."""
    session = outcome.session
    frame, encoded = session.splits.rows.frame, session.prepared.encoded.rows
    places = dict(zip(frame["row_id"], range(len(frame)), strict=True))
    inputs, processor = frame["input"].to_list(), session.assembly.processor
    at = [places[row["row_id"]] for row in answers]
    return [
        session.recipe.task.show(inputs[i], encoded[i], processor, row["answer"])
        for i, row in zip(at, answers, strict=True)
    ]


def _off(row: Mapping[str, Any], spread: np.ndarray) -> float:
    """How far a prediction is off, in sds of the target; of several targets, the largest."""
    gap = np.abs(np.atleast_1d(row["prediction"]) - np.atleast_1d(row["gold"])) / spread
    return float(gap.max())


def _data(outcome: Outcome, mask: Mask) -> dict[str, Any]:
    session = outcome.session
    data = dataclasses.asdict(session.splits.report) | coverage.rates(session.prepared.encoded)
    findings = (*session.prepared.findings, *session.splits.report.findings)
    return data | {
        "label_counts": mask.counts(session.splits.report.label_counts),
        "findings": [dataclasses.asdict(one) for one in findings],
    }


def _choices(outcome: Outcome) -> dict[str, Any]:
    """What was decided on validation rows, and by the tables of methods."""
    session, probe, final = outcome.session, outcome.probes["final"], outcome.final
    return {
        "method": final.arm.method.label,
        "pooling": probe.pooling.kind,
        "normalise": probe.pooling.normalise,
        "probe_c": probe.strength,
        "lr": final.choice.lr,
        "precision": session.recipe.train.precision,
        "prefix_cached": final.arm.features.prefix is not None,
        "validation_rows": sum(len(held) for part in session.splits.parts for _, held in part.inner),
        "frozen_blocks": final.arm.network.depth,
        "epochs": {f"{part}, seed {seed}": one.epochs for (part, seed), one in outcome.fits.items()},
    }


def choices_of(run: Path) -> dict[str, Any]:
    """What a finished run has decided, from its report; InputError where that cannot be read."""
    try:
        found: dict[str, Any] = json.loads((run / runs.REPORT).read_text(encoding="utf-8"))["choices"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{run / runs.REPORT}: cannot be read ({error})", "train the run again") from None
    return found


def cost_of(outcome: Outcome, clock: Clock, run: RunFolder) -> dict[str, Any]:
    """Seconds, bytes and weights of a run; of one that was taken up again, the seconds of the last attempt."""
    final = outcome.final
    network, head = final.arm.network, final.member
    moved = sum(p.numel() for p in network.trainable().values())
    seconds = clock.seconds.get("train", 0.0)
    return {
        "seconds": clock.total(),
        "begun": run.opened,
        "resumed": run.begun["attempts"] - 1,
        "accumulate": final.arm.job.room.parts(outcome.session.recipe.train.accumulate),
        "peak_memory_bytes": hardware.peak_memory(),
        "trainable_parameters": moved + head.weight.numel() + head.bias.numel(),
        "total_parameters": sum(p.numel() for p in network.backbone.parameters())
        + head.weight.numel()
        + head.bias.numel(),
        "predictions_per_second": outcome.rate,
        "frames_per_second": _frames_per_second(outcome),
        "examples_per_second": outcome.rows_trained / seconds if seconds and outcome.rows_trained else None,
    }


def _frames_per_second(outcome: Outcome) -> float | None:
    """Pictures of clips that are predicted in a second; None where rows are no clips."""
    inputs = outcome.session.splits.rows.frame["input"].to_list()
    if outcome.rate is None or outcome.session.recipe.task.footage(inputs) is None:
        return None
    return outcome.rate * float(np.mean([clip.length for (clip,) in inputs]))


def _base(outcome: Outcome) -> dict[str, Any]:
    base = outcome.session.assembly.base
    return {"name": base.name, "revision": base.revision, "sha256": base.sha256}
