"""What frozen modules above the cut make of a row is looked up: the same numbers, and nothing computed for them."""

from __future__ import annotations

from collections import deque
from pathlib import Path

import numpy as np
import pytest
import torch
from toy import EVERY, Toy, build, method_named, with_accelerator

from ftkit.features import constants
from ftkit.features.constants import looked_up
from ftkit.training.loop import fit
from ftkit.training.members import Settings

CHOSEN = Settings(epochs=6, lr=1e-2, batch=5, warmup=0.0)
TARGETS: dict[str, list[str]] = {"queries": [], "feed-forward": ["1.output.dense"]}
SPARED = {"queries": {"query.base_layer", "key", "value.base_layer"}, "feed-forward": {"query", "key", "value"}}


@pytest.fixture(scope="module", params=TARGETS)
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Toy]:
    """LoRA on the last block of the toy, in double precision and without dropout."""
    method = method_named("lora", target_modules=TARGETS[request.param])
    toy = build(tmp_path_factory.mktemp("toy"), method, double=True)
    for module in toy.job.network.backbone.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return request.param, toy


@pytest.fixture
def toy(built: tuple[str, Toy]) -> Toy:
    return with_accelerator(built[1])


def test_training_ends_the_same(toy: Toy) -> None:
    plain, spared = toy.member(CHOSEN), toy.member(CHOSEN)
    deque(fit(toy.job, [plain]), maxlen=0)
    with looked_up(toy.job.network, toy.job.examples, EVERY):
        assert toy.job.examples.constants is not None
        deque(fit(toy.job, [spared]), maxlen=0)
        looked = toy.logits(spared)
    assert toy.job.examples.constants is None
    one, other, start = plain.snapshot(), spared.snapshot(), toy.member(CHOSEN).snapshot()
    assert max(float((one[name] - other[name]).abs().max()) for name in one) < 1e-11
    assert max(float((one[name] - start[name]).abs().max()) for name in one) > 1e-3
    assert np.allclose(looked, toy.logits(plain), atol=1e-9)


def test_what_is_looked_up_is_not_computed(built: tuple[str, Toy], toy: Toy) -> None:
    network, examples = toy.job.network, toy.job.examples
    last, ran = network.blocks[1], list[str]()
    hooks = []
    for name, module in last.named_modules():
        if isinstance(module, torch.nn.Linear):
            plain = module.forward

            def counted(given: torch.Tensor, name: str = name, plain: object = plain) -> torch.Tensor:
                ran.append(name)
                return plain(given)  # type: ignore[operator, no-any-return]

            module.forward = counted  # type: ignore[method-assign]
            hooks.append(module)
    try:
        network(examples.batch(EVERY[:4]))
        every, ran[:] = set(ran), []
    finally:
        for module in hooks:
            del module.forward
    with looked_up(network, examples, EVERY):
        assert examples.constants is not None
        names = {
            name for name, module in last.named_modules() for one in examples.constants.modules if one.module is module
        }
        inside = {one for one in every if any(one == name or one.startswith(f"{name}.") for name in names)}
    wanted = {one for one in every if any(one.endswith(name) for name in SPARED[built[0]])}
    assert len(wanted) == 3 and wanted <= inside
    assert not any("lora" in one for one in inside) and len(every - inside) >= 2


def test_other_rows_are_computed(toy: Toy) -> None:
    with looked_up(toy.job.network, toy.job.examples, EVERY[:8]):
        assert toy.job.examples.batch(EVERY[:8]).known is not None
        assert toy.job.examples.batch(EVERY[6:10]).known is None


def test_more_than_memory_is_to_hold_is_computed(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "BUDGET", 1000)
    with looked_up(toy.job.network, toy.job.examples, EVERY):
        assert toy.job.examples.constants is None


def test_what_does_not_hold_is_not_used(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = constants.Constants.take
    monkeypatch.setattr(constants.Constants, "take", lambda self, rows: plain(self, rows).roll(1, -1))
    with looked_up(toy.job.network, toy.job.examples, EVERY):
        assert toy.job.examples.constants is None


def test_a_head_alone_has_nothing_to_look_up(tmp_path: Path) -> None:
    toy = build(tmp_path, method_named("head"))
    with looked_up(toy.job.network, toy.job.examples, EVERY):
        assert toy.job.examples.constants is None
