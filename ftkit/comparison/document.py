"""A comparison as one dictionary: `comparison.json`. Pages and terminal texts are drawn from it alone."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ftkit import metrics as metric_registry
from ftkit import privacy
from ftkit.comparison import settings
from ftkit.comparison.aligning import Aligned, Side, align
from ftkit.comparison.clusters import Clusters, clusters_of, slices_of
from ftkit.comparison.cost import costs
from ftkit.comparison.entries import Entry, entries_of
from ftkit.comparison.flips import Shown, flips
from ftkit.comparison.pairs import Pair, Which, by_fold, chance, compare_all, declared, margins, rows_needed
from ftkit.comparison.sentences import Judged, sentence, verdict
from ftkit.comparison.slices import slices
from ftkit.errors import InputError
from ftkit.metrics import Metric
from ftkit.privacy import Mask
from ftkit.runs.masking import mask_of, shown_labels
from ftkit.statistics import folded, tables
from ftkit.statistics.paired import Comparison

SCHEMA = 1
USUAL: dict[str, tuple[str, ...]] = {"values": ("mae", "rmse", "pearson", "spearman", "quadratic_kappa")}
"""kind of predictions: metrics of every comparison, beside those that the runs were trained by"""
USUAL |= dict.fromkeys(("label", "labels"), ("accuracy", "macro_f1", "log_loss"))
USUAL["tags"] = ("span_f1", "partial_span_f1", "token_accuracy")


@dataclass(frozen=True)
class Asked:
    """What is to be compared, and how."""

    runs: Sequence[str]
    """run folders, or `RUN:baseline`; the first is the reference"""
    pairs: Which = "first"
    metrics: Sequence[str] = ()
    """the first is the primary one; empty: those of the runs"""
    margin: float | None = None
    cluster: str | None = None
    command: str = ""


@dataclass(frozen=True)
class Found:
    """What was compared and what came of it, before it is put into words that may be shown."""

    asked: Asked
    aligned: Aligned
    metrics: Mapping[str, Metric]
    clusters: Clusters
    families: Mapping[str, Sequence[Judged]]
    """metric: every pair"""
    unknown: Sequence[settings.Finding]

    @property
    def primary(self) -> str:
        """The metric that decides."""
        return next(iter(self.metrics))

    @property
    def pairs(self) -> list[Pair]:
        """The declared pairs."""
        return [one.pair for one in self.families[self.primary]]

    @property
    def entries(self) -> list[Entry]:
        """The reference first."""
        return [side.entry for side in self.aligned.sides]


def compare(asked: Asked) -> dict[str, Any]:
    """Read, align, compare, tell. Raises InputError where there is nothing to compare."""
    entries = entries_of(asked.runs)
    privacy.hide(privacy.hidden() or any(entry.run.report.get("hidden") for entry in entries))
    aligned = align(entries)
    metrics, unknown = _metrics(asked, aligned.sides)
    clusters = clusters_of(aligned, asked.cluster)
    pairs = declared(aligned.sides, asked.pairs)
    wanted = margins(metrics, next(iter(metrics)), asked.margin)
    families = {name: _family(metric, pairs, clusters, wanted[name]) for name, metric in metrics.items()}
    found = Found(asked, aligned, metrics, clusters, families, unknown)
    return _about(found) | _outcome(found) | _evidence(found)


def _metrics(asked: Asked, sides: Sequence[Side]) -> tuple[dict[str, Metric], list[settings.Finding]]:
    """The metrics, the primary one first, and a finding for each of the runs' own that cannot be loaded."""
    recipes = [entry.run.setting("evaluate.metrics") or [] for entry in (side.entry for side in sides)]
    primary = [side.entry.run.report["primary"] for side in sides]
    kind = sides[0].entry.run.kind
    usual = USUAL.get(kind, ())
    names = asked.metrics or dict.fromkeys([*primary, *(name for some in recipes for name in some), *usual])
    found, findings = {}, []
    for name in names:
        try:
            metric = metric_registry.load(name)
        except InputError as error:
            if asked.metrics or name == primary[0]:
                raise
            findings.append(settings.note(f"not compared by {name}: {error.message}"))
            continue
        if kind not in metric.kinds:
            what = f"{name} is no metric of {kind}, which these runs predict"
            raise InputError(what, f"choose from {', '.join(metric_registry.family(kind))}")
        if asked.metrics or name == primary[0] or any(not np.isnan(metric.compute(side.scored)) for side in sides):
            found[name] = metric
    return found, findings


def _family(metric: Metric, pairs: Sequence[Pair], clusters: Clusters, margin: float | None) -> list[Judged]:
    found = compare_all(metric, pairs, clusters.units, margin)
    return [Judged(pair, one, rows_needed(metric, pair, one)) for pair, one in zip(pairs, found, strict=True)]


def _about(found: Found) -> dict[str, Any]:
    """What is compared, on which rows."""
    entries, run = found.entries, found.entries[0].run
    return {
        "schema": SCHEMA,
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": found.asked.command,
        "task": run.task,
        "kind": run.kind,
        "labels": list(_Names.of(found.aligned).labels),
        "hidden": privacy.hidden(),
        "primary": found.primary,
        "metrics": [{"name": name, "higher_is_better": one.higher_is_better} for name, one in found.metrics.items()],
        "margin": {name: family[0].found.margin for name, family in found.families.items()},
        "family": len(found.pairs),
        "pairs": found.asked.pairs,
        "subject": _subject(found.pairs),
        "entries": [entry_of(entry, entry is entries[0]) for entry in entries],
        "rows": {
            "compared": len(found.aligned),
            "left_out": [{"why": why, "rows": rows} for why, rows in found.aligned.left_out],
            "units": found.clusters.number,
            "clustered_by": found.clusters.column,
        },
    }


def _outcome(found: Found) -> dict[str, Any]:
    """Scores, comparisons and the verdict."""
    judged, accuracy = found.families[found.primary], found.families.get("accuracy", ())
    lines = [_comparison(found.metrics[name], one) for name, family in found.families.items() for one in family]
    return {
        "scores": {side.entry.name: _scores(side, found.metrics, found.clusters) for side in found.aligned.sides},
        "comparisons": lines,
        "by_fold": _by_fold(found.metrics, found.pairs),
        "verdict": verdict(found.metrics[found.primary], judged, accuracy, found.clusters.column),
    }


def _evidence(found: Found) -> dict[str, Any]:
    """Row by row, slice by slice, and at which cost."""
    aligned, pairs, metric = found.aligned, found.pairs, found.metrics[found.primary]
    names = _Names.of(aligned)
    columns = {column: names.slice(column, values) for column, values in slices_of(aligned).items()}
    changed, cut = flips(aligned, pairs, Shown(names.labels, names.row_ids(aligned), columns, not privacy.hidden()))
    values = {side.entry.name: metric.compute(side.scored) for side in aligned.sides}
    apart = any(pair.a.folds is not None and pair.b.folds is not None and not pair.same_folds for pair in pairs)
    differing = settings.findings(found.entries, dict(aligned.left_out), len(aligned), apart)
    return {
        "flips": changed,
        "flips_left_out": cut,
        "slices": slices(aligned.sides, columns, metric, found.clusters.units),
        "cost": costs(found.entries, metric, values),
        "matrix": None,
        "findings": [*differing, *found.clusters.findings(aligned), *found.unknown],
    }


@dataclass(frozen=True)
class _Names:
    """Labels, slices and row ids as they may be shown: runs that hid their rows have done so already."""

    mask: Mask
    labels: tuple[str, ...]

    @classmethod
    def of(cls, aligned: Aligned) -> _Names:
        run = aligned.sides[0].entry.run
        mask = Mask(on=False) if run.report.get("hidden") else mask_of(run.labels)
        return cls(mask, tuple(shown_labels(run.labels, run.kind, mask)))

    def slice(self, column: str, values: Any) -> np.ndarray:
        return np.array([self.mask.name(column, str(value)) for value in values.to_pylist()], dtype=str)

    def row_ids(self, aligned: Aligned) -> list[str]:
        ids = aligned.rows["row_id"].to_pylist()
        return [self.mask.digest(row) for row in ids] if self.mask.on else ids


def _subject(pairs: Sequence[Pair]) -> str:
    """Of all pairs together: the least that can be said of any."""
    found = {pair.subject for pair in pairs}
    return next(subject for subject in ("adapters", "procedures", "recipes") if subject in found)


def entry_of(entry: Entry, reference: bool) -> dict[str, Any]:
    """What took part, in a document."""
    return {
        "name": entry.name,
        "run": str(entry.run.path),
        "predictor": entry.predictor,
        "method": entry.method,
        "base": entry.run.report["base"]["name"],
        "seeds": list(entry.seeds),
        "folds": entry.run.folds,
        "reference": reference,
    }


def _scores(side: Side, metrics: Mapping[str, Metric], clusters: Clusters) -> dict[str, tables.Entry]:
    """Every metric with its interval; of several seeds the delivered one's, with the mean in the note."""
    folds = side.entry.run.folds
    notes = [f"out of fold: of the procedure in {folds} folds, not of one adapter"] if folds else []
    found: dict[str, tables.Entry] = {}
    for name, metric in metrics.items():
        said = list(notes)
        if len(side.by_seed) > 1:
            mean = np.mean([metric.compute(scored) for scored in side.by_seed.values()])
            said.append(f"of seed {side.entry.delivered}; the mean of {len(side.by_seed)} seeds is {mean:.3f}")
        note = "; ".join(said)
        found |= tables.scores_of(side.scored, {name: metric}, clusters.units, note) | chance(metric, side)
    return found


def _comparison(metric: Metric, judged: Judged) -> dict[str, Any]:
    found: Comparison = judged.found
    return {
        "a": judged.name,
        "b": judged.reference,
        "metric": metric.name,
        "subject": judged.pair.subject,
        "value": tables.plain(found.value),
        "reference": tables.plain(found.reference),
        "difference": {"value": tables.plain(found.difference), "low": found.low, "high": found.high},
        "p_value": found.p_value,
        "corrected": found.corrected,
        "correction": found.correction,
        "test": found.test,
        "rows": found.rows,
        "units": found.units,
        "fixed": found.fixed,
        "broken": found.broken,
        "smallest_effect": found.smallest_effect,
        "rows_needed": judged.needed,
        "margin": found.margin,
        "outcome": found.outcome,
        "sentence": sentence(metric, judged),
        "note": found.note,
    }


def _by_fold(metrics: Mapping[str, Metric], pairs: Sequence[Pair]) -> list[dict[str, Any]]:
    lines = []
    for name, metric in metrics.items():
        for pair in pairs:
            if (found := by_fold(metric, pair)) is not None:
                who = {"a": pair.a.entry.name, "b": pair.b.entry.name, "metric": name}
                lines.append(who | {"folds": found, "meaning": folded.MEANING})
    return lines
