"""Writing a run folder: adapter, predictions, rows, splits, recipe, report, page and card."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ftkit import runs
from ftkit.console import console
from ftkit.files import replacing, write_json, write_text
from ftkit.methods import Method
from ftkit.models import delivery
from ftkit.models.snippet import snippet
from ftkit.privacy import Mask
from ftkit.reports.card import render_card
from ftkit.reports.page import render_run
from ftkit.reports.profile import render_profile
from ftkit.runs.answers import answers_of
from ftkit.runs.calibrated import delivered
from ftkit.runs.doubtful import entries, review_file
from ftkit.runs.folder import Clock, RunFolder
from ftkit.statistics import predictions as stored
from ftkit.training import profiling
from ftkit.training.deciding import every_seed
from ftkit.training.fitting import Outcome
from ftkit.training.profiling import Measured


def save(outcome: Outcome, predictions: pd.DataFrame, report: dict[str, Any], mask: Mask, run: RunFolder) -> None:
    """Write everything; sizes that are known only now are added to the report."""
    session, folder = outcome.session, run.path
    report["cost"]["adapter_bytes"] = _adapters(outcome, folder)
    parts = report["cost"]["accumulate"]  # a rerun need not run out of memory first, nor measure what is faster
    run.recipe(session.recipe.replace({"train.accumulate": parts}))
    names = list(report["scores"]["test"])
    stored.write(
        predictions,
        folder / runs.PREDICTIONS,
        labels=report["labels"],
        task=report["task"],
        metrics=names,
        primary=report["primary"],
    )
    write_table(splits_table(outcome, mask), folder / runs.SPLITS)
    if not mask.on:
        write_table(session.splits.rows.frame[["row_id", "input"]], folder / runs.ROWS)
    if report["doubtful"]["file"]:
        doubted, contradicting = entries(outcome)
        write_text(folder / runs.LABELS, review_file(doubted + contradicting))
    if (base := session.assembly.base).kind == "random":
        shutil.copytree(base.folder, folder / runs.START, dirs_exist_ok=True)
    write_json(folder / runs.REPORT, report)
    rows = None if mask.on else answers_of(outcome, predictions)
    write_text(folder / runs.PAGE, render_run(report, rows))
    write_text(folder / runs.CARD, render_card(report, _snippet(outcome)))


def save_profile(profile: Measured, outcome: Outcome, clock: Clock, run: RunFolder) -> None:
    """Write where the time went, and say the short of it."""
    features, block = outcome.session.arms[0].features, outcome.session.recipe.train
    known = int(features.known.sum())
    reading = {"rows": known, "computed": features.computed}
    document = profile.document(clock.total(), reading, precision=block.precision, threads=block.threads)
    write_json(run.path / runs.PROFILE, document)
    write_text(run.path / runs.PROFILE_PAGE, render_profile(run.path.name, document))
    for line in profiling.lines(document):
        console.say(line)


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """Parquet, whole or not at all."""
    with replacing(path) as temporary:
        frame.to_parquet(temporary, index=False)


def splits_table(outcome: Outcome, mask: Mask) -> pd.DataFrame:
    """Which row went where, and every row that this run or its base was trained or tuned on.

    Columns: row_id, input_hash, content (equal for near-equal inputs), split, fold (-1: none; the fold
    that tests the row), trained (by the delivered adapter). Rows of the run that served as the base
    follow with split `base`.
    """
    session = outcome.session
    rows = session.splits.rows.frame
    fold = np.full(len(rows), -1)
    for part in session.splits.parts:
        fold[part.test] = part.fold
    trained = np.zeros(len(rows), dtype=bool)
    trained[outcome.fits["final", outcome.delivered].trained] = True
    table = pd.DataFrame(
        {
            "row_id": [mask.digest(one) for one in rows["row_id"]],
            "input_hash": [mask.digest(one) for one in session.prepared.hashes],
            "content": [mask.digest(one) for one in rows["content"]],
            "split": rows["split"].to_numpy(),
            "fold": fold,
            "trained": trained,
        }
    )
    if session.assembly.base.run is None:
        return table
    earlier = pd.read_parquet(session.assembly.base.run / runs.SPLITS)
    return pd.concat([table, earlier[earlier["trained"]].assign(split="base", fold=-1)], ignore_index=True)


def _adapters(outcome: Outcome, folder: Path) -> int:
    """Write the delivered adapter, and with several seeds each one's; returns the delivered one's bytes."""
    seeds = every_seed(outcome.session.recipe)
    if len(seeds) > 1:
        for seed in seeds:
            _adapter(outcome, seed, folder / runs.SEEDS / str(seed))
    if outcome.session.recipe.bank.by is not None:
        for part in outcome.session.splits.parts[:-1]:
            one = outcome.fits[part.name, outcome.delivered]
            labels = outcome.session.labels
            delivery.save(one.arm.network, one.arm.method, one.member, labels, folder / runs.FOLDS / str(part.fold))
    return _adapter(outcome, outcome.delivered, folder / runs.ADAPTER)


def _adapter(outcome: Outcome, seed: int, folder: Path) -> int:
    one, session = outcome.fits["final", seed], outcome.session
    chosen, temperature = len(session.arms) > 1, delivered(outcome, seed).value
    return delivery.save(one.arm.network, one.arm.method, one.member, session.labels, folder, chosen, temperature)


def _snippet(outcome: Outcome) -> str:
    session = outcome.session
    base = session.assembly.base
    lineage: list[tuple[Method, str]] = []
    while base.run is not None and base.parent is not None:
        from ftkit.recipe import read

        lineage.insert(0, (delivery.method_of(base.run, read(base.run / runs.RECIPE)), str(base.run)))
        base = base.parent
    final = outcome.final
    own = session.recipe.task.snippet(session.assembly.processor)
    config = getattr(final.arm.network.backbone, "config", None)
    recipe = session.recipe.model_copy(update={"method": final.arm.method})
    encoder_only = bool(getattr(config, "is_encoder_decoder", False))
    temperature = delivered(outcome, outcome.delivered).value
    return snippet(recipe, base, final.member.pooling, own, lineage, encoder_only, temperature)
