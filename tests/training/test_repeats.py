"""Texts that many people have judged: one pass of the base serves all their rows, and nothing else changes."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from toy import EVERY, Toy, build, method_named, with_accelerator

from ftkit.features.batch import Batch
from ftkit.features.examples import Examples
from ftkit.features.network import Network
from ftkit.training.loop import fit
from ftkit.training.members import Settings
from ftkit.training.passes import predict
from ftkit.training.repeats import codes, firsts, with_repeats

TEXTS = 8
CHOSEN = Settings(epochs=4, lr=1e-2, batch=3, warmup=0.0)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """Eight texts, each with the labels of three people."""
    toy = build(tmp_path_factory.mktemp("toy"), method_named("lora"), double=True)
    rows = [toy.job.examples.rows[i % TEXTS] for i in EVERY]
    examples = Examples(toy.task, toy.job.examples.processor, rows)
    for module in toy.job.network.backbone.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0  # rows that share a pass share its masks
    return replace(toy, job=replace(toy.job, examples=examples, alike=codes(examples.hashes)))


@pytest.fixture
def judged(built: Toy) -> Toy:
    return with_accelerator(built)


@given(st.lists(st.sampled_from("abcd"), max_size=12), st.randoms(use_true_random=False))
def test_every_input_stands_once_and_every_row_finds_its_own(inputs: list[str], chance: object) -> None:
    alike = codes(inputs)
    if alike is None:
        assert len(set(inputs)) == len(inputs)
        return
    rows = np.array(chance.sample(range(len(inputs)), len(inputs)))  # type: ignore[attr-defined]
    some, again = firsts(rows, alike)
    assert [inputs[i] for i in some] == list(dict.fromkeys(inputs[i] for i in rows))
    assert [inputs[i] for i in some[again]] == [inputs[i] for i in rows]
    filled = with_repeats([one for one in (some[:1], some[1:]) if len(one)], rows, alike)
    assert sorted(np.concatenate(filled).tolist()) == sorted(rows.tolist())
    assert {inputs[i] for i in filled[0]} == {inputs[some[0]]}


def test_an_epoch_shows_each_row_once_and_the_rows_of_a_text_together(judged: Toy) -> None:
    one = judged.member(CHOSEN, alike=judged.job.alike)
    batches = one.batches(0, judged.job.examples.lengths)
    assert len(batches) == one.steps_an_epoch == 3
    assert sorted(np.concatenate(batches).tolist()) == EVERY.tolist()
    assert sorted(len(set((some % TEXTS).tolist())) for some in batches) == [2, 3, 3]
    assert [len(some) for some in judged.member(CHOSEN).batches(0, judged.job.examples.lengths)] == [3] * 8


def test_a_step_is_the_same_and_the_base_sees_each_text_once(judged: Toy) -> None:
    each, seen = [], []
    plain = Network.__call__

    def counted(network: Network, batch: Batch, weights: object = None) -> torch.Tensor:
        seen.append(len(next(iter(batch.inputs.values()))))
        return plain(network, batch, weights)  # type: ignore[arg-type]

    for job in (judged.job, replace(judged.job, alike=None)):
        one = judged.member(CHOSEN, alike=judged.job.alike)
        with patch.object(Network, "__call__", counted):
            deque(fit(job, [one]), maxlen=0)
        each.append(one)
        assert one.step == 12
    shared, apart = (one.snapshot() for one in each)
    assert max(float((shared[name] - apart[name]).abs().max()) for name in shared) < 1e-12
    moved = judged.member(CHOSEN).snapshot()
    assert max(float((shared[name] - moved[name]).abs().max()) for name in shared) > 1e-3
    trained = [seen[: len(seen) // 2], seen[len(seen) // 2 :]]
    assert sum(trained[1]) >= 2.5 * sum(trained[0])


def test_predictions_are_those_of_every_row(judged: Toy) -> None:
    one, some = judged.member(CHOSEN), EVERY[::-1][2:]
    apart = predict(replace(judged.job, alike=None), one, some)
    assert np.allclose(predict(judged.job, one, some), apart, atol=1e-12)
    assert np.ptp(apart, axis=0).max() > 1e-3
