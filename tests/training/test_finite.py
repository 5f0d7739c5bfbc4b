"""Losses, gradients and scores that are no numbers: which rows, what to try, and weights that stay as they were."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch
from toy import EVERY, Toy

from ftkit.training.finite import NotFinite, bad_scores
from ftkit.training.loop import fit
from ftkit.training.members import Member, Settings

QUICK = Settings(epochs=2, lr=1e-2, batch=8, warmup=0.0)
NAN = float("nan")


def bits(one: Member) -> dict[str, torch.Tensor]:
    """Weights and the optimiser's state, as they are now."""
    states = enumerate(one.optimizer.state.values())
    return one.snapshot() | {f"{i} {key}": value.clone() for i, state in states for key, value in state.items()}


def stopped(toy: Toy, members: list[Member], after: int = 0) -> NotFinite:
    """The error of a run that takes `after` steps in good order; asserts that nothing of the bad one is left."""
    steps = fit(toy.job, members)
    list(islice(steps, len(members) * (1 + after)))
    before = [bits(one) for one in members]
    with pytest.raises(NotFinite) as caught:
        next(steps)
    for one, was in zip(members, before, strict=True):
        now = bits(one)
        assert now.keys() == was.keys() and all(torch.equal(now[key], was[key]) for key in was)
        assert one.step == after and all(p.grad is None for p in one.parameters())
    return caught.value


def test_rows_whose_own_loss_is_no_number_are_named(toy: Toy) -> None:
    positive = np.flatnonzero(toy.targets == 1)
    rows = np.concatenate([np.flatnonzero(toy.targets == 0), positive[:2]])
    one = toy.member(replace(QUICK, batch=24), train=rows, label_weights=torch.tensor([1.0, NAN]))
    found = stopped(toy, [one])
    assert found.message.startswith("toy: the loss is nan at step 1 (epoch 1), from 2 rows (row ")
    assert f"of {len(rows)}" in found.message and all(f"row {i}" in found.message for i in positive[:2])
    assert found.hint.startswith("look at these rows") and "train.lr=0.001" in found.hint


def test_many_rows_are_counted_and_weights_that_ran_away_blamed(toy: Toy) -> None:
    one = toy.member(QUICK, label_weights=torch.tensor([float("inf"), float("inf")]))
    found = stopped(toy, [one])
    assert "the loss is inf at step 1" in found.message and "with 8 rows (" in found.message
    assert found.message.count("row ") == 3 and "…" in found.message
    assert found.hint.startswith("try a smaller learning rate") and "fp32" not in found.hint


def test_a_gradient_that_is_no_number_stops_the_step(toy: Toy) -> None:
    one = toy.member(QUICK)
    steps = 0

    def broken(gradient: torch.Tensor) -> torch.Tensor:
        nonlocal steps
        steps += 1
        return gradient * (NAN if steps == 3 else 1)

    one.weight.register_hook(broken)
    found = stopped(toy, [one], after=2)
    assert "toy: the gradient is nan at step 3 (epoch 1), with 8 rows" in found.message


def test_nobody_in_a_stack_takes_the_bad_step(toy: Toy) -> None:
    good, bad = toy.member(QUICK, 0), toy.member(QUICK, 1, name="other", label_weights=torch.tensor([NAN, NAN]))
    assert stopped(toy, [good, bad]).message.startswith("other: ")


def test_bf16_is_named_where_it_was_used(toy: Toy) -> None:
    half = replace(toy, job=replace(toy.job, precision="bf16"))
    one = half.member(QUICK, label_weights=torch.tensor([NAN, NAN]))
    assert "--set train.precision=fp32" in stopped(half, [one]).hint


def test_the_best_weights_survive(toy: Toy) -> None:
    one = toy.member(QUICK, validation=EVERY[:6])
    list(islice(fit(toy.job, [one]), 5))  # before step 1, three steps, and the epoch's end
    assert one.best is not None
    kept = {name: value.clone() for name, value in one.best.weights.items()}
    one.label_weights = torch.tensor([NAN, NAN])
    with pytest.raises(NotFinite):
        list(fit(toy.job, [one]))
    assert all(torch.equal(one.best.weights[name], value) for name, value in kept.items())


def test_scores_that_are_no_numbers_are_an_error_too(toy: Toy) -> None:
    one = toy.member(QUICK, validation=EVERY[:6])
    with torch.no_grad():
        one.bias[1] = NAN
    with pytest.raises(NotFinite, match="after step 0 there is no score for 6 rows .* of 6"):
        list(fit(toy.job, [one]))


def test_input_that_holds_nan_is_pointed_at(toy: Toy) -> None:
    rows = [dict(row) for row in toy.job.examples.rows]
    rows[5]["series"] = np.array([0.5, NAN])  # a window of sensor values with a gap
    job = replace(toy.job, examples=replace(toy.job.examples, rows=rows), describe=lambda row: f"a.csv:{row + 2}")
    logits = np.zeros((24, 2))
    assert bad_scores(job, toy.member(QUICK), EVERY, logits) is None
    logits[[5, 9], 1] = NAN
    found = bad_scores(job, toy.member(QUICK), EVERY, logits)
    assert found is not None and found.hint.startswith("look at these rows")
    assert "for 2 rows (a.csv:7, whose input holds nan or infinity, a.csv:11) of 24" in found.message
