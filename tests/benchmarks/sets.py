"""The labelled data of the benchmark: which rows, how few of them are trained on, and what is to be reached.

The files are those of ../shared/data, or of any folder that holds them under the same names. They are
read where they lie; what a contestant gets is a CSV file of its rows with the columns `text` and `label`.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from measure import draw, read_rows, write_rows

COLUMNS = ("text", "label")
Row = tuple[str, ...]
"""text, label"""
Halves = tuple[list[Row], list[Row]]
"""rows to draw from, test rows"""


@dataclass(frozen=True)
class Set:
    """One data set as a user with few labels would have it."""

    name: str
    read: Callable[[Path], Halves]
    per_label: int
    """training rows of each label, drawn anew for each repetition"""
    target: float
    """test accuracy whose time is taken"""
    pairs: int
    """SetFit's pairs of either kind a training row (`num_iterations`)"""
    batch: int
    """rows in one step of Trainer at its best"""
    passes: tuple[int, int]
    """of Trainer as documented and at its best, at the highest learning rate; none does better with more"""
    rate: float = 5e-3
    """learning rate of Trainer that was best when this was written"""

    def write(self, data: Path, folder: Path, repetition: int, fewer: Fewer) -> tuple[Path, Path]:
        """`train.csv` and `test.csv` of one repetition in a new folder; the test rows are always the same."""
        pool, test = (distinct(rows) for rows in self.read(data))
        tested = {squeezed(text) for text, _ in test}
        pool = [row for row in pool if squeezed(row[0]) not in tested]
        kept = sorted({label for _, label in test})[: fewer.labels]
        pool, test = ([row for row in rows if row[1] in kept] for rows in (pool, test))
        train, test = draw(pool, min(self.per_label, fewer.per_label), seed=repetition), thinned(test, fewer.test)
        folder.mkdir(parents=True)
        return write_rows(folder / "train.csv", COLUMNS, train), write_rows(folder / "test.csv", COLUMNS, test)


@dataclass(frozen=True)
class Fewer:
    """What is left of a set where less is asked for."""

    labels: int = 10**9
    per_label: int = 10**9
    test: int = 10**9
    """test rows"""

    def and_test(self, most: int) -> Fewer:
        """With at most so many test rows."""
        return replace(self, test=min(self.test, most))


def squeezed(text: str) -> str:
    """A text without what blanks and line breaks tell."""
    return " ".join(text.split())


def distinct(rows: Iterable[Row]) -> list[Row]:
    """Rows with a text, each text once."""
    kept = {squeezed(text): (text, label) for text, label in reversed(list(rows))}
    kept.pop("", None)
    return list(reversed(kept.values()))


def thinned(rows: list[Row], most: int) -> list[Row]:
    """At most so many rows, in their old order; always the same ones."""
    if len(rows) <= most:
        return rows
    return [rows[i] for i in sorted(np.random.default_rng(0).choice(len(rows), most, replace=False))]


def apart(rows: list[Row], test: int) -> Halves:
    """A set without an official split: always the same rows are tested."""
    held = set(thinned(rows, test))
    return [row for row in rows if row not in held], [row for row in rows if row in held]


def banking(data: Path) -> Halves:
    """Messages to a bank, 77 intents; official split."""
    folder = data / "banking77_en"
    pool, test = (read_rows(folder / f"{part}.csv", ("text", "category")) for part in ("train", "test"))
    return pool, test


def emotion(data: Path) -> Halves:
    """Tweets, 4 emotions; official split."""
    folder = data / "tweets_en"
    pool, test = (read_rows(folder / f"emotion_{part}.csv", ("text", "label_name")) for part in ("train", "test"))
    return pool, test


def shopping(data: Path) -> Halves:
    """Chinese reviews of goods, pleased or not; 2,000 test rows."""
    rows = read_rows(data / "shopping_reviews_zh" / "reviews.csv", ("review", "label"))
    return apart(distinct(named(rows)), 2000)


def site(name: str) -> Callable[[Path], Halves]:
    """Sentences from the reviews of one site, pleased or not; 700 test rows."""

    def read(data: Path) -> Halves:
        with (data / "review_sentences_en" / f"{name}_labelled.txt").open(newline="\n", encoding="utf-8") as file:
            rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
        return apart(distinct(named(rows)), 700)

    return read


def named(rows: Iterable[Iterable[str]]) -> list[Row]:
    """Labels 0 and 1 by name."""
    return [(text, {"0": "negative", "1": "positive"}[label]) for text, label in rows]


SETS = {
    one.name: one
    for one in (
        Set("banking77_10", banking, per_label=10, target=0.80, pairs=5, batch=16, passes=(20, 20)),
        Set("banking77_5", banking, per_label=5, target=0.68, pairs=5, batch=16, passes=(20, 20)),
        Set("amazon", site("amazon"), per_label=50, target=0.80, pairs=20, batch=8, passes=(16, 8)),
        Set("imdb", site("imdb"), per_label=50, target=0.80, pairs=20, batch=8, passes=(16, 8)),
        Set("yelp", site("yelp"), per_label=50, target=0.80, pairs=20, batch=8, passes=(16, 8)),
        Set("emotion", emotion, per_label=50, target=0.60, pairs=10, batch=8, passes=(16, 8)),
        Set("shopping_zh", shopping, per_label=50, target=0.60, pairs=5, batch=8, passes=(16, 8), rate=2e-3),
    )
}
