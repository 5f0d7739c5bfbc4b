"""How far a ladder is climbed, with made-up rungs in place of trained ones."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from ftkit import registry
from ftkit.search.ladder import Climb
from ftkit.training.choosing import Search, choose
from ftkit.training.parts import Fit, Tried


def climbed(scores: list[float]) -> tuple[int, int]:
    """(rung that is taken, rungs that were tried) where rungs score like that, and a point is a gain."""
    tried: list[int] = []

    def attempt(arm: Any, lr: float) -> Tried:
        tried.append(arm.number)
        one = SimpleNamespace(curve=[(0.0, 0.0)], held=[np.zeros((1, 2))], release=lambda weights: None)
        return Tried(arm, lr, 0, scores[arm.number], 0.0, cast("Any", (one,)))

    def arm(number: int) -> Any:
        return SimpleNamespace(number=number, method=None, arithmetic=lambda rows, passes: 0.0)

    part = SimpleNamespace(inner=[(np.arange(3), np.arange(3, 4))], refit=True)
    fit = SimpleNamespace(
        part=part,
        arms=[arm(number) for number in range(len(scores))],
        settings=lambda arm: SimpleNamespace(epochs=1, lr=0.1),
        attempt=attempt,
        held=lambda logits: None,
    )
    search = Search(lambda method: [0.1], lambda fit, upper, lower: Climb(upper.score - lower.score, 0.0, 0.01, 1))
    choice = choose(cast("Fit", fit), search)
    assert len(choice.rungs) == len(tried)
    return choice.arm, len(tried)


@pytest.mark.parametrize(
    ("scores", "taken", "tried"),
    [
        ([0.8, 0.8, 0.9, 0.9], 0, 2),  # the costlier ones are not tried
        ([0.8, 0.9, 0.9, 1.0], 1, 3),
        ([0.8, 0.85, 0.9, 0.905], 2, 4),
        ([0.7, 0.8, 0.9, 1.0], 3, 4),
    ],
)
def test_a_ladder_ends_at_the_first_rung_that_gains_too_little(scores: list[float], taken: int, tried: int) -> None:
    assert climbed(scores) == (taken, tried)


def test_few_rows_are_not_asked_how_many_blocks_it_takes() -> None:
    method = registry.load("methods", "auto")(name="auto")
    every = [one.label for one in method.rungs()]
    assert every == ["head", "lora, last 2 blocks", "lora, all blocks", "full"]
    assert [one.label for one in method.rungs(1000)] == every
    assert [one.label for one in method.rungs(999)] == ["head", "lora, all blocks"]
