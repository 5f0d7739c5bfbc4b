"""Did adapting help? One sentence, and what it rests on.

The adapter is compared with each baseline on the same rows. Those comparisons are one family,
corrected by Holm's method, so naming the best baseline after seeing all of them is no unfair choice;
the sentence is about the best one by the primary metric (of equals, what took no training). A baseline
that the metric cannot score (no scores for log-loss) takes no part.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ftkit.metrics import Metric, Scored
from ftkit.metrics.accuracy import Accuracy
from ftkit.statistics import wording
from ftkit.statistics.folded import covers, stretch, trials, widened
from ftkit.statistics.paired import Comparison, compare, holm_family
from ftkit.statistics.wording import (
    MAJORITY,
    MEAN,
    MEDIAN,
    NEAREST_PLACE,
    NEIGHBOURS,
    PROBE,
    RAW,
    SCRATCH,
    SHAPES,
    TFIDF,
    WITHOUT,
)

ORDER = (
    *("source", PROBE, "nearest_neighbour", SCRATCH, TFIDF, SHAPES, NEIGHBOURS, NEAREST_PLACE, RAW),
    *(MAJORITY, MEDIAN, MEAN),
)
"""of baselines with equal scores the first is named"""
UNSURE = ("cannot tell", "not worse")


def judge(
    metric: Metric,
    adapted: Scored,
    baselines: Mapping[str, Scored],
    units: np.ndarray | None = None,
    folds: int = 0,
    seeds: int = 1,
    subject: str = "adapter",
) -> dict[str, Any]:
    """The report's verdict on one `subject`, or with folds on the procedure."""
    value = metric.compute(adapted)
    able = {name: found for name, found in baselines.items() if not np.isnan(metric.compute(found))}
    if np.isnan(value) or not able:
        return _without(metric, value, len(adapted))
    alone = [compare(metric, adapted, one, units, family=len(able)) for one in able.values()]
    times = stretch(folds, trials(adapted, units))
    found = holm_family([widened(metric, one, times) for one in alone])
    family = dict(zip(able, found, strict=True))
    name = best(metric, family)
    chosen = family[name]
    details = [
        *_changes(subject, name, chosen, adapted.kind),
        *_about_probe(metric, subject, name, family),
        *_accuracy_instead(metric, chosen, adapted, able[name], units, times),
        *_conditions(metric, subject, chosen, len(family)),
        *_scope(subject, chosen, folds, seeds, times),
    ]
    said = sentence(metric, name, chosen, subject)
    return {"sentence": said, "details": details, "reference": name, **_numbers(metric, chosen)}


def _numbers(metric: Metric, found: Comparison) -> dict[str, Any]:
    return {
        "outcome": found.outcome,
        "metric": metric.name,
        "difference": {"value": found.difference, "low": found.low, "high": found.high},
        "p_value": found.corrected,
        "correction": found.correction,
        "rows": found.rows,
        "fixed": found.fixed,
        "broken": found.broken,
        "smallest_effect": found.smallest_effect,
    }


def best(metric: Metric, family: Mapping[str, Comparison]) -> str:
    """The best baseline by the metric."""
    sign = 1 if metric.higher_is_better else -1
    order = {name: place for place, name in enumerate(ORDER)}
    return max(family, key=lambda name: (sign * family[name].reference, -order.get(name, len(ORDER))))


def sentence(metric: Metric, name: str, found: Comparison, subject: str = "adapter") -> str:
    """The verdict in words; if a model without pretraining is ahead, that comes first."""
    proof, other, margin = wording.evidence(found, metric), wording.predictor(name), _margin(metric, found)
    if found.same:
        value = f"{wording.measure(metric)} {found.value:.3f}"
        where = "the only row" if found.rows == 1 else f"all {wording.rows(found.rows)}"
        return f"The {subject} answers exactly as {other} does on {where} ({value})."
    if name in WITHOUT and found.difference < 0:
        return f"{WITHOUT[name]} {_ahead(found, subject, margin)}: the {subject} has {proof}." + _unsure(metric, found)
    said = {
        "better": f"The {subject} is better than {other}: {proof}.",
        "worse": f"The {subject} is worse than {other}: {proof}.",
        "equivalent": f"The {subject} is as good as {other}, within {margin}: {proof}.",
        "not worse": f"The {subject} is at most {margin} worse than {other}, and may be better: {proof}.",
    }
    short = wording.evidence(found, metric, counted=False)
    nobody = f"Nobody can tell the {subject} from {other} on {_these(found)}: {short}."
    return said.get(found.outcome, nobody) + _unsure(metric, found)


def _ahead(found: Comparison, subject: str, margin: str) -> str:
    if found.outcome == "worse":
        return f"does better than this {subject}"
    if found.outcome == "equivalent":
        return f"does as well as this {subject}, within {margin}"
    return f"scores higher than this {subject}, which may be chance"


def _unsure(metric: Metric, found: Comparison) -> str:
    if found.outcome not in UNSURE:
        return ""
    return f" There are {found.note}." if found.note else f" {wording.power(found, metric)}"


def _these(found: Comparison) -> str:
    return "this 1 row" if found.rows == 1 else f"these {wording.rows(found.rows)}"


def _margin(metric: Metric, found: Comparison) -> str:
    return "" if found.margin is None else wording.size(found.margin, metric)


def _changes(subject: str, name: str, found: Comparison, kind: str) -> list[str]:
    other = wording.predictor(name)
    if found.same:
        return []
    if kind == "values":
        closer = wording.rows(found.fixed)
        return [f"The {subject} comes closer than {other} on {closer}, and {other} on {found.broken:,}."]
    if not found.fixed and not found.broken:
        return [f"No row is right with one and wrong with the other, the {subject} or {other}."]
    fixed = wording.rows(found.fixed)
    return [f"Against {other} the {subject} mends {fixed} and breaks {found.broken:,}."]


def _about_probe(metric: Metric, subject: str, name: str, family: Mapping[str, Comparison]) -> list[str]:
    """How it compares with the linear probe, where the sentence is about another baseline."""
    return [] if name == PROBE or PROBE not in family else [sentence(metric, PROBE, family[PROBE], subject)]


def _accuracy_instead(
    metric: Metric, found: Comparison, a: Scored, b: Scored, units: np.ndarray | None, times: float
) -> list[str]:
    """Accuracy needs fewer rows: it is compared where the primary metric has no interval."""
    if found.low is not None or found.same or isinstance(metric, Accuracy) or a.kind not in Accuracy.kinds:
        return []
    accuracy = Accuracy(name="accuracy")
    other = widened(accuracy, compare(accuracy, a, b, units, family=found.family), times)
    if other.low is None:
        return []
    return [f"By accuracy the outcome is “{other.outcome}”: {wording.evidence(other, accuracy)}."]


def _conditions(metric: Metric, subject: str, found: Comparison, family: int) -> list[str]:
    said = []
    if family > 1:
        said.append(f"The {subject} was compared with {family} baselines; p-values are corrected for that (Holm).")
    if found.same:
        said.append(f"All answers agree on these rows; {_elsewhere(metric, found)}.")
    elif found.smallest_effect is not None and found.outcome not in UNSURE:
        said.append(wording.power(found, metric))
    if found.units is not None:
        said.append(f"The rows belong to {found.units:,} units; intervals and tests are by unit.")
    return said


def _elsewhere(metric: Metric, found: Comparison) -> str:
    """What answers that agree on all rows say of other rows."""
    if found.low is None or found.high is None:
        return f"how it is on others cannot be said ({found.note})"
    low, high = wording.gap(found.low, metric), wording.gap(found.high, metric)
    return f"on others the difference may still lie between {low.removesuffix(' points')} and {high} (95 % interval)"


def _scope(subject: str, found: Comparison, folds: int, seeds: int, times: float) -> list[str]:
    """What the verdict is on."""
    said = []
    if folds:
        said.append(
            f"The score belongs to the procedure: each row was predicted by a model of {folds} folds that had not "
            "seen it."
        )
    if folds and found.low is not None:
        said.append(
            f"Intervals are {100 * (times - 1):.0f} % wider than of independent rows, because models share training "
            f"rows; in simulations they cover the score on a large fresh sample in {covers(folds)} of cases."
        )
    what = "procedure" if folds else subject
    which = "with one seed" if seeds == 1 else f"with the delivered one of {seeds} seeds"
    return [*said, f"The verdict is on this {what} {which}, not on the recipe."]


def _without(metric: Metric, value: float, number: int) -> dict[str, Any]:
    """The verdict where there is nothing to compare."""
    if not number:
        said = "There are no test rows, so nobody can tell what adapting brought."
    elif np.isnan(value):
        said = f"The {wording.measure(metric)} is not defined on {wording.rows(number)}, so there is no verdict."
    else:
        name = wording.measure(metric)
        said = f"There is no baseline to compare with: {name} {value:.3f} on {wording.rows(number)}."
    nothing = dict.fromkeys(("p_value", "fixed", "broken", "smallest_effect"))
    return {
        "sentence": said,
        "details": [],
        "outcome": "cannot tell",
        "reference": None,
        "metric": metric.name,
        "difference": dict.fromkeys(("value", "low", "high")),
        "correction": "",
        "rows": number,
        **nothing,
    }
