"""All fits of a run: every part with every seed, and what each has to beat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ftkit import privacy
from ftkit.console import console
from ftkit.data.folds import together
from ftkit.features import doubts, neighbours, probe, raw
from ftkit.features.cache import Cache
from ftkit.features.doubts import Doubts
from ftkit.features.pooling import Pooling
from ftkit.features.probe import Probe
from ftkit.features.scale import are_numbers
from ftkit.models.assembly import Assembly
from ftkit.recipe.pace import Pace
from ftkit.runs import CHECKPOINTS
from ftkit.tasks import Given
from ftkit.training import curve
from ftkit.training.checkpoints import Journal
from ftkit.training.curve import Plan, Traced, Tracer
from ftkit.training.deciding import every_seed
from ftkit.training.encoding import Prepared
from ftkit.training.parts import NOTHING, Fit, Fitted, Solve, agreed_on
from ftkit.training.precision import Precisions
from ftkit.training.profiling import Profile
from ftkit.training.rate import rows_per_second
from ftkit.training.rooms import Rooms
from ftkit.training.scratch import Scratch, unadapted
from ftkit.training.session import Session, open_session
from ftkit.training.stopping import stoppable
from ftkit.training.watching import Line, Watcher, watching

if TYPE_CHECKING:
    from accelerate import Accelerator

    from ftkit.data.table import Part
    from ftkit.recipe import Recipe
    from ftkit.runs.folder import Clock, RunFolder


@dataclass
class Outcome:
    """What training left: every fit, the baselines' probabilities on the same rows, doubts, and the history."""

    session: Session
    fits: dict[tuple[str, int], Fitted] = field(default_factory=dict)
    """(part, seed): fit"""
    probes: dict[str, Probe] = field(default_factory=dict)
    """part: linear probe on the untouched base"""
    baselines: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)
    """name: part: (test rows, labels) scores"""
    doubts: Doubts = field(default_factory=lambda: Doubts.none("not looked for"))
    """of the labels of all rows that are trained on"""
    history: list[dict[str, Any]] = field(default_factory=list)
    rows_trained: int = 0
    rate: float | None = None
    """rows a second that the delivered adapter labels"""
    curve: Traced | None = None
    """where one was asked for"""

    @property
    def delivered(self) -> int:
        """The seed whose adapter is delivered: the one with the median validation score."""
        seeds = every_seed(self.session.recipe)
        values = [self.fits["final", seed].validation for seed in seeds]
        order = sorted(range(len(seeds)), key=lambda i: (np.nan_to_num(values[i], nan=-np.inf), i))
        return seeds[order[(len(order) - 1) // 2]]

    @property
    def final(self) -> Fitted:
        """The fit that is delivered."""
        return self.fits["final", self.delivered]


def fit(recipe: Recipe, prepared: Prepared, model: Assembly, run: RunFolder, clock: Clock, profile: Profile) -> Outcome:
    """Train every part with every seed, and score the baselines on the same rows; the recipe is a decided one.

    What an earlier attempt in the same folder has finished is read from its checkpoints. Ctrl-C and
    SIGTERM end the step under way, save, and raise KeyboardInterrupt.
    """
    accelerator = _accelerator(recipe, run)
    cache = Cache.within(run.path / CHECKPOINTS / "cache") if privacy.hidden() else Cache.default()
    rooms = Rooms(run)
    # what this machine is fast at tells nothing of rows, so that it may be kept for all runs
    precisions = Precisions(recipe.train.precision, run, Cache.default())
    session = open_session(recipe, prepared, model, accelerator, cache, rooms, precisions, clock, profile)
    run.trained_on(session.arms[0].features.digest())
    outcome, solves, planned = Outcome(session), dict[str, Solve](), curve.plan(recipe, prepared.splits)

    def record(line: Line) -> None:
        outcome.history.append(line)
        run.note(line)

    journal = Journal(run.path / CHECKPOINTS, Pace.parse(recipe.train.checkpoint), record, rooms.remember)
    with watching(session, accelerator, journal.note) as watcher, stoppable() as stop:
        for part in prepared.splits.parts:
            with clock.phase("probe"), stop.at_once():  # of many tokens and labels it may take minutes
                solves[part.name], choice = session.warm_start(part)
                outcome.probes[part.name] = session.probe(part.train, choice)
            with clock.phase("train"):
                for seed in every_seed(recipe):
                    folds = [one for (_, other), one in outcome.fits.items() if other == seed]
                    agreed = agreed_on(folds) if part.name == "final" and folds and part.refit else None
                    one = session.fit_of(part, seed, solves[part.name], journal, watcher, stop)
                    outcome.fits[part.name, seed] = session.carry_out(one, agreed)
        outcome.rows_trained = watcher.rows
    settled = recipe.replace({"train.precision": precisions.settled or "fp32"})
    outcome.session = replace(session, recipe=settled)
    with clock.phase("baselines"):
        _score_baselines(outcome)
    with clock.phase("predict"):
        outcome.rate = rows_per_second(outcome.final.arm.job, outcome.final.member, outcome.final.part.train)
    with clock.phase("label_check"):
        outcome.doubts = _doubts(outcome)
    if planned is not None:
        with clock.phase("curve"):
            outcome.curve = _traced(outcome, planned, solves, journal, accelerator)
    accelerator.end_training()
    return outcome


def _traced(
    outcome: Outcome, planned: Plan, solves: dict[str, Solve], journal: Journal, accelerator: Accelerator
) -> Traced:
    """The learning curve over labels; `solves` are the parts' own, by name."""
    session = outcome.session
    with stoppable() as stop:

        def repeat(part: Part, seed: int, watcher: Watcher) -> Fit:
            return session.fit_of(part, seed, solves[part.name], journal, watcher, stop)

        return Tracer(session, planned, outcome.fits, outcome.probes, repeat).trace(accelerator)


def _score_baselines(outcome: Outcome) -> None:
    session = outcome.session
    parts = [part for part in session.splits.parts if len(part.test)]
    session.arms[0].read(np.concatenate([NOTHING, *(part.test for part in parts)]))
    general = session.recipe.bank.by is not None  # of a bank: what no base is needed for would take longer than it does
    small, looks = None if general else Scratch.of(session), {} if general else _looks(session)
    signals = session.recipe.task.raw(session.prepared.encoded.rows, session.assembly.processor)
    with console.progress("baselines", len(parts)) as bar:
        for done, part in enumerate(parts, 1):
            chosen = outcome.probes[part.name]
            found = _of_field(session, part, general) | _on_features(session, part, chosen, looks)
            if signals is not None:
                known, asked, gold = signals[part.train], signals[part.test], session.targets[part.train]
                found["raw_neighbour"] = raw.neighbours(known, gold, len(session.labels), asked, session.balanced)
            if small is not None and (learned := small.scores(part)) is not None:
                found["from_scratch"] = learned
            if (source := unadapted(session, part.test)) is not None:
                found["source"] = source
            for name, scores in found.items():
                outcome.baselines.setdefault(name, {})[part.name] = scores
            bar.update(done)


def _looks(session: Session) -> dict[str, dict[Pooling, np.ndarray]]:
    """What the untouched base says of rows that lack something, by the name of the baseline."""
    views = session.recipe.task.views(session.prepared.encoded.rows, session.assembly.processor)
    return {name: session.arms[0].features.of(rows) for name, rows in views.items()}


def _of_field(session: Session, part: Part, general: bool) -> dict[str, np.ndarray]:
    """Scores of a part's test rows by what the task itself knows, and by no more than a constant."""
    task = session.recipe.task
    given = Given(
        inputs=session.splits.rows.frame["input"].to_list(),
        rows=session.prepared.encoded.rows,
        targets=session.targets,
        train=part.train,
        test=part.test,
        labels=len(session.labels),
        balanced=session.balanced,
        processor=session.assembly.processor,
    )
    return {**task.constants(given), **({} if general else task.baselines(given))}


def _on_features(
    session: Session, part: Part, chosen: Probe, looks: Mapping[str, Mapping[Pooling, np.ndarray]]
) -> dict[str, np.ndarray]:
    """The same by what the untouched base says: of the rows, and of rows that lack something."""
    task, pooling, count = session.recipe.task, chosen.pooling, len(session.labels)
    features, gold = session.pooled[pooling], session.targets[part.train]
    found = {
        "nearest_neighbour": neighbours.vote(features[part.train], gold, count, features[part.test]),
        "linear_probe": task.scores(chosen.logits(features[part.test])),
    }
    choice = pooling, chosen.strength
    for name, look in looks.items():
        fresh = probe.fit({pooling: look[pooling]}, session.targets, count, part.train, choice, session.balanced)
        found[name] = task.scores(fresh.logits(look[pooling][part.test]))
    return found


def _doubts(outcome: Outcome) -> Doubts:
    """What the probe of the final part doubts, cross-validated anew."""
    session, chosen = outcome.session, outcome.probes["final"]
    if session.recipe.task.kind == "tags":
        return Doubts.none("labels are doubted row by row, and these rows have a tag for each token")
    if are_numbers(session.targets):
        return Doubts.none("numbers are predicted, and confident learning is of labels")
    frame = session.splits.rows.frame
    return doubts.find(
        session.pooled[chosen.pooling],
        session.targets,
        len(session.labels),
        session.splits.parts[-1].train,
        together(frame["content"], frame["unit"].tolist(), frame["gold"].tolist()),
        chosen.strength,
        session.balanced,
    )


def _accelerator(recipe: Recipe, run: RunFolder) -> Accelerator:
    """Accelerate decides on the device; the recipe on trackers."""
    from accelerate import Accelerator

    trackers = recipe.train.trackers
    accelerator = Accelerator(log_with=trackers or None, project_dir=str(run.path))
    if trackers:
        accelerator.init_trackers(
            "ftkit",
            config={
                "base": recipe.start,
                "method": recipe.method.name,
            },
        )
    return accelerator
