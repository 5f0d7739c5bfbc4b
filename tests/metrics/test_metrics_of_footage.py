"""False alarms by the hour and recall by scene: by hand, and whether their intervals cover."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from ftkit.metrics import Footage, Scored, load
from ftkit.metrics.false_alarms_per_hour import RECALL
from ftkit.statistics.intervals import interval
from ftkit.statistics.paired import compare

LABELS = ("fall", "fight", "normal")
ALARMS, SCENES = "false_alarms_per_hour", "scene_recall"


def clips(
    gold: list[int] | np.ndarray,
    sure: list[float] | np.ndarray,
    seconds: list[float] | np.ndarray | float = 2.0,
    scene: list[int] | np.ndarray | None = None,
    quiet: str | None = "normal",
) -> Scored:
    """Clips of which the model is so sure that something happens, and takes it for a fight."""
    alarm = np.asarray(sure, float)
    scores = np.column_stack([0.25 * alarm, 0.75 * alarm, 1 - alarm])
    length = np.broadcast_to(np.asarray(seconds, float), alarm.shape).copy()
    footage = Footage(length, quiet, None if scene is None else np.asarray(scene))
    return Scored(LABELS, np.asarray(gold), scores.argmax(axis=1), scores, footage)


def test_alarms_by_hand() -> None:
    """Nine of ten events reach 0.5; two of the quiet clips, 20 s in all, do as well."""
    gold = [0, 1] * 5 + [2] * 4
    sure = [0.9, 0.8, 0.9, 0.7, 0.6, 0.5, 0.95, 0.85, 0.99, 0.1, 0.55, 0.5, 0.4, 0.05]
    scored = clips(gold, sure, [2.0] * 10 + [3.0, 5.0, 4.0, 8.0])
    assert load(ALARMS).compute(scored) == 2 * 3600 / 20
    assert load(ALARMS).compute(clips(gold, [*sure[:9], 0.5, *sure[10:]])) == 2 * 3600 / 8
    assert load(ALARMS).compute(clips(gold, [*sure[:10], 0.1, 0.2, 0.3, 0.4])) == 0


def test_the_order_of_the_scores_is_all_that_counts() -> None:
    random = np.random.default_rng(0)
    gold, sure = random.integers(0, 3, 60), random.random(60)
    assert load(ALARMS).compute(clips(gold, sure)) == load(ALARMS).compute(clips(gold, sure**3))
    longer = load(ALARMS).compute(clips(gold, sure, 4.0))
    assert longer == pytest.approx(load(ALARMS).compute(clips(gold, sure)) / 2), "as many alarms in twice the time"


def test_more_events_make_no_difference_to_the_hours() -> None:
    gold, sure = np.array([1] * 20 + [2] * 20), np.linspace(0, 1, 40) ** 0.5
    twice = np.concatenate([np.arange(40), np.arange(20)])
    assert load(ALARMS).compute(clips(gold, sure).take(twice)) == load(ALARMS).compute(clips(gold, sure))


def test_without_quiet_footage_there_is_no_such_number() -> None:
    for scored in (clips([0, 1], [0.5, 0.5]), clips([2, 2], [0.5, 0.5]), clips([0, 2], [0.5, 0.5], quiet=None)):
        assert math.isnan(load(ALARMS).compute(scored))
    plain = replace(clips([0, 2], [0.9, 0.1]), footage=None)
    assert math.isnan(load(ALARMS).compute(plain)) and math.isnan(load(SCENES).compute(plain))
    assert not load(ALARMS).suits(plain) and not load(SCENES).suits(plain)
    assert load(ALARMS).suits(clips([0, 2], [0.9, 0.1])) and not load(SCENES).suits(clips([0, 2], [0.9, 0.1]))
    nothing = clips([], [], scene=[])
    assert math.isnan(load(ALARMS).compute(nothing)) and math.isnan(load(SCENES).compute(nothing))
    unscored = replace(clips([0, 2], [0.9, 0.1]), scores=None)
    assert math.isnan(load(ALARMS).compute(unscored))


def test_recall_by_scene_by_hand() -> None:
    """One scene of four fights, half of them found, one of a fight that is, and one where nothing happens."""
    scored = clips([1, 1, 1, 1, 1, 2, 2], [0.9, 0.9, 0.1, 0.1, 0.9, 0.9, 0.1], scene=[0, 0, 0, 0, 4, 7, 0])
    assert load(SCENES).compute(scored) == (0.5 + 1) / 2
    every = replace(scored, footage=replace(scored.footage, quiet=None))  # type: ignore[type-var]
    assert load(SCENES).compute(every) == pytest.approx((3 / 5 + 1 + 0) / 3), "each clip counts where none is quiet"
    assert math.isnan(load(SCENES).compute(scored.take(np.array([5, 6]))))


def test_contributions_add_up_to_the_alarms() -> None:
    random = np.random.default_rng(1)
    gold = random.integers(1, 3, 200)
    scored = clips(
        gold, 1 / (1 + np.exp(-random.normal(np.where(gold == 1, 1.0, -1.0), 1.0))), random.uniform(1, 9, 200)
    )
    metric = load(ALARMS)
    found = metric.contributions(scored)  # type: ignore[attr-defined]
    assert found.mean() == pytest.approx(metric.compute(scored))
    assert found[gold == 1].std() > 0 and found[gold == 2].std() > 0


def drawn(random: np.random.Generator, rows: int) -> Scored:
    """Half of the clips are fights; scores of fights and quiet clips are normal, two sds apart."""
    gold = np.where(np.arange(rows) < rows // 2, 1, 2)
    return clips(gold, 1 / (1 + np.exp(-random.normal(np.where(gold == 1, 1.0, -1.0), 1.0))))


def test_intervals_cover() -> None:
    """True rate: the share of quiet clips above the threshold that 90 % of fights reach, 1,800 clips an hour."""
    random, metric = np.random.default_rng(2), load(ALARMS)
    truth = load(ALARMS).compute(drawn(np.random.default_rng(3), 400_000))
    assert truth == pytest.approx(1800 * 0.2363, rel=0.02), "beyond 1.2816 sds below the fights' mean"
    inside = []
    for _ in range(300):
        found = interval(metric, drawn(random, 200))
        assert found.low is not None and found.high is not None
        inside.append(found.low <= truth <= found.high)
    assert 0.9 <= np.mean(inside) <= 0.99


def test_few_clips_of_either_kind_give_no_interval() -> None:
    found = interval(load(ALARMS), clips([1] * 30 + [2] * 5, np.linspace(1, 0, 35)))
    assert found.low is None and "fewer than 10" in found.note


def test_a_paired_difference_points_the_right_way() -> None:
    random = np.random.default_rng(4)
    a = drawn(random, 300)
    sharper = clips(a.gold, np.clip(1 - a.scores[:, 2] + 0.3 * np.where(a.gold == 1, 1, -1), 0, 1))  # type: ignore[index]
    found = compare(load(ALARMS), sharper, a, None)
    assert found.difference > 0 and found.low is not None and found.low > 0, "fewer alarms than before are better"
    assert found.outcome == "better" and RECALL == 0.9
