"""The tables of the benchmark, from its records."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

from contestants import AUTO, BEST, BLOCKS, EMBEDDINGS, KINDS, LORA, PASSES, SETFIT, TRAINER, Kind
from measure import table
from records import Bound, Record, typical
from sets import SETS, Set

ORDER = (AUTO.name, LORA.name, EMBEDDINGS.name, TRAINER, BEST, SETFIT)
HEADER = [
    *("data set", "by", "test accuracy", "s to result", "s of training", "s to the set accuracy"),
    *("MiB", "s to it / ftkit's", "s to result / ftkit's"),
]


class Found:
    """Records by part and contestant; of several learning rates the best one's count."""

    def __init__(self, records: Iterable[Record], rates: dict[str, float]) -> None:
        self.records = [
            one
            for one in records
            if one.contestant != BEST or one.about.get("lr") == rates.get(one.part, one.about.get("lr"))
        ]

    def of(self, part: str, contestant: str) -> dict[int, Record]:
        """By repetition."""
        return {one.repetition: one for one in self.records if (one.part, one.contestant) == (part, contestant)}

    def ours(self, part: str) -> dict[int, Record]:
        """`method: auto`, or LoRA where that was not measured."""
        return self.of(part, AUTO.name) or self.of(part, LORA.name)

    def pairs(self, part: str, contestant: str) -> list[tuple[Record, Record]]:
        """(ours, theirs) of each repetition that has both."""
        ours, theirs = self.ours(part), self.of(part, contestant)
        return [(ours[i], theirs[i]) for i in sorted(ours.keys() & theirs.keys())]


def where(records: Sequence[Record], machine: str) -> str:
    """On what and when, and how quiet it was."""
    if not records:
        return machine
    times, others = sorted(one.when for one in records), [one.others for one in records]
    return (
        f"{machine} Measured from {times[0]} to {times[-1]}, while other processes kept "
        f"{statistics.median(others):.2f} cores busy (median of the runs; at most {max(others):.2f})."
    )


def of_sets(found: Found) -> str:
    """One line a data set and contestant."""
    lines = [_line(found, one, name) for one in SETS.values() for name in ORDER if found.of(one.name, name)]
    return table(HEADER, lines) if lines else "Not measured yet."


def _line(found: Found, one: Set, name: str) -> list[str]:
    records = list(found.of(one.name, name).values())
    pairs = found.pairs(one.name, name)
    to_it = [theirs.time_to(one.target).over(ours.time_to(one.target).value) for ours, theirs in pairs]
    to_end = [Bound(theirs.seconds / ours.seconds, not theirs.complete) for ours, theirs in pairs]
    itself = records[0] in found.ours(one.name).values()
    return [
        f"{one.name}, {one.target:.2f}",
        name,
        accuracy(records),
        spread([Bound(record.seconds, not record.complete) for record in records]),
        spread([Bound(record.train_seconds, not record.complete) for record in records]),
        spread([record.time_to(one.target) for record in records]),
        f"{statistics.median(record.peak_bytes for record in records) / 2**20:.0f}",
        "1" if itself else spread(to_it) if _reached(found, one) else "–",
        "1" if itself else spread(to_end),
    ]


def _reached(found: Found, one: Set) -> bool:
    """Whether ftkit came to the set accuracy each time; else there is nothing to take a ratio of."""
    return not any(record.time_to(one.target).at_least for record in found.ours(one.name).values())


def of_same_work(found: Found, part: str) -> str:
    """One line a kind of work: seconds of each side for the same passes, and ratios."""
    lines = []
    for kind in KINDS:
        ours = found.of(part, f"ftkit, {kind.name}")
        if not ours:
            continue
        cells = [kind.name, spread([Bound(work_seconds(one, kind)) for one in ours.values()])]
        for name in (TRAINER, BEST):
            theirs = found.of(part, f"{name}, {kind.name}")
            cells.append(spread([Bound(whole(one)) for one in theirs.values()]))
            cells.append(spread(ratios(found, part, kind, name)))
        cells.append(spread([Bound(pace(one)) for one in ours.values()]))
        lines.append([*cells, spread([Bound(one) for one in shares(found, part, kind)])])
    header = ["what trains", "ftkit s", f"{TRAINER} s", "ratio", f"{BEST} s", "ratio"]
    header += ["ftkit s an epoch after the first", "of one of LoRA on all layers"]
    return table(header, lines) if lines else "Not measured yet."


def work_seconds(record: Record, kind: Kind) -> float:
    """ftkit's passes, and its one pass through the frozen layers where there are any.

    The probe, which Trainer does not solve, is left out, and so is the pass through the untouched
    base where all layers train: only the probe needs it.
    """
    once = 0.0 if kind.blocks == BLOCKS else float(record.about["phases"]["features"])
    return float(sum(record.about["epoch_seconds"])) + once


def whole(record: Record) -> float:
    """Seconds of all passes of a rival; those of a quick run are continued at their pace."""
    took = record.about["epoch_seconds"]
    return float(sum(took)) + (PASSES - len(took)) * pace(record)


def pace(record: Record) -> float:
    """Seconds of a pass after the first."""
    return float(statistics.median(record.about["epoch_seconds"][1:]))


def ratios(found: Found, part: str, kind: Kind, name: str) -> list[Bound]:
    """Of each repetition: seconds of training of the rival, divided by ours."""
    ours, theirs = found.of(part, f"ftkit, {kind.name}"), found.of(part, f"{name}, {kind.name}")
    return [Bound(whole(theirs[i]) / work_seconds(ours[i], kind)) for i in sorted(ours.keys() & theirs.keys())]


def shares(found: Found, part: str, kind: Kind) -> list[float]:
    """Of each repetition: ftkit's epochs after the first, as a share of those with LoRA on all layers."""
    mine, full = (found.of(part, f"ftkit, {one.name}") for one in (kind, KINDS[0]))
    return [pace(mine[i]) / pace(full[i]) for i in sorted(mine.keys() & full.keys())]


def accuracy(records: Sequence[Record]) -> str:
    """Mean over repetitions, with the interval that so many test rows give; draws of training rows differ by more."""
    mean = statistics.fmean(record.accuracy for record in records)
    low, high = wilson(mean, len(records[0].right) - records[0].right.count("-"))
    return f"{mean:.3f} ({low:.3f} to {high:.3f})"


def wilson(share: float, rows: int, confidence: float = 0.95) -> tuple[float, float]:
    """Interval of a share of `rows` (Wilson 1927)."""
    z = statistics.NormalDist().inv_cdf(0.5 + confidence / 2)
    centre = (share + z * z / (2 * rows)) / (1 + z * z / rows)
    half = z / (1 + z * z / rows) * (share * (1 - share) / rows + z * z / (4 * rows * rows)) ** 0.5
    return max(0.0, centre - half), min(1.0, centre + half)


def spread(values: Sequence[Bound]) -> str:
    """`12.3 (11.9 to 12.8)`: median and range."""
    if not values:
        return "–"
    low, high = (Bound(pick(one.value for one in values)) for pick in (min, max))
    return str(typical(values)) + (f" ({low} to {high})" if len(values) > 1 else "")
