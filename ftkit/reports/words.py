"""Numbers and names as people read them: 0.874, +2.3 points, 3 min 12 s, linear probe.

Every page, card and terminal summary formats through these functions, so that one value looks the
same wherever it is shown. None is a value that could not be computed and becomes a dash.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from pathlib import PurePath
from typing import Any

NONE = "–"
SPACE = "\u00a0"
"""no-break: a number and its unit stay on one line"""

LEVEL = f"95{SPACE}%"
"""of every interval"""

PREDICTORS = {
    "adapted": "adapted model",
    "base": "untouched base",
    "majority": "majority label",
    "mean": "mean",
    "median": "median",
    "tfidf": "TF-IDF",
    "from_scratch": "from scratch",
    "raw_neighbour": "raw neighbour",
    "weighted_neighbours": "weighted neighbours",
    "nearest_place": "nearest place",
    "mean_frame": "mean picture",
    "source": "source model",
    "nearest_neighbour": "nearest neighbour",
    "linear_probe": "linear probe",
}
ABOUT = {
    "adapted": "this run",
    "majority": "always the most frequent label",
    "mean": "of the training rows, always",
    "median": "of the training rows, always",
    "tfidf": "words and letters, no pretraining",
    "from_scratch": "a small model on these rows alone, no pretraining",
    "raw_neighbour": "nearest neighbour of raw inputs, no model",
    "weighted_neighbours": "weighted mean of the nearest labelled rows, no model",
    "nearest_place": "the place whose mean row is nearest, no model",
    "motion": "how much changes from picture to picture, no pretraining",
    "mean_frame": "linear probe on a clip's mean picture: the scene without what happens",
    "source": "the earlier run that is the base, not adapted",
    "token_shapes": "words, shapes and neighbours, no pretraining",
    "nearest_neighbour": "on the untouched base",
    "linear_probe": "on the untouched base",
}
CAPITALS = {
    "f1": "F1",
    "roc": "ROC",
    "auc": "AUC",
    "ece": "ECE",
    "pr": "PR",
    "id": "ID",
    "lr": "learning rate",
    "lora": "LoRA",
    "ia3": "IA3",
    "matthews": "Matthews",
    "brier": "Brier",
    "mae": "MAE",
    "rmse": "RMSE",
    "evaal": "EvAAL",
    "p95": "95th percentile",
    "pearson": "Pearson",
    "spearman": "Spearman",
}
ONE_WORD = {"log_loss": "log-loss", "roc_auc": "ROC AUC", "probe_c": "probe C", "normalise": "normalised features"}


def score(value: float | None) -> str:
    """Three decimals; fewer where the number is large: 0.874, 12.3, 1,234."""
    if value is None:
        return NONE
    size = abs(value)
    digits = 3 if size < 10 else 1 if size < 1000 else 0
    return _signed(f"{value:,.{digits}f}")


def interval(low: float | None, high: float | None) -> str:
    """`0.842 to 0.901`, or nothing where there is no interval."""
    return "" if low is None or high is None else f"{score(low)} to {score(high)}"


def difference(value: float | None, points: bool) -> str:
    """A signed difference: `+2.3 points` for shares, `+0.123` in the metric's own unit otherwise."""
    if value is None:
        return NONE
    return f"{signed(value * 100, 1)}{SPACE}points" if points else signed(value, 3)


def signed(value: float, digits: int) -> str:
    """A signed number with so many decimals: `+0.05`, `−0.10`, `0.00`."""
    text = f"{value:+.{digits}f}"
    return _signed(text if float(text) else text[1:])


def amount(value: float | None, points: bool) -> str:
    """A difference whose direction goes without saying: `2.3 points`, `0.123`."""
    return NONE if value is None else difference(abs(value), points).removeprefix("+")


def rate(value: float | None) -> str:
    """A learning rate: `0.001`, `2e-05`."""
    return NONE if value is None else f"{value:g}"


def differences(low: float | None, high: float | None, points: bool) -> str:
    """`−0.4 to +5.0 points`, the unit said once."""
    if low is None or high is None:
        return ""
    left = difference(low, points).removesuffix(f"{SPACE}points")
    return f"{left} to {difference(high, points)}"


def share(value: float | None) -> str:
    """`3.4 %`; never `0 %` for what is not zero, never `100 %` for what is not all."""
    if value is None:
        return NONE
    percent = value * 100
    if 0 < percent < 0.1:
        return f"<{SPACE}0.1{SPACE}%"
    if 99.9 < percent < 100:
        return f">{SPACE}99.9{SPACE}%"
    digits = 0 if percent in (0, 100) else 1
    return f"{_signed(f'{percent:.{digits}f}')}{SPACE}%"


def count(value: float | None, one: str = "", many: str = "") -> str:
    """`1,234`, or with a noun `1 row`, `1,234 rows`."""
    if value is None:
        return NONE
    text = f"{value:,.0f}"
    noun = one if value == 1 else many or f"{one}s"
    return f"{text}{SPACE}{noun}" if one else text


def probability(value: float | None) -> str:
    """A p-value: `p = 0.031`, `p < 0.001`."""
    if value is None:
        return NONE
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}" if value < 0.1 else f"p = {value:.2f}"


def seconds(value: float | None) -> str:
    """`0.4 s`, `42 s`, `3 min 12 s`, `1 h 05 min`."""
    if value is None:
        return NONE
    if value < 9.95:
        return f"{value:.1f}{SPACE}s"
    whole = round(value)
    if whole < 60:
        return f"{whole}{SPACE}s"
    if whole < 3600:
        return f"{whole // 60}{SPACE}min{SPACE}{whole % 60:02d}{SPACE}s"
    minutes = round(value / 60)
    return f"{minutes // 60}{SPACE}h{SPACE}{minutes % 60:02d}{SPACE}min"


def size(value: float | None) -> str:
    """Bytes in decimal units: `512 B`, `1.4 MB`, `1.9 GB`."""
    if value is None:
        return NONE
    units = ("B", "kB", "MB", "GB", "TB")
    power = 0
    while power < len(units) - 1 and value >= 999.5 * 1000**power:
        power += 1
    amount = value / 1000**power
    return f"{amount:,.0f}{SPACE}B" if power == 0 else f"{_three(amount)}{SPACE}{units[power]}"


def magnitude(value: float | None) -> str:
    """A large count in words: `812`, `74.9 thousand`, `22.7 million`."""
    if value is None:
        return NONE
    for power, word in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million"), (1e3, "thousand")):
        if value >= power * 0.9995:
            return f"{_three(value / power)}{SPACE}{word}"
    return f"{value:,.0f}"


def moment(text: str | None) -> str:
    """An ISO time as `3 March 2026, 14:05`; anything else as it is."""
    try:
        when = datetime.fromisoformat(str(text))
    except ValueError:
        return text or NONE
    zone = f" {when.tzname()}" if when.tzinfo else ""
    return f"{when.day} {when:%B %Y, %H:%M}{zone}"


def words(name: str) -> str:
    """A name of the code as words: `macro_f1` becomes `macro F1`, and `/home/me/f2_score.py` becomes `f2 score`."""
    name = PurePath(name).stem if name.endswith(".py") else name
    return ONE_WORD.get(name) or " ".join(CAPITALS.get(part, part) for part in name.split("_"))


def sentence(text: str) -> str:
    """The same with a capital at the start."""
    return text[:1].upper() + text[1:]


def predictor(name: str) -> str:
    """What a column or line of the score table is called."""
    return PREDICTORS.get(name) or words(name)


def labels(value: object) -> list[str]:
    """The labels of one row, whether it has one or several."""
    if value is None:
        return []
    return [str(item) for item in value] if isinstance(value, (list, tuple)) else [str(value)]


def answers(value: object) -> list[str]:
    """What a row's gold or prediction says: its labels, or its numbers."""
    several = value if isinstance(value, (list, tuple)) else [value]
    return [score(one) if isinstance(one, (int, float)) else str(one) for one in several if one is not None]


@lru_cache(maxsize=64)
def direction(metric: str) -> bool:
    """Whether a higher value of the metric is better; true for a metric that ftkit does not know."""
    entry = _metric(metric)
    return True if entry is None else bool(entry.higher_is_better)


@lru_cache(maxsize=64)
def in_points(metric: str) -> bool:
    """Whether differences of the metric read as points, which they do for shares between 0 and 1."""
    entry = _metric(metric)
    return entry is not None and tuple(entry.bounds) == (0.0, 1.0)


def primary_score(entry: Mapping[str, Any], metric: str) -> dict[str, Any]:
    """The score of one metric as a mapping, also where there is none."""
    found = entry.get(metric)
    return dict(found) if isinstance(found, Mapping) else {"value": None, "low": None, "high": None}


def _metric(name: str) -> Any:
    """A shipped metric's class. A user's own file is not run again for the sake of a label."""
    from ftkit import registry

    return registry.load("metrics", name) if name in registry.names("metrics") else None


def _three(value: float) -> str:
    """Three significant digits."""
    return f"{value:.2f}" if value < 9.995 else f"{value:.1f}" if value < 99.95 else f"{value:.0f}"


def _signed(text: str) -> str:
    """A true minus sign, and no minus before zero."""
    if text.startswith("-"):
        return text[1:] if float(text.replace(",", "")) == 0 else "−" + text[1:]
    return text
