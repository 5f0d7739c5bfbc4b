"""The loop: stacked equals solo, accumulation changes nothing, early stopping keeps the best."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from toy import EVERY, MEAN, Toy, build, judged_by, method_named, with_accelerator

from ftkit.errors import FtkitError
from ftkit.features.examples import Features
from ftkit.features.headroom import TOKENS, portions
from ftkit.features.network import Network
from ftkit.training.loop import fit
from ftkit.training.members import Member, Settings, balance
from ftkit.training.parts import best_epoch
from ftkit.training.passes import predict

QUICK = Settings(epochs=3, lr=1e-2, batch=8, warmup=0.0)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Toy]:
    """The toy in single and double precision."""
    folder = tmp_path_factory.mktemp("toy")
    return {double: build(folder, method_named("lora"), double=double) for double in (False, True)}


@pytest.fixture
def exact(built: dict[bool, Toy]) -> Toy:
    return with_accelerator(built[True])


@pytest.fixture
def toy(built: dict[bool, Toy]) -> Toy:
    return with_accelerator(built[False])


def distance(one: Member, other: Member) -> float:
    """Largest difference of any weight."""
    mine, theirs = one.snapshot(), other.snapshot()
    return max(float((mine[key] - theirs[key]).abs().max()) for key in mine)


def test_members_in_a_stack_equal_members_alone(exact: Toy) -> None:
    rows = [EVERY, EVERY[::2], EVERY[5:]]
    chosen = Settings(epochs=6, lr=1e-2, batch=8)
    alone = [exact.member(chosen, seed, train=part) for seed, part in enumerate(rows)]
    for one in alone:
        list(fit(exact.job, [one]))
    stacked = [exact.member(chosen, seed, train=part) for seed, part in enumerate(rows)]
    list(fit(exact.job, stacked))
    assert stacked[0].step == 18
    for one, other in zip(alone, stacked, strict=True):
        assert distance(one, other) < 1e-9


def test_accumulation_is_the_same_step_in_smaller_parts(exact: Toy) -> None:
    for module in exact.job.network.backbone.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0  # other parts draw other masks, which is no fault
    whole, parts = exact.member(QUICK), exact.member(Settings(epochs=3, lr=1e-2, batch=8, warmup=0.0, accumulate=8))
    for left, right in zip(fit(exact.job, [whole]), fit(exact.job, [parts]), strict=True):
        assert (left.loss is None) == (right.loss is None)
        assert left.loss is None or right.loss is not None and abs(left.loss - right.loss) < 1e-10
    assert distance(whole, parts) < 1e-9


def test_equal_seeds_give_equal_bits_and_others_do_not(toy: Toy) -> None:
    one, same, other = toy.member(QUICK, 4), toy.member(QUICK, 4), toy.member(QUICK, 5)
    for each in (one, same, other):
        list(fit(toy.job, [each]))
    assert distance(one, same) == 0.0
    assert distance(one, other) > 0.0


def test_the_loop_can_be_left_after_three_steps(toy: Toy) -> None:
    one = toy.member(QUICK)
    taken = list(islice(fit(toy.job, [one]), 4))
    assert [step.rows for step in taken] == [0, 8, 8, 8]
    assert one.step == 3


def test_early_stopping_ends_with_the_best_weights(toy: Toy) -> None:
    scores = iter([0.0, 0.5, 0.6, 0.9, 0.7, 0.6, 0.5, 0.4])  # the first is the rehearsal's
    strict = judged_by(toy, lambda positions, logits: (next(scores), 1.0))
    one = strict.member(Settings(epochs=10, lr=1e-2, batch=8, patience=2), validation=EVERY[:4])
    kept = {}
    for step in fit(strict.job, [one]):
        if step.rows == 0 and step.epoch == 2:
            kept = one.snapshot()
    assert one.best is not None and one.best.epoch == 2
    assert one.epoch == 4
    assert all(torch.equal(value, kept[key]) for key, value in one.snapshot().items())


def test_an_endless_loss_stops_with_step_and_advice(toy: Toy) -> None:
    one = toy.member(Settings(epochs=2, lr=1e-2, batch=8))
    with torch.no_grad():
        one.weight[0, 0] = float("nan")
    with pytest.raises(FtkitError, match="step 1 .*epoch 1") as caught:
        list(fit(toy.job, [one]))
    assert "train.lr=0.001" in caught.value.hint


def test_a_member_that_may_not_train_is_left_as_it_is(toy: Toy) -> None:
    one = toy.member(QUICK, stop_after=0)
    before = one.snapshot()
    assert list(fit(toy.job, [one])) == []
    assert all(torch.equal(value, before[key]) for key, value in one.snapshot().items())


def test_class_weights_follow_from_the_rows_that_are_trained_on(toy: Toy) -> None:
    few = np.concatenate([EVERY[toy.targets == 0][:2], EVERY[toy.targets == 1]])
    weights = balance(toy.job.targets, few, 2)
    assert (weights[0] / weights[1]).item() == pytest.approx(6)
    assert weights[toy.job.targets[few]].mean().item() == pytest.approx(1)
    leads = []
    for label_weights in (None, weights):
        one = toy.member(QUICK, train=few, label_weights=label_weights)
        list(fit(toy.job, [one]))
        logits = toy.logits(one)
        leads.append((logits[:, 0] - logits[:, 1]).mean())
    assert leads[1] > leads[0]  # the rare label gains


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.integers(1, 60), st.integers(1, 9), st.integers(0, 5), st.integers(0, 3))
def test_batches_hold_every_row_once(toy: Toy, count: int, size: int, seed: int, epoch: int) -> None:
    lengths = np.random.default_rng(seed).integers(1, 30, size=100)
    rows = np.arange(100)[:count]
    one = toy.member(Settings(epochs=1, lr=1e-3, batch=size), seed, train=rows)
    batches = one.batches(epoch, lengths)
    assert sorted(np.concatenate(batches)) == rows.tolist()
    assert len(batches) == one.steps_an_epoch
    assert max(map(len, batches)) <= size


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """Nothing but the head trains, and the features of all rows but the last are known."""
    toy = build(tmp_path_factory.mktemp("head"), method_named("head"))
    features = Features(toy.job.network, toy.job.examples, (MEAN,), None)
    features.read(EVERY[:-1])
    return replace(toy, job=replace(toy.job, pooled=features.pooled))


def test_a_head_alone_trains_on_known_features(head: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = replace(QUICK, epochs=6)
    plain, quick = (head.member(chosen, train=EVERY[:-1], validation=EVERY[:4]) for _ in range(2))
    list(fit(replace(head.job, pooled={}), [plain]))
    monkeypatch.setattr(Network, "__call__", lambda *_: pytest.fail("the base was run"))
    list(fit(head.job, [quick]))
    assert quick.step == 18
    assert distance(plain, quick) < 1e-5


def test_rows_that_are_not_known_are_run_through_the_base(head: Toy) -> None:
    one = head.member(QUICK)
    known, plain = predict(head.job, one, EVERY), predict(replace(head.job, pooled={}), one, EVERY)
    assert np.abs(known - plain).max() < 1e-5
    assert np.isfinite(known).all()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.integers(1, 3000), min_size=1, max_size=80), st.integers(0, 3))
def test_every_row_is_predicted_once_and_in_portions_that_suit(toy: Toy, lengths: list[int], seed: int) -> None:
    rows = np.random.default_rng(seed).permutation(len(lengths))
    found = list(portions(np.array(lengths), rows, toy.job.network.device, toy.job.evaluation_batch))
    assert sorted(np.concatenate(found)) == list(range(len(lengths)))
    for portion in found:
        longest = max(lengths[i] for i in portion)
        assert len(portion) == 1 or len(portion) * longest <= TOKENS
        assert len(portion) <= toy.job.evaluation_batch


def test_batches_are_of_similar_length(toy: Toy) -> None:
    lengths = np.random.default_rng(0).integers(1, 100, size=640)
    one = toy.member(Settings(epochs=1, lr=1e-3, batch=16), train=np.arange(640))
    padded = sum(len(batch) * lengths[batch].max() for batch in one.batches(0, lengths))
    assert padded < 1.2 * lengths.sum()


@pytest.mark.parametrize("decay", ["linear", "cosine", "none"])
def test_the_learning_rate_rises_then_falls(toy: Toy, decay: str) -> None:
    one = toy.member(Settings(epochs=10, lr=1.0, batch=8, warmup=0.2, decay=decay))  # type: ignore[arg-type]
    rates = []
    for one.step in range(30):
        rates.append(one.learning_rate())
    assert rates[0] == pytest.approx(1 / 6)
    assert max(rates) == pytest.approx(1.0)
    assert rates[6:] == sorted(rates[6:], reverse=True)
    assert (rates[-1] < 0.1) == (decay != "none")


def test_best_epoch_weighs_holdouts_and_takes_the_earliest() -> None:
    curves = [[(0.5, 1.0), (0.8, 0.9), (0.7, 0.9)], [(0.5, 1.0), (0.6, 0.9)]]
    assert best_epoch(curves, [10, 10]) == (1, pytest.approx(0.7), pytest.approx(0.9))
    assert best_epoch([[(0.5, 1.0), (0.5, 1.0), (0.5, 1.0)]], [5])[0] == 0
    assert best_epoch([[(0.5, 1.0), (0.5, 0.9)]], [5])[0] == 1


def test_a_holdout_that_does_not_define_the_score_has_no_say() -> None:
    nan = float("nan")
    assert best_epoch([[(nan, 1.0), (nan, 1.0)], [(0.5, 1.0), (0.9, 1.0)]], [50, 5]) == (
        1,
        pytest.approx(0.9),
        pytest.approx(1.0),
    )
    epoch, score, _ = best_epoch([[(nan, 1.0), (nan, 0.7), (nan, 0.8)]], [5])
    assert epoch == 1 and np.isnan(score)
