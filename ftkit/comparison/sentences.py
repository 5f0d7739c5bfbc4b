"""Comparisons in words: B is better than A, or nobody can tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any

from ftkit.comparison.pairs import ENOUGH_SEEDS, Pair, Subject
from ftkit.metrics import Metric
from ftkit.metrics.accuracy import Accuracy
from ftkit.statistics import folded, wording
from ftkit.statistics.paired import Comparison

COUNTED = {
    "better": "better",
    "equivalent": "equivalent",
    "not worse": "not worse",
    "cannot tell": "undecided",
    "worse": "worse",
}
"""outcomes in the order of a sentence"""
SCOPE: dict[Subject, str] = {
    "adapters": "The verdict is on these adapters, one seed each, and not on their recipes: "
    f"that needs --seeds {ENOUGH_SEEDS} or more on both sides.",
    "procedures": "The verdict is on these procedures, one seed each: every row was predicted by a model that had not "
    f"seen it. {folded.MEANING}",
    "recipes": "The verdict is on the recipes: seeds are crossed with rows, so it holds for others of both.",
}


@dataclass(frozen=True)
class Judged:
    """A pair with what was found of it."""

    pair: Pair
    found: Comparison
    needed: int | None
    """see `pairs.rows_needed`"""

    @property
    def name(self) -> str:
        """Of A."""
        return self.pair.a.entry.name

    @property
    def reference(self) -> str:
        """Of B."""
        return self.pair.b.entry.name


def sentence(metric: Metric, judged: Judged) -> str:
    """The verdict on one pair."""
    found, (a, b) = judged.found, _names(judged)
    margin = "" if found.margin is None else wording.size(found.margin, metric)
    proof = wording.evidence(found, metric)
    if found.same:
        value = f"{wording.measure(metric)} {found.value:.3f}"
        return f"{a} answers exactly as {b} does on all {wording.rows(found.rows)} ({value})."
    said = {
        "better": f"{a} is better than {b}: {proof}.",
        "worse": f"{a} is worse than {b}: {proof}.",
        "equivalent": f"{a} is as good as {b}, within {margin}: {proof}.",
        "not worse": f"{a} is at most {margin} worse than {b}, and may be better: {proof}.",
    }
    short = wording.evidence(found, metric, counted=False)
    nobody = f"Nobody can tell {a} from {b} on these {wording.rows(found.rows)}: {short}."
    return said.get(found.outcome, nobody) + _unsure(metric, judged)


def verdict(
    metric: Metric, family: Sequence[Judged], accuracy: Sequence[Judged], clustered_by: str | None
) -> dict[str, Any]:
    """One sentence on all pairs by the primary metric, and what it rests on; `accuracy` are the same pairs by it."""
    chosen = _best(metric, family)
    said = sentence(metric, chosen)
    if len(family) > 1:
        counts = Counter(one.found.outcome for one in family)
        listed = ", ".join(f"{counts[outcome]} {word}" for outcome, word in COUNTED.items() if counts[outcome])
        said = f"{_lead(family)}: {listed}. {said}"
    details = [*_accuracy_instead(chosen, accuracy), *_conditions(family, clustered_by)]
    return {"sentence": said, "outcome": chosen.found.outcome, "details": details}


def _names(judged: Judged) -> tuple[str, str]:
    a, b = judged.name, judged.reference
    if judged.pair.subject == "recipes":
        return f"The recipe of {a}", f"that of {b}"
    return a, b


def _unsure(metric: Metric, judged: Judged) -> str:
    found = judged.found
    if found.outcome not in ("cannot tell", "not worse"):
        return ""
    if found.note:
        return f" There is no interval: {found.note}."
    text = f" {wording.power(found, metric)}" if found.p_value is not None else ""
    if judged.needed is not None and found.margin is not None and judged.needed > found.rows:
        rows = f"about {_rounded(judged.needed):,} labelled test rows"
        text += f" To find one of {wording.size(found.margin, metric)} as surely takes {rows}."
    return text


def _accuracy_instead(chosen: Judged, accuracy: Sequence[Judged]) -> list[str]:
    """Accuracy needs fewer rows: it is told where the primary metric has no interval."""
    other = next((one.found for one in accuracy if one.pair is chosen.pair), None)
    if chosen.found.low is not None or chosen.found.same or other is None or other.low is None:
        return []
    proof = wording.evidence(other, Accuracy(name="accuracy"))
    return [f"By accuracy the outcome is “{other.outcome}”: {proof}."]


def _rounded(number: int) -> int:
    """Two significant digits, upwards: more would promise too much."""
    step = int(10 ** max(0, len(str(number)) - 2))
    return -(-number // step) * step


def _best(metric: Metric, family: Sequence[Judged]) -> Judged:
    """The pair of the entry that scores highest: with the next best, or with the reference if all are against it."""
    sign = 1 if metric.higher_is_better else -1
    scores: dict[str, float] = {}
    for one in family:
        scores |= {one.name: sign * one.found.value, one.reference: sign * one.found.reference}
    order = sorted(scores, key=lambda name: float("inf") if isnan(scores[name]) else -scores[name])
    place = {name: number for number, name in enumerate(order)}
    return min(family, key=lambda one: sorted((place[one.name], place[one.reference])))


def _lead(family: Sequence[Judged]) -> str:
    references = {one.reference for one in family}
    if len(references) == 1:
        return f"Of {len(family)} compared with {references.pop()}"
    return f"Of {len(family)} pairs, each against the one named before it"


def _conditions(family: Sequence[Judged], clustered_by: str | None) -> list[str]:
    said = [SCOPE[subject] for subject in dict.fromkeys(one.pair.subject for one in family)]
    if len(family) > 1:
        text = f"The {len(family)} pairs are one family, corrected together (Holm)."
        said.append(f"{text} Other metrics are corrected among themselves, and decide nothing.")
    units = next((one.found.units for one in family if one.found.units is not None), None)
    if units is not None and clustered_by is not None:
        said.append(f"The rows belong to {units:,} units of {clustered_by}; intervals and tests are by unit.")
    same = [one for one in family if one.found.same]
    if same:
        said.append("Answers that agree on all of these rows may still differ on others.")
    return said
