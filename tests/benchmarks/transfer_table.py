"""The table of transfer: what the repetitions of a pair come to, its verdict, and rows kept from earlier runs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from measure import table
from pairs import Pair
from spreads import half_of_both, half_width

from ftkit import metrics
from ftkit.metrics import Metric
from ftkit.statistics.wording import METRICS, gap

MARGIN = 0.01
"""a mean difference within a point either way, with its interval, counts as equal; of other numbers a hundredth"""
COLUMNS = ("from_scratch", "raw_neighbour", "source", "linear_probe", "adapted")
WITHOUT = COLUMNS[:2]
"""what learns from the target rows alone"""
STAND_INS = {"tfidf": "TF-IDF", "token_shapes": "token shapes", "motion": "motion alone"}
"""in the first column where a field has no small model to train from scratch"""
NEIGHBOURS = "weighted_neighbours"
"""in the second column where a field has them, which are stronger"""
PEOPLE = {
    "from_scratch": "training from scratch",
    "raw_neighbour": "the raw neighbour",
    "source": "the source as it is",
    "linear_probe": "the probe",
}
HEADER = (
    *("source → target", "target labels a class", "metric", "from scratch", "raw neighbour", "source unadapted"),
    *("probe", "best adapter", "chosen", "seconds", "adapter", "measured", "verdict"),
)


@dataclass(frozen=True)
class Result:
    """A pair, measured."""

    pair: Pair
    scores: np.ndarray
    """(repetitions, `COLUMNS`) of the task's first metric; nan where there is no such baseline"""
    metric: str
    labelled: float
    """target rows that were labelled, on average"""
    tested: int
    source_seconds: float
    seconds: float
    """of one adaptation with its report, on average"""
    bytes: float
    """of the adapter, on average"""
    methods: tuple[str, ...]
    """chosen, by repetition"""
    over_rows: Sequence[Mapping[str, tuple[float, float]]] = ()
    """by repetition, the interval of adapted less another column, paired over the test rows; none where each
    repetition tests rows of its own, so that their spread over repetitions tells of rows as well"""
    stand_in: str = ""
    """the baseline in the column `from_scratch`, where that is another one"""

    def best(self, names: Sequence[str]) -> str:
        """The best of some columns on average over repetitions; empty where none was measured."""
        means = {name: sign(self.measure) * self.scores[:, COLUMNS.index(name)].mean() for name in names}
        known = {name: value for name, value in means.items() if not np.isnan(value)}
        return max(known, key=lambda name: known[name], default="")

    @property
    def measure(self) -> Metric:
        """The metric, which knows its direction."""
        return metrics.load(self.metric)

    def gained(self, against: str) -> tuple[float, float, float]:
        """By how much adapted is better than another column: mean over repetitions, and its interval.

        That of several repetitions is of another draw of the labelled rows and, where all have the same test rows, of
        other test rows: as these err alike in each, their part does not shrink with repetitions. One repetition has
        only the latter; nan where its rows do not give one.
        """
        each = sign(self.measure) * (self.scores[:, -1] - self.scores[:, COLUMNS.index(against)])
        value, ends = float(each.mean()), [one[against] for one in self.over_rows if against in one]
        if len(each) == 1:
            low, high = sorted(sign(self.measure) * end for end in (ends or [(float("nan"), float("nan"))])[0])
            return value, low, high
        half = half_of_both(each, ends)
        return value, value - half, value + half

    def verdict(self) -> str:
        """Whether transfer pays against the target rows alone, and adapting against what costs no training."""
        found, alone = [], self.best(WITHOUT)
        if alone:
            found.append(self._said("transfer", alone))
        best = self.best(COLUMNS[:-1])
        if best not in WITHOUT and self.labelled:
            found.append(self._said("adapting beyond that", best))
        return "; ".join(found)

    def _said(self, what: str, against: str) -> str:
        """`transfer pays: +16.6 points (+11.0 to +22.1) over training from scratch`."""
        value, low, high = self.gained(against)
        points = self.measure.bounds == (0.0, 1.0)
        margin = MARGIN if points else MARGIN * abs(float(self.scores[:, COLUMNS.index(against)].mean()))
        stands_in = against == "from_scratch" and self.stand_in
        name = STAND_INS[self.stand_in] if stands_in else PEOPLE[against]
        numbers = " to ".join(gap(one, self.measure).removesuffix(" points") for one in (low, high))
        said = f"{gap(value, self.measure)} ({numbers})"
        if not points:
            said = f"{METRICS.get(self.metric, self.metric)} better by {said}"
        if max(-low, high) < margin:
            return f"{what} does not pay: within {'a point' if points else '1 %'} of {name}"
        if low > 0:
            return f"{what} pays: {said} over {name}"
        if high < 0:
            return f"{what} does not pay: {said} against {name}"
        return f"{what}: cannot tell, {said} against {name}"


def sign(metric: Metric) -> float:
    """1 where more is better, -1 where less is."""
    return 1.0 if metric.higher_is_better else -1.0


def row(result: Result, remark: str = "") -> list[str]:
    """A line of the table; `remark` says when it was measured."""
    pair = result.pair
    counted = "all" if pair.per_label is None else str(pair.per_label)
    draws = "1 draw, intervals of test rows" if len(result.scores) == 1 else f"{len(result.scores)} draws"
    if len(result.scores) > 1 and result.over_rows:
        draws += " and test rows"
    return [
        pair.name,
        f"{counted} ({result.labelled:.0f} in all)",
        METRICS.get(result.metric, result.metric),
        *(_cell(result, place) for place in range(len(COLUMNS))),
        " ".join(dict.fromkeys(result.methods)),
        f"{result.seconds:.0f}",
        f"{result.bytes / 1000:.0f} kB",
        f"{remark}, {draws}".removeprefix(", "),
        result.verdict(),
    ]


def _cell(result: Result, place: int) -> str:
    """`0.748 ± 0.184`; of a baseline that stands in for another with its name; a dash for none."""
    values = result.scores[:, place]
    if np.isnan(values).any():
        return "–"
    half = half_width(values)
    spread = "" if np.isnan(half) else f" ± {half:.3f}"
    name = f" ({STAND_INS[result.stand_in]})" if place == 0 and result.stand_in else ""
    return f"{values.mean():.3f}{spread}{name}"


def kept(readme: Path) -> dict[str, list[str]]:
    """Rows of the table as a README holds them, by pair; those of another shape are left out."""
    found = re.search(r"<!-- transfer -->\n(.*?)<!-- /transfer -->", readme.read_text(encoding="utf-8"), re.DOTALL)
    lines = [line for line in (found[1] if found else "").splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]
    return {line[0]: line for line in cells if len(line) == len(HEADER)}


def written(rows: Mapping[str, list[str]], order: Iterable[str]) -> str:
    """The table of the pairs that there are rows of, in their order."""
    return table(HEADER, [rows[name] for name in order if name in rows])
