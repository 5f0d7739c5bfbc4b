"""What a group keeps of its members: their mean, which has seen all its rows; one for all rows where there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import toy_adapters
import toy_banks
from drawing import undrawn

from ftkit import folders
from ftkit.bank import making
from ftkit.bank.adapting import Adapter
from ftkit.bank.grouping import Group
from ftkit.bank.shards import Weights
from ftkit.bank.stage import FINAL, Start, at_scale
from ftkit.bank.turns import mean_of
from ftkit.features.pooling import Pooling
from ftkit.features.scale import Scale


@pytest.fixture(scope="module")
def thirds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four people in three folds, two of whom label the other way round; members stay near each other."""
    place = tmp_path_factory.mktemp("thirds")
    recipe = toy_banks.recipe_for(place, [f"user {i}" for i in range(4)], others=2, data__folds=3, bank__lr=0.02)
    with undrawn():
        return making.make(recipe, lambda: folders.new_run_folder(place / "bank", "", False))[0]


def accuracy(adapter: Adapter, weights: Mapping[str, torch.Tensor], rows: np.ndarray) -> float:
    return float((adapter.said(weights, None, rows).argmax(1) == adapter.targets[rows]).mean())


def test_the_mean_of_the_members_is_kept_and_has_learnt_from_all_rows(thirds: Path) -> None:
    adapter, groups = toy_adapters.adapter_of(thirds)
    for group, found in zip(groups, adapter.adapt(groups), strict=True):
        assert found.weights is not None
        turns = adapter._turns(group)
        assert {turn.fold for turn in turns} == {0, 1, 2}
        assert set(np.concatenate([turn.member.train for turn in turns])) == set(group.rows)
        adapter.learn(turns)
        starts = adapter.stage.starts
        for name, kept in found.weights.items():
            ways = [turn.member.snapshot()[name] - starts[turn.fold].weights[name] for turn in turns]
            assert torch.allclose(kept, starts[FINAL].weights[name] + sum(ways) / 3, atol=1e-4), name


def test_on_rows_that_nobody_has_seen_the_mean_is_as_good_as_its_members(thirds: Path) -> None:
    adapter, groups = toy_adapters.adapter_of(thirds)
    general, mean, members = [], [], []
    for group in groups:
        known, unseen = replace(group, rows=group.rows[:-8]), group.rows[-8:]
        (found,), turns = adapter.adapt([known]), adapter._turns(known)
        adapter.learn(turns)
        assert found.weights is not None
        general.append(accuracy(adapter, adapter.stage.starts[FINAL].weights, unseen))
        mean.append(accuracy(adapter, found.weights, unseen))
        members += [accuracy(adapter, turn.member.snapshot(), unseen) for turn in turns]
    assert np.mean(mean) > np.mean(general) + 0.1
    assert np.mean(mean) >= np.mean(members)


def test_where_the_mean_has_lost_what_its_members_know_all_rows_are_learnt_from_anew(
    thirds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapter, groups = toy_adapters.adapter_of(thirds)
    right = mean_of

    def turned(general: Start, members: Sequence[tuple[Start, Weights]]) -> Weights:
        return {name: 2 * general.weights[name] - one for name, one in right(general, members).items()}

    monkeypatch.setattr("ftkit.bank.turns.mean_of", turned)
    (found,), rows = adapter.adapt(groups[:1]), groups[0].rows
    whole = adapter.turn(groups[0], FINAL, np.array([], dtype=np.int64))
    assert whole is not None and found.weights is not None
    adapter.learn([whole])
    for name, tensor in whole.member.snapshot().items():
        assert torch.allclose(found.weights[name], tensor, atol=1e-4), name
    assert accuracy(adapter, found.weights, rows) > 0.9


def test_where_too_few_folds_can_train_all_rows_are_learnt_from(thirds: Path) -> None:
    """Of a group whose rows outside of a fold carry a single label, the member that is tested on it is missing."""
    adapter, groups = toy_adapters.adapter_of(thirds)
    group, targets = groups[0], adapter.targets.copy()
    targets[adapter.folds.train(group.rows, 0)] = 0
    targets[adapter.folds.test(group.rows, 0)] = 1
    changed = replace(adapter, targets=targets, job=replace(adapter.job, targets=torch.from_numpy(targets)))
    turns = changed._turns(group)
    assert [turn.fold for turn in turns] == [1, 2, FINAL]
    (found,) = changed.adapt([group])
    changed.learn(turns)
    assert found.weights is not None
    for name, tensor in turns[-1].member.snapshot().items():
        assert torch.allclose(found.weights[name], tensor, atol=1e-4), name


def test_where_a_general_adapter_pools_otherwise_all_rows_are_learnt_from(thirds: Path) -> None:
    """Heads of features that were pooled in other ways have no mean."""
    adapter, groups = toy_adapters.adapter_of(thirds)
    starts = dict(adapter.stage.starts)
    assert starts[1].pooling.kind == "mean"
    starts[1] = replace(starts[1], pooling=replace(starts[1].pooling, kind="first"))
    changed = replace(adapter, stage=replace(adapter.stage, starts=starts))
    assert [turn.fold for turn in changed._turns(groups[0])] == [0, 1, 2, FINAL]
    (found,) = changed.adapt(groups[:1])
    whole = changed.turn(groups[0], FINAL, np.array([], dtype=np.int64))
    assert whole is not None and found.weights is not None
    changed.learn([whole])
    for name, tensor in whole.member.snapshot().items():
        assert torch.allclose(found.weights[name], tensor, atol=1e-4), name


def test_a_group_that_is_in_one_fold_alone_learns_from_all_its_rows(thirds: Path) -> None:
    adapter, groups = toy_adapters.adapter_of(thirds)
    one = Group("0" * 64, "one", adapter.folds.test(groups[0].rows, 0), False)
    (turn,) = adapter._turns(one)
    assert turn.fold == FINAL and set(turn.member.train) == set(one.rows)


def test_numbers_are_brought_to_the_general_scale_before_they_are_averaged() -> None:
    """Two members whose heads say the same in units of their own: the mean says it as well."""
    scales = [Scale(np.array([10.0]), np.array([2.0])), Scale(np.array([40.0]), np.array([8.0]))]
    general = start(scales[0], weight=1.0, bias=0.0)  # 10 + 2 x
    theirs = at_scale(general, scales[1])
    ours = {**general.weights, "head.bias": torch.tensor([1.0])}  # 2 units more
    same = {**theirs.weights, "head.bias": theirs.weights["head.bias"] + 0.25}
    found = mean_of(general, [(general, ours), (theirs, same)])
    assert found["head.weight"].item() == pytest.approx(1.0) and found["head.bias"].item() == pytest.approx(1.0)


def start(scale: Scale, weight: float, bias: float) -> Start:
    weights = {"head.weight": torch.tensor([[weight]]), "head.bias": torch.tensor([bias])}
    return Start(Pooling("mean"), weights, ("x",), scale)
