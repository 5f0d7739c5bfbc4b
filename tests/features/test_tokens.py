"""A vector for each token: kept un-padded, the same whatever stands beside a row, and trained on as rows are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from toy import EVERY, NONE, Toy, build, method_named, with_accelerator

from ftkit.features import neighbours, tokens
from ftkit.features.cache import Cache
from ftkit.features.examples import Features
from ftkit.features.pooling import EACH, Pooling
from ftkit.models.delivery import Head
from ftkit.tasks import NO_PIECE, PIECES
from ftkit.training.loop import fit
from ftkit.training.members import Settings
from ftkit.training.parts import warm_start
from ftkit.training.passes import predict
from ftkit.training.session import _carried_over
from ftkit.training.state import restore, state_of

TASK = "token_classification"
POOLING = Pooling(EACH)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """LoRA on the last block of the tokens' toy."""
    return build(tmp_path_factory.mktemp("tokens"), method_named("lora"), TASK)


@pytest.fixture
def toy(built: Toy) -> Toy:
    return with_accelerator(built)


@pytest.fixture
def exact(tmp_path: Path) -> Toy:
    """In float64, where sums in another order differ by 1e-16."""
    made = build(tmp_path, method_named("lora"), TASK, double=True)
    return replace(made, job=replace(made.job, accelerator=Accelerator(cpu=True)))


def features(toy: Toy, cache: Cache | None = None) -> Features:
    return Features(toy.job.network, toy.job.examples, (POOLING,), cache)


def test_rows_are_kept_unpadded_and_a_token_without_a_piece_has_no_vector(toy: Toy) -> None:
    rows = [dict(row) for row in toy.job.examples.rows]
    rows[3][PIECES] = np.append(rows[3][PIECES], NO_PIECE)  # as of a token that is cut off
    examples = replace(toy.job.examples, rows=rows)
    found = Features(toy.job.network, examples, (POOLING,), None)
    found.read(EVERY)
    kept = found.pooled[POOLING]
    assert [len(one) for one in kept] == [len(row[PIECES]) for row in rows]
    assert np.isnan(kept[3][-1]).all() and not np.isnan(kept[3][:-1]).any()
    logits = toy.probe.logits(kept)
    assert np.isneginf(logits[3][-1]).all() and np.isfinite(logits[3][:-1]).all()


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sets(st.integers(0, 23), min_size=1), min_size=1, max_size=3))
def test_the_companions_of_a_row_do_not_change_its_bits(toy: Toy, parts: list[set[int]]) -> None:
    whole, some = features(toy), features(toy)
    whole.read(EVERY)
    for part in parts:
        some.read(np.array(sorted(part)))
    for row in sorted(set.union(*parts)):
        assert some.pooled[POOLING][row].tobytes() == whole.pooled[POOLING][row].tobytes()


def test_a_second_run_reads_the_vectors_of_tokens_from_the_disk(toy: Toy, tmp_path: Path) -> None:
    first, second = (features(toy, Cache(tmp_path, 10**9)) for _ in range(2))
    for one in (first, second):
        one.read(EVERY)
    assert second.digest() == first.digest()
    assert second.computed == (24 if toy.job.network.origin is None else 0)


def test_a_head_trains_on_vectors_as_on_sentences(tmp_path: Path) -> None:
    toy = with_accelerator(build(tmp_path, method_named("head"), TASK, double=True))
    known = Features(toy.job.network, toy.job.examples, (POOLING,), None)
    known.read(EVERY)
    ends = []
    for pooled in ({}, {POOLING: known.pooled[POOLING]}):
        one = toy.member(Settings(epochs=3, lr=1e-2, batch=8))
        job = replace(toy.job, pooled=pooled)
        list(fit(job, [one]))
        ends.append((one.snapshot()["head.weight"], predict(job, one, EVERY)))
    assert torch.allclose(ends[0][0], ends[1][0], atol=1e-6)
    for a, b in zip(ends[0][1], ends[1][1], strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_members_in_a_stack_equal_members_alone(exact: Toy) -> None:
    chosen = Settings(epochs=2, lr=1e-2, batch=8)
    alone = [exact.member(chosen, seed) for seed in (1, 2)]
    stacked = [exact.member(chosen, seed) for seed in (1, 2)]
    for one in alone:
        list(fit(exact.job, [one]))
    list(fit(exact.job, stacked))
    for one, other in zip(alone, stacked, strict=True):
        for name, value in one.snapshot().items():
            torch.testing.assert_close(other.snapshot()[name], value, atol=1e-12, rtol=0)


def test_accumulation_is_the_same_step_in_smaller_parts(exact: Toy) -> None:
    for module in exact.job.network.backbone.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0  # other parts draw other masks, which is no fault
    whole, parts = (exact.member(Settings(epochs=1, lr=1e-2, batch=8, accumulate=n)) for n in (1, 4))
    losses = [[step.loss for step in fit(exact.job, [one]) if step.rows] for one in (whole, parts)]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-12)


def test_a_member_stopped_in_the_middle_ends_with_the_same_bits(toy: Toy, tmp_path: Path) -> None:
    chosen = Settings(epochs=2, lr=1e-2, batch=8)
    held, rows = EVERY[:6], EVERY[6:]
    one = toy.member(chosen, train=rows, validation=held)
    list(fit(toy.job, [one]))
    begun = toy.member(chosen, train=rows, validation=held)
    for step in fit(toy.job, [begun]):
        if step.step == 3 and step.rows:
            break
    path = tmp_path / "state.safetensors"
    state_of(begun, "key", []).write(path)
    again = toy.member(chosen, train=rows, validation=held)
    restore(again, type(state_of(begun, "key", [])).read(path))
    list(fit(toy.job, [again]))
    for name, value in one.snapshot().items():
        assert torch.equal(again.snapshot()[name], value), name
    assert one.curve == again.curve and len(one.held) == len(again.held) == 3
    for a, b in zip(one.held, again.held, strict=True):
        assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def test_results_without_rows_are_kept_too(toy: Toy) -> None:
    saved = state_of(
        toy.member(Settings(epochs=1, lr=1e-2)),
        "key",
        [],
        {"logits": predict(toy.job, toy.member(Settings(1, 1e-2)), NONE)},
    )
    assert len(saved.results["logits"]) == 0 and tokens.is_ragged(saved.results["logits"])


@given(st.lists(st.integers(0, 5), max_size=6))
def test_flat_and_split_are_opposites(lengths: list[int]) -> None:
    rows = tokens.ragged((np.full((length, 2), i, np.float32) for i, length in enumerate(lengths)), len(lengths))
    again = tokens.split(*tokens.flat(rows))
    assert len(again) == len(rows) and all(np.array_equal(a, b) for a, b in zip(again, rows, strict=True))


def test_tokens_ask_the_nearest_tokens_and_only_so_many(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    known = features(toy)
    known.read(EVERY)
    pooled = known.pooled[POOLING]
    found = neighbours.vote(pooled, toy.targets, len(toy.labels), pooled, count=1)
    right = [(row.argmax(axis=1) == gold[: len(row)]).mean() for row, gold in zip(found, toy.targets, strict=True)]
    assert np.mean(right) == 1.0  # each token is its own nearest
    monkeypatch.setattr(neighbours, "MOST_TOKENS", 10)
    few = neighbours.vote(pooled, toy.targets, len(toy.labels), pooled, count=1)
    assert [row.shape for row in few] == [row.shape for row in found]


def test_head_rows_of_an_earlier_run_are_matched_by_tag(toy: Toy) -> None:
    """Entity types differ between domains: those that both have are carried over, others start from the probe."""
    known = features(toy)
    known.read(EVERY)
    old = ("B-fruit", "I-fruit", "O", "B-stone")
    weight, bias = np.arange(4 * 32, dtype=np.float32).reshape(4, 32), np.arange(4, dtype=np.float32)
    carried = _carried_over(Head(POOLING, old, weight, bias), toy.labels, numbers=False)
    solved = warm_start(known.pooled, toy.targets, len(toy.labels), (POOLING, 0.01), False, carried)(EVERY)
    for place, label in enumerate(toy.labels):
        mine = solved.weight[place]
        if label in old:
            assert np.array_equal(mine, weight[old.index(label)])
        else:
            assert np.array_equal(mine, toy.probe.weight[place])
