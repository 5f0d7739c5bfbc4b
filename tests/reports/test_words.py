"""Numbers and names as people read them."""

from __future__ import annotations

import pytest

from ftkit.reports import words

S = words.SPACE


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.8741, "0.874"),
        (1.0, "1.000"),
        (-0.5, "−0.500"),
        (-0.0001, "0.000"),
        (12.34, "12.3"),
        (1234.5, "1,234"),
        (None, "–"),
    ],
)
def test_score(value: float | None, text: str) -> None:
    assert words.score(value) == text


@pytest.mark.parametrize(
    ("value", "points", "text"),
    [
        (0.023, True, f"+2.3{S}points"),
        (-0.0044, True, f"−0.4{S}points"),
        (0.0004, True, f"0.0{S}points"),
        (-0.0004, True, f"0.0{S}points"),
        (-0.1234, False, "−0.123"),
        (None, True, "–"),
    ],
)
def test_difference(value: float | None, points: bool, text: str) -> None:
    assert words.difference(value, points) == text


def test_intervals() -> None:
    assert words.interval(0.8, 0.9) == "0.800 to 0.900"
    assert words.interval(None, 0.9) == words.interval(0.8, None) == ""
    assert words.differences(-0.004, 0.05, True) == f"−0.4 to +5.0{S}points"
    assert words.differences(None, None, True) == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (1.0, "100"), (0.034, "3.4"), (0.5, "50.0"), (0.0001, f"<{S}0.1"), (0.99999, f">{S}99.9")],
)
def test_share(value: float, text: str) -> None:
    assert words.share(value) == f"{text}{S}%"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.41, "0.4 s"), (9.96, "10 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (192, "3 min 12 s"), (3899, "1 h 05 min")],
)
def test_seconds(value: float, text: str) -> None:
    assert words.seconds(value).replace(S, " ") == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 B"),
        (512, "512 B"),
        (309_800, "310 kB"),
        (999_600, "1.00 MB"),
        (1_134_000_000, "1.13 GB"),
        (3e15, "3000 TB"),
    ],
)
def test_size(value: float, text: str) -> None:
    assert words.size(value).replace(S, " ") == text


def test_counts_and_amounts() -> None:
    assert words.count(1, "row") == f"1{S}row"
    assert words.count(3080, "row") == f"3,080{S}rows"
    assert words.count(None, "row") == "–"
    assert words.magnitude(22_790_000) == f"22.8{S}million"
    assert words.magnitude(812) == "812"
    assert words.probability(0.0004) == "p < 0.001"
    assert words.probability(0.0214) == "p = 0.021"
    assert words.probability(0.724) == "p = 0.72"


def test_names() -> None:
    assert words.words("macro_f1") == "macro F1"
    assert words.words("log_loss") == "log-loss"
    assert words.predictor("nearest_neighbour") == "nearest neighbour"
    assert words.predictor("zero_shot") == "zero shot"
    assert words.labels(["a", "b"]) == ["a", "b"]
    assert words.labels("a") == ["a"]
    assert words.labels(None) == []


def test_moment() -> None:
    assert words.moment("2026-03-03T14:05:12+00:00") == "3 March 2026, 14:05 UTC"
    assert words.moment("2026-03-03T14:05:12") == "3 March 2026, 14:05"
    assert words.moment("yesterday") == "yesterday"
    assert words.moment(None) == "–"


def test_metrics_are_known_by_their_own_files() -> None:
    """Direction and unit come from the registry; a metric of the user's own has neither."""
    assert words.direction("accuracy") and not words.direction("log_loss")
    assert words.in_points("accuracy") and not words.in_points("log_loss")
    assert words.direction("mine.py") and not words.in_points("mine.py")
