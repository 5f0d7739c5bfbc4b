"""What every method owes, on the toy of every task. A new file in methods/ or tasks/ is tested by being there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from toy import EVERY, Toy, build, load, method_named

from ftkit import registry
from ftkit.features.network import Network
from ftkit.features.tokens import flat, is_ragged
from ftkit.models import delivery
from ftkit.training.loop import fit
from ftkit.training.members import Member, Settings

EVERY_METHOD = registry.names("methods")
SEARCHES = [name for name in EVERY_METHOD if len(method_named(name).rungs()) > 1]
METHODS = [name for name in EVERY_METHOD if name not in SEARCHES]
TASKS = registry.names("tasks")
PAIRS = [(task, method) for task in TASKS for method in METHODS]
FAST = {"lora": 1e-2, "ia3": 5e-2, "freeze": 5e-3, "full": 5e-3, "head": 5e-2}


def test_every_method_and_task_is_seen() -> None:
    assert set(FAST) <= set(METHODS)
    assert len(PAIRS) == len(TASKS) * len(METHODS) >= 5


@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_is_made_of_methods_with_names_of_their_own(name: str) -> None:
    rungs = method_named(name).rungs()
    assert {one.name for one in rungs} <= set(METHODS)
    assert len({one.label for one in rungs}) == len(rungs) >= 2
    assert [one.default_epochs > 0 for one in rungs] == [False] + [True] * (len(rungs) - 1)  # the probe comes first


@dataclass(frozen=True)
class Trained:
    """The toy of a task with a method, and a member that was trained on it."""

    toy: Toy
    fresh: Member
    """another one, of another seed, which was not trained"""
    one: Member
    losses: list[float]
    """of each step"""
    start: dict[str, torch.Tensor]
    """the member's weights before"""
    before: dict[str, torch.Tensor]
    """those of the shared backbone"""
    after: dict[str, torch.Tensor]


@pytest.fixture(scope="module", params=PAIRS, ids="-".join)
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Trained once for all that a method owes; no test may change it but in what `delivery.save` puts into it."""
    task, name = request.param
    toy = build(tmp_path_factory.mktemp("toy"), method_named(name), task)
    before = state_of(toy.job.network)
    fresh = toy.member(Settings(epochs=1, lr=1e-3), seed=3)
    one = toy.member(Settings(epochs=20 if name == "head" else 14, lr=FAST.get(name, 1e-2), batch=8, warmup=0.0))
    start = {key: value.clone() for key, value in one.snapshot().items()}
    losses = [step.loss for step in fit(toy.job, [one]) if step.rows and step.loss is not None]
    return Trained(toy, fresh, one, losses, start, before, state_of(toy.job.network))


def state_of(network: Network) -> dict[str, torch.Tensor]:
    return {key: value.clone() for key, value in network.backbone.state_dict().items()}


def test_only_declared_weights_move_and_loss_falls(trained: Trained) -> None:
    start, losses = trained.start, trained.losses
    assert np.mean(losses[-3:]) < 0.8 * np.mean(losses[:3])
    moved = {key for key, value in trained.one.snapshot().items() if not torch.equal(value, start[key])}
    unused = {key for key in start if ".pooler." in key or key.startswith("pooler.")}
    assert moved == set(start) - unused, "a declared weight did not move"
    for key, value in trained.after.items():
        assert torch.equal(value, trained.before[key]), f"{key} moved in the shared backbone"


def test_saved_and_restored_gives_equal_logits(trained: Trained, tmp_path: Path) -> None:
    toy, one = trained.toy, trained.one
    expected = toy.logits(one)
    size = delivery.save(toy.job.network, toy.method, one, toy.labels, tmp_path / "adapter")
    assert size == sum(path.stat().st_size for path in (tmp_path / "adapter").rglob("*") if path.is_file()) > 0
    backbone, _ = load(toy.task, toy.folder)
    network = Network(toy.method.restore(backbone, tmp_path / "adapter").eval())
    head = delivery.read_head(tmp_path / "adapter")
    batch = toy.job.examples.batch(EVERY, cached=False)
    with torch.no_grad():
        features = network.pooled(batch, network(batch), head.pooling).numpy()
    found = features @ head.weight.T + head.bias
    found = found if head.scale is None else head.scale.own(found)
    np.testing.assert_allclose(found, flat(expected)[0] if is_ragged(expected) else expected, rtol=1e-5, atol=1e-5)
    assert head.labels == toy.labels


def test_a_fresh_method_is_the_untouched_base(trained: Trained) -> None:
    toy = trained.toy
    backbone, _ = load(toy.task, toy.folder)
    plain = Network(backbone)
    batch = toy.job.examples.batch(EVERY, cached=False)
    toy.job.network.training(False)
    with torch.no_grad():
        assert torch.allclose(toy.job.network(batch, trained.fresh.backbone), plain(batch), atol=1e-6)


@pytest.mark.parametrize("name", METHODS)
def test_seeds_draw_new_weights_only_where_the_method_draws(name: str, tmp_path: Path) -> None:
    toy = build(tmp_path, method_named(name))
    settings = Settings(epochs=1, lr=1e-3)
    one, same, other = (toy.member(settings, seed).snapshot() for seed in (1, 1, 2))
    assert all(torch.equal(one[key], same[key]) for key in one)
    drawn = {key for key in one if not torch.equal(one[key], other[key])}
    assert drawn == {key for key in one if "lora_A" in key}
