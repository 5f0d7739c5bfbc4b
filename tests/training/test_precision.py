"""bf16 is measured, taken where it pays, and remembered: two equal runs never disagree."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from toy import EVERY, NONE, Toy, build, method_named

from ftkit.features.cache import Cache
from ftkit.runs.folder import RunFolder
from ftkit.training import precision
from ftkit.training.loop import fit
from ftkit.training.members import Member, Settings
from ftkit.training.precision import MEASURED, Precisions, choose, measure

QUICK = Settings(epochs=2, lr=1e-2, batch=8)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache", 2**30)


@pytest.fixture(autouse=True)
def able(monkeypatch: pytest.MonkeyPatch) -> None:
    """A processor with bf16, whatever this one has."""
    monkeypatch.setattr(precision, "has_bf16", lambda: True)


def takes(monkeypatch: pytest.MonkeyPatch, *several: tuple[float, float]) -> list[tuple[float, float]]:
    """What measuring finds, time after time; returns what is left to be found."""
    left = list(several)
    monkeypatch.setattr(precision, "measure", lambda job, one: left.pop(0))
    return left


@pytest.mark.parametrize(
    ("fp32", "bf16", "chosen"), [(1.0, 0.5, "bf16"), (1.0, 0.95, "fp32"), (1.0, 2.0, "fp32"), (1.1, 1.0, "bf16")]
)
def test_bf16_must_be_a_tenth_faster(
    monkeypatch: pytest.MonkeyPatch, toy: Toy, cache: Cache, fp32: float, bf16: float, chosen: str
) -> None:
    takes(monkeypatch, (fp32, bf16))
    assert choose(toy.job, toy.member(QUICK), cache) == chosen


def test_a_second_run_does_not_flip(monkeypatch: pytest.MonkeyPatch, toy: Toy, cache: Cache) -> None:
    left = takes(monkeypatch, (1.0, 0.5), (1.0, 2.0))
    first = [choose(toy.job, toy.member(QUICK, seed), cache) for seed in range(3)]
    assert first == ["bf16"] * 3 and len(left) == 1
    assert choose(toy.job, toy.member(replace(QUICK, batch=4)), cache) == "fp32"  # another question


def test_of_two_processes_the_first_to_measure_counts(monkeypatch: pytest.MonkeyPatch, toy: Toy, cache: Cache) -> None:
    def overtaken(job: object, one: object) -> tuple[float, float]:
        takes(monkeypatch, (1.0, 0.5))
        assert choose(toy.job, toy.member(QUICK), Cache(cache.root, cache.limit)) == "bf16"
        return 1.0, 2.0

    monkeypatch.setattr(precision, "measure", overtaken)
    assert choose(toy.job, toy.member(QUICK), cache) == "bf16"


@pytest.mark.parametrize("damage", ["", "{", "[1]", '{"a": 1}', '{"a": ["x", "y"]}', '{"a": [1, 2, 3]}'])
def test_a_damaged_memory_is_measured_anew(
    monkeypatch: pytest.MonkeyPatch, toy: Toy, cache: Cache, damage: str
) -> None:
    cache.root.mkdir()
    (cache.root / MEASURED).write_text(damage)
    takes(monkeypatch, (1.0, 0.5))
    assert choose(toy.job, toy.member(QUICK), cache) == "bf16"
    assert list(json.loads((cache.root / MEASURED).read_text()).values()) == [[1.0, 0.5]]


def test_a_disk_that_refuses_ends_no_run(
    monkeypatch: pytest.MonkeyPatch, toy: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("no folder")
    takes(monkeypatch, (1.0, 0.5))
    assert choose(toy.job, toy.member(QUICK), Cache(tmp_path / "file" / "cache", 2**30)) == "bf16"
    assert "cannot be kept" in capsys.readouterr().err


def test_where_memory_runs_out_nothing_is_concluded(monkeypatch: pytest.MonkeyPatch, toy: Toy, cache: Cache) -> None:
    takes(monkeypatch, (1.0, float("inf")), (1.0, 0.5))
    assert choose(toy.job, toy.member(QUICK), cache) == "fp32"
    assert choose(toy.job, toy.member(QUICK), cache) == "bf16"


def test_a_processor_without_bf16_is_not_measured(monkeypatch: pytest.MonkeyPatch, toy: Toy, cache: Cache) -> None:
    monkeypatch.setattr(precision, "has_bf16", lambda: False)
    takes(monkeypatch)
    assert choose(toy.job, toy.member(QUICK), cache) == "fp32"


def test_a_run_keeps_what_was_settled(monkeypatch: pytest.MonkeyPatch, toy: Toy, cache: Cache, tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    (tmp_path / "checkpoints").mkdir()
    takes(monkeypatch, (1.0, 0.5), (1.0, 2.0))
    several = Precisions("auto", run, cache)
    assert several.settled is None
    assert several.settle(toy.job, toy.member(QUICK)).precision == "bf16"
    again = Precisions("auto", RunFolder(tmp_path, run.begun), Cache(tmp_path / "another machine", 2**30))
    assert again.settled == "bf16" and again.settle(toy.job, toy.member(QUICK)).precision == "bf16"


def test_what_the_recipe_says_is_not_measured(
    monkeypatch: pytest.MonkeyPatch, toy: Toy, cache: Cache, tmp_path: Path
) -> None:
    takes(monkeypatch)
    for wanted in ("fp32", "bf16"):
        asked = Precisions(wanted, RunFolder(tmp_path), cache)  # type: ignore[arg-type]
        assert asked.settle(toy.job, toy.member(QUICK)).precision == asked.settled == wanted


def test_a_head_alone_is_not_worth_measuring(monkeypatch: pytest.MonkeyPatch, cache: Cache, tmp_path: Path) -> None:
    takes(monkeypatch)
    (tmp_path / "toy").mkdir()
    head = build(tmp_path / "toy", method_named("head"))
    several = Precisions("auto", RunFolder(tmp_path), cache)
    assert several.settle(head.job, head.member(QUICK)).precision == "fp32"
    assert several.settled is None


def test_measuring_leaves_no_trace(toy: Toy) -> None:
    def trained(one: Member) -> dict[str, torch.Tensor]:
        list(fit(toy.job, [one]))
        return one.snapshot()

    plain, watched = toy.member(QUICK, 3), toy.member(QUICK, 3)
    seconds = measure(toy.job, watched)
    assert all(0 < one < 10 for one in seconds)
    assert watched.step == 0 and not watched.optimizer.state
    assert all(p.grad is None for p in watched.parameters())
    first, second = trained(plain), trained(watched)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_rows_that_are_measured_are_neither_the_shortest_nor_the_longest(toy: Toy) -> None:
    lengths = np.arange(1, 25)
    one = toy.member(QUICK, train=EVERY, validation=NONE)
    longest = [lengths[rows].max() for rows in one.batches(0, lengths)]
    assert min(longest) < lengths[precision._typical(one, lengths)].max() <= max(longest)
    assert len(precision._typical(one, lengths)) == 8


def test_what_is_remembered_tells_nothing_of_the_rows(monkeypatch: pytest.MonkeyPatch, toy: Toy, cache: Cache) -> None:
    takes(monkeypatch, (1.0, 0.5))
    choose(toy.job, toy.member(QUICK), cache)
    (key,) = json.loads((cache.root / MEASURED).read_text())
    fewer = toy.member(QUICK, train=EVERY[:8])
    assert precision._key(toy.job, fewer) == key
