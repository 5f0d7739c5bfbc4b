"""Groups that train side by side come out as they do alone: LoRA and head, texts, series, numbers and tokens."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import toy_adapters
import toy_banks
from drawing import undrawn

from ftkit.bank import making
from ftkit.bank.adapting import Adapter
from ftkit.bank.grouping import Group
from ftkit.bank.stage import FINAL
from ftkit.features.scale import Scale
from ftkit.training import loop
from ftkit.training.loop import fit
from ftkit.training.members import Member
from ftkit.training.stacks import WEIGHTS, can_stack, stacks

KINDS = [("text", "lora"), ("text", "head"), ("series", "lora"), ("series", "head")]
KINDS += [("text_regression", "lora"), ("vector_regression", "lora"), ("vector_regression", "head")]
KINDS += [("tokens", "lora"), ("tokens", "head")]


TWICE = {("series", "head"), ("text_regression", "lora"), ("tokens", "lora")}
"""kinds whose task and method each stand in another kind, too: these wait for the slow tests"""


def _param(kind: tuple[str, str]) -> Any:
    return pytest.param(kind, marks=[pytest.mark.slow] * (kind in TWICE), id="-".join(kind))


@pytest.fixture(scope="module", params=map(_param, KINDS))
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, bank: Path) -> Path:
    """A bank of each kind."""
    kind, method = request.param
    if (kind, method) == KINDS[0]:
        return bank
    folder = tmp_path_factory.mktemp(f"{kind}-{method}")
    numbers = partial(toy_banks.numbers_recipe_for, task=kind)
    others = {"series": toy_banks.series_recipe_for, "tokens": toy_banks.tags_recipe_for}
    recipe_for = ({"text": toy_banks.recipe_for} | others).get(kind, numbers)
    keys: dict[str, Any] = {} if method == "lora" else {"method": {"name": "head"}}
    (folder / "bank").mkdir()
    with undrawn():
        path, report = making.make(recipe_for(folder, **keys), lambda: folder / "bank")
    assert report["outcomes"].get("failed", 0) == 0 and sum(report["outcomes"].values()) == 8
    assert np.isfinite([line["gain"] for line in report["groups"]]).all()
    return path


def members_of(adapter: Adapter, groups: list[Group]) -> list[Member]:
    """All members of these groups; the same again each time it is called."""
    return [turn.member for group in groups for turn in adapter._turns(group)]


def distance(one: Member, other: Member) -> float:
    """Largest difference of any weight."""
    mine, theirs = one.snapshot(), other.snapshot()
    return max(float((mine[key] - theirs[key]).abs().max()) for key in mine)


def test_in_float64_a_stack_ends_where_each_ends_alone(made: Path) -> None:
    adapter, groups = toy_adapters.adapter_of(made, exact=True)
    groups, epochs = groups[:2], 50 if "series" in str(made) else 25
    adapter = replace(adapter, settings=replace(adapter.settings, epochs=epochs, batch=5))
    alone, side_by_side = members_of(adapter, groups), members_of(adapter, groups)
    assert can_stack(adapter.job, alone[0]) and len(alone) == 6
    steps = {one.steps_an_epoch * one.last_epoch for one in alone}
    assert min(steps) >= 50 and len(steps) > 1  # some have ended when others have not, at other learning rates
    for one in alone:
        deque(fit(adapter.job, [one]), maxlen=0)
    (some,) = stacks(side_by_side)
    deque(fit(adapter.job, some.members, some), maxlen=0)
    moved = [distance(one, start) for one, start in zip(alone, members_of(adapter, groups), strict=True)]
    assert min(moved) > 1e-3
    assert max(distance(one, other) for one, other in zip(alone, side_by_side, strict=True)) < 1e-9


def test_each_steps_gradients_are_those_of_a_step_alone(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    adapter, groups = toy_adapters.adapter_of(made)
    seen: list[dict[str, torch.Tensor]] = []
    monkeypatch.setattr(loop, "_clip", lambda members: [seen.append(_gradients(one)) or 1.0 for one in members])  # type: ignore[func-returns-value]
    for one in members_of(adapter, groups):
        next(step for step in fit(adapter.job, [one]) if step.rows)
    side_by_side = members_of(adapter, groups)
    (some,) = stacks(side_by_side)
    loop._gradients(adapter.job, some.members, [one.batch(adapter.job.examples.lengths) for one in some.members], some)
    some.clip(0)  # no member's is cut off; those of labels that a group lacks are
    for one, alone in zip(side_by_side, seen, strict=True):
        (place,) = (i for i, member in enumerate(some.members) if member is one)
        for name, gradient in alone.items():
            own = some.weights[name].grad
            assert own is not None
            assert float((own[place] - gradient).norm()) < 1e-5 * float(gradient.norm()) + 1e-9, name


def _gradients(one: Member) -> dict[str, torch.Tensor]:
    return {name: p.grad.clone() for name, p in one.named().items() if p.grad is not None}


def test_after_training_answers_are_the_same(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    adapter, groups = toy_adapters.adapter_of(made, lr=0.03)
    groups = groups[2:6]  # two who label the other way round, and two who do not
    together = adapter.adapt(groups)
    monkeypatch.setattr("ftkit.bank.adapting.can_stack", lambda job, member: False)
    alone = adapter.adapt(groups)
    scale = adapter.stage.starts[FINAL].scale
    same = [_alike(mine.own, theirs.own, scale) for mine, theirs in zip(together, alone, strict=True)]
    assert np.concatenate(same).mean() >= 0.995 and len(np.concatenate(same)) > 50
    for mine, theirs in zip(together, alone, strict=True):
        assert mine.record.data == theirs.record.data and np.array_equal(mine.rows, theirs.rows)
        for one, other in zip(mine.general, theirs.general, strict=True):
            assert np.allclose(one, other, atol=1e-6)


def _alike(mine: np.ndarray, theirs: np.ndarray, scale: Scale | None) -> np.ndarray:
    """(rows,) whether the label is the same, or all numbers within a thousandth of a standard deviation."""
    if mine.dtype == object:  # of each token
        mine, theirs = (np.concatenate(list(one)) for one in (mine, theirs))
    if scale is None:
        return np.asarray(mine.argmax(1) == theirs.argmax(1))
    return np.asarray((np.abs(mine - theirs) < 1e-3 * scale.sd).all(axis=1))


def test_a_stack_is_cut_by_the_bytes_of_its_weights(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    adapter, groups = toy_adapters.adapter_of(made)
    members = members_of(adapter, groups)
    each = sum(p.nbytes for p in members[0].parameters())
    assert each * len(members) < WEIGHTS
    monkeypatch.setattr("ftkit.training.stacks.WEIGHTS", 10 * each)
    cut = [some.members for some in stacks(members)]
    assert [len(some) for some in cut] == [10, 10, 4]
    steps = [one.steps_an_epoch for some in cut for one in some]
    assert steps == sorted(steps, reverse=True)  # those with similar numbers of rows stand together
