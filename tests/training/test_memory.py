"""Memory that runs out or is short: the batch is split, the step stays the same, and nothing half-done is left."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from toy import EVERY, Toy, build, method_named, with_accelerator

from ftkit import hardware
from ftkit.errors import FtkitError
from ftkit.features import headroom
from ftkit.features.headroom import SHARE, in_chunks, need
from ftkit.features.network import Network
from ftkit.training.loop import fit
from ftkit.training.members import Member, Settings
from ftkit.training.memory import Room, killed_for_memory, signs
from ftkit.training.passes import predict

QUICK = Settings(epochs=1, lr=1e-2, batch=8, warmup=0.0)
GIB = 2**30


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """In double precision and without dropout, so that equal steps are equal."""
    toy = build(tmp_path_factory.mktemp("toy"), method_named("lora"), double=True)
    for module in toy.job.network.backbone.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return toy


@pytest.fixture
def toy(built: Toy) -> Toy:
    own = with_accelerator(built)
    return replace(own, job=replace(own.job, room=Room(), examples=replace(own.job.examples, at_once=None)))


@pytest.fixture(autouse=True)
def plenty(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine that tests run on may be any: here it uses 1 of 64 GiB."""
    monkeypatch.setattr(headroom, "standing", lambda device: (GIB, 64 * GIB))
    monkeypatch.setattr(headroom, "peak", lambda device: GIB)


class Tight(Network):
    """Fails as `fail` does where more than `rows` are run at once, or at the calls whose numbers are in `at`."""

    rows: int
    at: set[int]
    calls: int
    fail: Callable[[], object]

    def __call__(self, batch: Any, weights: Any = None) -> torch.Tensor:
        self.calls += 1
        if len(batch.inputs["input_ids"]) > self.rows or self.calls in self.at:
            self.fail()
        return super().__call__(batch, weights)


def out() -> None:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")


def tight(toy: Toy, rows: int = 10**6, at: set[int] | None = None, fail: Callable[[], object] = out) -> Toy:
    network = copy.copy(toy.job.network)
    network.__class__ = Tight
    network.__dict__.update(rows=rows, at=at or set(), calls=0, fail=fail)
    known = Room(known=10**9)  # what is looked at before the first step is another test's matter
    return replace(toy, job=replace(toy.job, network=network, room=known))


def trained(toy: Toy, settings: Settings = QUICK, **fields: Any) -> Member:
    one = toy.member(settings, **fields)
    list(fit(toy.job, [one]))
    return one


def distance(one: Member, other: Member) -> float:
    mine, theirs = one.snapshot(), other.snapshot()
    return max(float((mine[key] - theirs[key]).abs().max()) for key in mine)


# ---- a failed allocation ----


def no_bytes() -> None:
    raise MemoryError


FAILURES = [out, no_bytes, lambda: torch.empty(2**50, dtype=torch.uint8)]  # the last fails in the real allocator


@pytest.mark.parametrize("fail", FAILURES)
@pytest.mark.parametrize(("rows", "parts"), [(8, 1), (7, 2), (3, 4), (1, 8)])
def test_the_step_stays_the_same_in_smaller_parts(toy: Toy, fail: Any, rows: int, parts: int) -> None:
    short = tight(toy, rows, fail=fail)
    assert distance(trained(toy), trained(short)) < 1e-9
    assert short.job.room.parts(1) == parts


@pytest.mark.parametrize("call", [1, 2, 3, 6])
def test_a_failure_at_any_part_leaves_no_half_step(toy: Toy, call: int) -> None:
    short = tight(toy, at={call})
    chosen = replace(QUICK, accumulate=2)
    assert distance(trained(toy), trained(short, chosen)) < 1e-9
    assert short.job.room.parts(2) == 4


def test_members_in_a_stack_are_split_together(toy: Toy) -> None:
    short = tight(toy, rows=5)
    members = [toy.member(QUICK, seed, train=rows) for seed, rows in enumerate((EVERY, EVERY[3:]))]
    list(fit(short.job, members))
    for seed, one in enumerate(members):
        assert distance(one, trained(toy, seed=seed, train=one.train)) < 1e-9
    assert short.job.room.halvings == 1


def test_it_is_said_once(toy: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    trained(tight(toy, rows=2))
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2
    assert "out of memory: each batch of 8 rows runs in 2 parts" in said[0] and "in 4 parts" in said[1]


def test_one_row_too_many_ends_with_what_to_type(toy: Toy) -> None:
    short = tight(toy, rows=0)
    one = toy.member(QUICK)
    before = one.snapshot()
    with pytest.raises(FtkitError, match="even with one row at a time") as caught:
        list(fit(short.job, [one]))
    assert "task.max_length" in caught.value.hint
    assert all(torch.equal(value, before[key]) for key, value in one.snapshot().items())
    assert all(p.grad is None for p in one.parameters()) and one.step == 0


def test_another_failure_is_none_of_memory(toy: Toy) -> None:
    def fail() -> None:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    short = tight(toy, rows=3, fail=fail)
    with pytest.raises(RuntimeError, match="shapes"):
        trained(short)
    assert short.job.room.halvings == 0


@pytest.mark.parametrize("fail", FAILURES)
def test_evaluation_reads_fewer_rows_at_once(toy: Toy, fail: Any) -> None:
    one = toy.member(QUICK)
    whole, short = predict(toy.job, one, EVERY[::-1]), tight(toy, rows=7, fail=fail)
    assert np.abs(predict(short.job, one, EVERY[::-1]) - whole).max() < 1e-12
    assert short.job.examples.at_once == 6
    with pytest.raises(FtkitError, match="one row"):
        predict(tight(toy, rows=0).job, one, EVERY)


def test_chunks_hold_every_row_once_and_the_longest_first(toy: Toy) -> None:
    seen: list[np.ndarray] = []
    in_chunks(toy.job.network, toy.job.examples, EVERY[3:], 7, seen.append)
    assert [len(rows) for rows in seen] == [7, 7, 7]
    lengths = toy.job.examples.lengths[np.concatenate(seen)]
    assert sorted(np.concatenate(seen)) == EVERY[3:].tolist() and (np.diff(lengths) <= 0).all()
    assert toy.job.examples.at_once == headroom.ROWS  # a later call may ask for more rows than this one
    in_chunks(toy.job.network, toy.job.examples, EVERY[:0], 7, seen.append)
    assert len(seen) == 3


# ---- what a pass needs ----


def test_need_counts_what_lives_at_once() -> None:
    outside = torch.ones(1000)

    def trial(rows: int) -> torch.Tensor:
        first = torch.ones(rows, 100)  # 400 bytes a row
        second = first * 2
        del first
        third = second.view(-1) + 1  # a view is no new memory
        outside.view(10, 100).mul_(2)  # nor is what was there before
        return third

    found = need(trial, GIB)
    assert (found.one, found.another) == (800, 800)
    assert found.of(10) == pytest.approx(8000 * headroom.SLACK)
    assert need(trial, 1500) == found
    tried: list[int] = []
    need(tried.append, 10**6)
    assert tried == [1, 2]


def test_two_rows_are_not_tried_where_one_takes_more_than_half() -> None:
    tried: list[int] = []

    def trial(rows: int) -> torch.Tensor:
        tried.append(rows)
        return torch.ones(rows, 100)

    found = need(trial, 700)
    assert tried == [1] and (found.one, found.another) == (400, 400)


@pytest.mark.parametrize("name", ["lora", "full"])
def test_two_small_passes_tell_what_a_batch_needs(tmp_path: Path, name: str) -> None:
    made = build(tmp_path, method_named(name))
    one, rows = made.member(QUICK), np.repeat(made.job.examples.lengths.argmax(), 24)

    def forward(count: int) -> torch.Tensor:
        return one.logits(made.job.network, made.job.examples.batch(rows[:count]))

    reckoned, measured = need(forward, GIB), need(lambda count: forward(12 * count), GIB)
    for count, bytes_ in ((12, measured.one), (24, measured.one + measured.another)):
        assert reckoned.of(count) == pytest.approx(bytes_ * headroom.SLACK, rel=0.02)
    assert measured.one > 10 * reckoned.another > 0


# ---- chosen before the first step ----


def limited(monkeypatch: pytest.MonkeyPatch, toy: Toy, rows: float) -> None:
    """A machine whose share of memory holds `rows` of the longest batch, and nothing else."""
    one, lengths = toy.member(QUICK), toy.job.examples.lengths
    longest = np.argsort(-lengths, kind="stable")
    toy.job.network.training(True)
    known = need(lambda count: one.logits(toy.job.network, toy.job.examples.batch(longest[:count])), GIB)
    limit = int((one.unmade() + known.of(1) + (rows - 1) * (known.of(2) - known.of(1))) / SHARE) + 2000
    monkeypatch.setattr(headroom, "standing", lambda device: (0, limit))
    monkeypatch.setattr(headroom, "peak", lambda device: 0)


@pytest.mark.parametrize(("fit_rows", "parts"), [(8.5, 1), (7.5, 2), (3.5, 4), (1.5, 8)])
def test_the_batch_is_chosen_to_stay_below_the_share(
    toy: Toy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], fit_rows: float, parts: int
) -> None:
    expected = trained(toy)
    toy = replace(toy, job=replace(toy.job, room=Room()))
    limited(monkeypatch, toy, fit_rows)
    assert distance(trained(toy), expected) < 1e-9
    assert toy.job.room.parts(1) == parts
    said = capsys.readouterr().err
    assert said.count("training needs about") == (parts > 1)
    assert toy.job.room.expected <= SHARE * headroom.standing(toy.job.network.device)[1]


def test_what_cannot_fit_is_refused_before_the_first_step(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(headroom, "standing", lambda device: (GIB, GIB + 10))
    one = toy.member(QUICK)
    with pytest.raises(FtkitError, match="one row at a time needs 1.0 GiB") as caught:
        list(fit(toy.job, [one]))
    assert one.step == 0 and "smaller --base" in caught.value.hint


def test_the_longest_part_is_tried_out_where_memory_is_not_plenty(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    peaks = iter([0.4, 0.9, 0.9, 0.95, 0.95, 0.95])  # before and after each trial: two exceed, the third adds nothing
    monkeypatch.setattr(headroom, "standing", lambda device: (GIB, 2 * GIB))
    monkeypatch.setattr(headroom, "peak", lambda device: int(next(peaks) * 2 * GIB))
    trained(toy)
    assert toy.job.room.parts(1) == 4


def test_a_failure_while_trying_out_is_only_a_smaller_part(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(headroom, "standing", lambda device: (GIB, 2 * GIB))
    short = tight(toy, rows=5)
    short.job.room.known = 0
    assert distance(trained(short), trained(toy)) < 1e-9
    assert short.job.room.halvings == 1


@pytest.mark.parametrize("used", [GIB, 30 * GIB])  # far from the limit; near enough for the trial
def test_looking_changes_no_bit_where_memory_suffices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, used: int
) -> None:
    monkeypatch.setattr(headroom, "standing", lambda device: (used, 64 * GIB))
    weights = []
    for known in (0.0, float("inf")):
        made = build(tmp_path, method_named("lora"))  # in single precision, with dropout
        made = replace(made, job=replace(made.job, room=Room(known=known)))
        weights.append(trained(made, validation=EVERY[:6]))
        assert made.job.room.halvings == 0
    assert distance(*weights) == 0.0


def test_a_larger_batch_is_looked_at_again(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    limited(monkeypatch, toy, 5.5)
    trained(toy, replace(QUICK, batch=4))
    assert toy.job.room.parts(1) == 1
    trained(toy)
    assert toy.job.room.parts(1) == 2


def test_reading_takes_as_many_rows_as_fit(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    one = toy.member(QUICK)
    whole = predict(toy.job, one, EVERY)
    toy = replace(toy, job=replace(toy.job, examples=replace(toy.job.examples, at_once=None)))
    monkeypatch.setattr(headroom, "standing", lambda device: (GIB, GIB + 10))
    assert np.abs(predict(toy.job, one, EVERY) - whole).max() < 1e-12
    assert toy.job.examples.at_once == 1


# ---- after a kill ----

GROUPS = {
    "v1": ("4:memory:/job\n", "memory/job/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill {}\n"),
    "v2": ("0::/job\n", "job/memory.events", "low 0\noom 1\noom_kill {}\noom_group_kill 0\n"),
}


@pytest.fixture(params=GROUPS)
def kills(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Writes the kernel's count of kills in this process's group."""
    membership, name, content = GROUPS[request.param]
    (tmp_path / "proc" / "self").mkdir(parents=True)
    (tmp_path / "proc" / "self" / "cgroup").write_text(membership)
    monkeypatch.setattr(hardware, "PROC", tmp_path / "proc")
    monkeypatch.setattr(hardware, "CGROUP", tmp_path / "cgroup")
    path = tmp_path / "cgroup" / name

    def write(count: int, anew: bool = False) -> None:
        if anew and path.exists():
            path.parent.rename(tmp_path / "gone")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content.format(count))

    yield write


def record(share: float) -> dict[str, Any]:
    """What a run wrote, as it is read back from its folder."""
    room = Room(expected=int(share * hardware.memory_limit()))
    found: dict[str, Any] = json.loads(json.dumps(signs(room)))
    return found


def test_the_kernels_count_is_proof(kills: Any) -> None:
    kills(2)
    large, small = record(0.95), record(0.01)
    assert large["share"] == pytest.approx(0.95) and small["share"] < 0.5
    assert not killed_for_memory(large) and not killed_for_memory(small)
    kills(3)
    assert killed_for_memory(large) and killed_for_memory(small)


def test_in_another_container_a_large_share_is_suspicion_enough(kills: Any) -> None:
    kills(0)
    large, small = record(0.95), record(0.01)
    kills(5, anew=True)
    assert killed_for_memory(large) and not killed_for_memory(small)


def test_a_run_without_a_record_was_not_killed_for_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "PROC", tmp_path)
    assert signs(Room())["kills"] is None
    assert not killed_for_memory({}) and killed_for_memory({"share": 0.9})


def test_a_resumed_run_repeats_what_the_first_process_chose(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    limited(monkeypatch, toy, 1.5)
    again = replace(toy, job=replace(toy.job, room=Room(known=float("inf"))))
    trained(again, replace(QUICK, accumulate=2))
    assert again.job.room.parts(2) == 2
    assert list(islice(fit(again.job, []), 1)) == []
