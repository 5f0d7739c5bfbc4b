"""Did adapting help? One sentence, and what it rests on.

The adapter is compared with each baseline on the same rows. Those comparisons are one family,
corrected by Holm's method, so naming the best baseline after seeing all of them is no unfair choice;
the sentence is about the best one by the primary metric (of equals, the linear probe). A baseline
that the metric cannot score (no scores for log-loss) takes no part.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ftkit.metrics import Metric, Scored
from ftkit.metrics.accuracy import Accuracy
from ftkit.statistics import wording
from ftkit.statistics.paired import Comparison, compare, holm_family
from ftkit.statistics.permutation import differs
from ftkit.statistics.wording import MAJORITY, PROBE, TFIDF, WITHOUT

ORDER = (PROBE, "nearest_neighbour", TFIDF, MAJORITY)
"""of baselines with equal scores the first is named"""
UNSURE = ("cannot tell", "not worse")


def judge(
    metric: Metric,
    adapted: Scored,
    baselines: Mapping[str, Scored],
    units: np.ndarray | None = None,
    folds: int = 0,
    seeds: int = 1,
) -> dict[str, Any]:
    """The report's verdict on one adapter, or with folds on the procedure."""
    value = metric.compute(adapted)
    able = {name: found for name, found in baselines.items() if not np.isnan(metric.compute(found))}
    if np.isnan(value) or not able:
        return _without(metric, value, len(adapted))
    found = holm_family([compare(metric, adapted, one, units, family=len(able)) for one in able.values()])
    family = dict(zip(able, found, strict=True))
    name = best(metric, family)
    same = [one for one in able if _same(metric, adapted, able[one])]
    chosen = family[name]
    details = [
        *_changes(name, chosen),
        *_about_probe(metric, name, family, same),
        *_accuracy_instead(metric, chosen, adapted, able[name], units),
        *_conditions(metric, chosen, len(family), folds, seeds),
    ]
    return {
        "sentence": sentence(metric, name, chosen, name in same),
        "details": details,
        "outcome": chosen.outcome,
        "reference": name,
        "metric": metric.name,
        "difference": {"value": chosen.difference, "low": chosen.low, "high": chosen.high},
        "p_value": chosen.corrected,
        "rows": chosen.rows,
        "fixed": chosen.fixed,
        "broken": chosen.broken,
        "smallest_effect": chosen.smallest_effect,
    }


def best(metric: Metric, family: Mapping[str, Comparison]) -> str:
    """The best baseline by the metric."""
    sign = 1 if metric.higher_is_better else -1
    order = {name: place for place, name in enumerate(ORDER)}
    return max(family, key=lambda name: (sign * family[name].reference, -order.get(name, len(ORDER))))


def sentence(metric: Metric, name: str, found: Comparison, same: bool = False) -> str:
    """The verdict in words; if a model without pretraining is ahead, that comes first."""
    proof, other, margin = wording.evidence(found, metric), wording.predictor(name), _margin(metric, found)
    if same:
        value = f"{wording.measure(metric)} {found.value:.3f}"
        where = "the only row" if found.rows == 1 else f"all {wording.rows(found.rows)}"
        return f"The adapter answers exactly as {other} does on {where} ({value})."
    if name in WITHOUT and found.difference < 0:
        return f"{WITHOUT[name]} {_ahead(found, margin)}: the adapter has {proof}." + _unsure(metric, found)
    said = {
        "better": f"The adapter is better than {other}: {proof}.",
        "worse": f"The adapter is worse than {other}: {proof}.",
        "equivalent": f"The adapter is as good as {other}, within {margin}: {proof}.",
        "not worse": f"The adapter is at most {margin} worse than {other}, and may be better: {proof}.",
    }
    short = wording.evidence(found, metric, counted=False)
    nobody = f"Nobody can tell the adapter from {other} on {_these(found)}: {short}."
    return said.get(found.outcome, nobody) + _unsure(metric, found)


def _ahead(found: Comparison, margin: str) -> str:
    if found.outcome == "worse":
        return "does better than this adapter"
    if found.outcome == "equivalent":
        return f"does as well as this adapter, within {margin}"
    return "scores higher than this adapter, which may be chance"


def _unsure(metric: Metric, found: Comparison) -> str:
    if found.outcome not in UNSURE:
        return ""
    return f" There are {found.note}." if found.note else f" {wording.unseen(found, metric)}"


def _these(found: Comparison) -> str:
    return "this 1 row" if found.rows == 1 else f"these {wording.rows(found.rows)}"


def _margin(metric: Metric, found: Comparison) -> str:
    return "" if found.margin is None else wording.size(found.margin, metric)


def _same(metric: Metric, a: Scored, b: Scored) -> bool:
    """Whether nothing that the metric sees differs; scores are kept to about seven digits."""
    if differs(a, b, scores=False).any():
        return False
    scores = a.scores is not None and b.scores is not None
    return not metric.needs_scores or (scores and bool(np.allclose(a.scores, b.scores, atol=1e-6)))  # type: ignore[arg-type]


def _changes(name: str, found: Comparison) -> list[str]:
    other = wording.predictor(name)
    if not found.fixed and not found.broken:
        return [f"No row is right with one and wrong with the other, the adapter or {other}."]
    fixed = wording.rows(found.fixed)
    return [f"Against {other} the adapter mends {fixed} and breaks {found.broken:,}."]


def _about_probe(metric: Metric, name: str, family: Mapping[str, Comparison], same: list[str]) -> list[str]:
    """How the adapter compares with the linear probe, where the sentence is about another baseline."""
    if name == PROBE or PROBE not in family:
        return []
    return [sentence(metric, PROBE, family[PROBE], PROBE in same)]


def _accuracy_instead(metric: Metric, found: Comparison, a: Scored, b: Scored, units: np.ndarray | None) -> list[str]:
    """Accuracy needs fewer rows: it is compared where the primary metric has no interval."""
    if found.low is not None or isinstance(metric, Accuracy):
        return []
    accuracy = Accuracy(name="accuracy")
    other = compare(accuracy, a, b, units, family=found.family)
    if other.low is None:
        return []
    return [f"By accuracy the outcome is “{other.outcome}”: {wording.evidence(other, accuracy)}."]


def _conditions(metric: Metric, found: Comparison, family: int, folds: int, seeds: int) -> list[str]:
    said = []
    if family > 1:
        said.append(f"The adapter was compared with {family} baselines; p-values are corrected for that (Holm).")
    if found.smallest_effect is not None and found.outcome not in UNSURE:
        least = wording.size(found.smallest_effect, metric)
        said.append(f"These rows show a true difference of {least} in 4 of 5 cases, at the strictest corrected level.")
    if found.units is not None:
        said.append(f"The rows belong to {found.units:,} units; intervals and tests are by unit.")
    if folds:
        said.append(
            f"The score belongs to the procedure: each row was predicted by a model of {folds} folds that had not "
            "seen it. The interval treats these rows as independent, although the models share training rows."
        )
    what = "procedure" if folds else "adapter"
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
    nothing = dict.fromkeys(("p_value", "rows", "fixed", "broken", "smallest_effect"))
    return {
        "sentence": said,
        "details": [],
        "outcome": "cannot tell",
        "reference": None,
        "metric": metric.name,
        "difference": dict.fromkeys(("value", "low", "high")),
        **nothing,
        "rows": number,
    }
