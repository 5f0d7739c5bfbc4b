"""A member or a run that was stopped and taken up again ends as if it had never been stopped."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import toy as toys
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ftkit import files, folders, pipeline, registry, runs
from ftkit.errors import FtkitError, InputError, Interrupted
from ftkit.recipe import Recipe, parse, read
from ftkit.recipe.pace import Pace
from ftkit.training import checkpoints, parts
from ftkit.training.checkpoints import Journal
from ftkit.training.finite import NotFinite
from ftkit.training.loop import Step, fit
from ftkit.training.members import Member, Settings
from ftkit.training.state import Saved, restore, state_of

PLAN = Settings(epochs=3, lr=1e-2, batch=8, patience=3)
EVERY_STEP = Pace(steps=1)
TIMES = ("cost", "created", "command")
"""what a report says of how long it took, and by whom it was asked for"""


@pytest.fixture
def toy(tmp_path: Path) -> toys.Toy:
    return toys.build(tmp_path, toys.method_named("lora", dropout=0.1))


def member_of(toy: toys.Toy) -> Member:
    """A member with validation rows, so that best weights and the early stop are part of it."""
    return toy.member(PLAN, train=toys.EVERY[6:], validation=toys.EVERY[:6])


def journal_in(folder: Path) -> Journal:
    return Journal(folder / "checkpoints", EVERY_STEP, lambda line: None, lambda: None)


def same(one: Member, other: Member) -> None:
    """Equal to the last bit, in weights and in what was measured on the way."""
    first, second = one.snapshot(), other.snapshot()
    assert all(np.array_equal(first[name], second[name]) for name in first)
    assert one.curve == other.curve and (one.step, one.epoch, one.done) == (other.step, other.epoch, other.done)
    assert len(one.held) == len(other.held) and all(map(np.array_equal, one.held, other.held))


def test_a_member_stopped_after_any_step_ends_the_same(toy: toys.Toy) -> None:
    whole = member_of(toy)
    events = sum(1 for _ in fit(toy.job, [whole]))
    assert events == 3 * 3 + 4  # steps, and the ends of epochs with the one before the first
    for stop in range(1, events):
        one = member_of(toy)
        for count, _ in enumerate(fit(toy.job, [one]), 1):
            if count == stop:
                break
        state_of(one, "key", []).write(toy.folder / "record")
        again = member_of(toy)
        restore(again, Saved.read(toy.folder / "record"))
        list(fit(toy.job, [again]))
        same(again, whole)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), length=st.integers(1, 64), byte=st.integers(1, 255))
def test_no_damaged_byte_goes_unseen(toy: toys.Toy, place: float, length: int, byte: int) -> None:
    one = member_of(toy)
    path = toy.folder / "record"
    state_of(one, "key", [{"epoch": 0}]).write(path)
    kept = Saved.read(path)
    packed = bytearray(path.read_bytes())
    start = int(place * len(packed))
    packed[start : start + length] = bytes(old ^ byte for old in packed[start : start + length])
    path = toy.folder / "damaged"
    path.write_bytes(packed)
    try:
        found = Saved.read(path)  # only blanks in the header may differ unseen
    except ValueError:
        return
    assert found.values == kept.values and all(np.array_equal(found.tensors[k], kept.tensors[k]) for k in kept.tensors)


@pytest.mark.parametrize("damage", ["cut", "empty", "foreign"])
def test_a_damaged_newest_record_falls_back_on_the_one_before(
    toy: toys.Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    one, journal = member_of(toy), journal_in(tmp_path)
    journal.begin("key", one)
    for count, _ in enumerate(fit(toy.job, [one]), 1):
        journal.stepped(one)
        if count == 6:
            break
    left = sorted((tmp_path / "checkpoints").iterdir())
    assert len(left) == checkpoints.KEEP
    spoiled = {"cut": left[-1].read_bytes()[:-7], "empty": b"", "foreign": b"PK\x03\x04 not ours"}
    left[-1].write_bytes(spoiled[damage])
    again = member_of(toy)
    assert journal_in(tmp_path).begin("key", again) is None
    assert again.step == one.step - 1 or again.epoch == one.epoch - 1
    assert "is damaged" in capsys.readouterr().err
    list(fit(toy.job, [again]))
    whole = member_of(toy)
    list(fit(toy.job, [whole]))
    same(again, whole)


def test_a_full_disk_costs_the_record_and_not_the_run(
    toy: toys.Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    one, journal = member_of(toy), journal_in(tmp_path)
    journal.begin("key", one)
    journal.save(one)

    def refuse(path: Path) -> Any:
        raise files.os_error(OSError(28, "No space left on device"), f"writing {path}") from OSError(28, "full")

    monkeypatch.setattr("ftkit.training.checkpoints.replacing", refuse)
    for _ in fit(toy.job, [one]):
        journal.stepped(one)
    assert capsys.readouterr().err.count("the disk is full") == 1
    again = member_of(toy)
    assert journal_in(tmp_path).begin("key", again) is None and again.step == 0


@pytest.mark.parametrize(
    "text", ["every 5 minutes", "every minute", "every 100 steps", "every step", "every 0.5 minutes"]
)
def test_a_pace_that_is_read(text: str) -> None:
    pace = Pace.parse(text)
    assert (pace.steps > 0) != (pace.seconds > 0)


@pytest.mark.parametrize("text", ["", "5 minutes", "every 0 steps", "every 2.5 steps", "every -1 steps", "every hour"])
def test_a_pace_that_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="every N steps"):
        Pace.parse(text)


# ---- whole runs ----


def toy_recipe(folder: Path, **changes: Any) -> Recipe:
    """A cross-fitted toy that saves after every step."""
    folder.mkdir(exist_ok=True)
    tree = registry.load("tasks", "text_classification").toy(folder)
    tree |= {
        "method": {"name": "lora", "layers": "last 1"},
        "train": {"epochs": 2, "batch": 8, "checkpoint": "every step"},
    }
    return parse(tree, [(key, json.dumps(value)) for key, value in changes.items()])


def carry_out(recipe: Recipe, folder: Path) -> dict[str, Any]:
    def claim() -> Path:
        return folder if folder.exists() else folders.new_run_folder(folder, "toy", False)

    return pipeline.run(recipe, claim, "ftkit train toy")[1]


def stop_after(count: int, monkeypatch: pytest.MonkeyPatch, how: Callable[[], None]) -> None:
    """Let `how` happen after so many steps of the loop."""
    left = [count]

    def counted(*given: Any) -> Any:
        for step in fit(*given):
            yield step
            left[0] -= 1
            if left[0] == 0:
                how()

    monkeypatch.setattr(parts, "fit", counted)


def crash() -> None:
    raise MemoryError("killed by a test")


def equal_runs(one: Path, other: Path) -> None:
    """Weights, history and report are the same, cost and times aside."""
    for path in sorted((one / "adapter").iterdir()):
        assert path.read_bytes() == (other / "adapter" / path.name).read_bytes(), path.name
    first, second = (json.loads((folder / runs.REPORT).read_text()) for folder in (one, other))
    first["name"] = second["name"]
    for key in TIMES:
        del first[key], second[key]
    lines = [first.pop("history"), second.pop("history")]
    kept = [[json.loads(line) for line in (folder / runs.HISTORY).read_text().splitlines()] for folder in (one, other)]
    for several in (*lines, *kept):
        for line in several:
            del line["time"]
    assert lines[0] == lines[1] and kept[0] == kept[1] == lines[0]
    assert first == second


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    carry_out(toy_recipe(folder), folder / "run")
    return folder / "run"


SLOW = pytest.mark.slow  # each is a whole run, and then some; one of a kind is enough on every change


@pytest.mark.parametrize(
    "steps", [pytest.param(1, marks=SLOW), 6, pytest.param(13, marks=SLOW), pytest.param(20, marks=SLOW)]
)
def test_a_run_that_crashed_is_taken_up_to_the_same_end(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    with monkeypatch.context() as patch:
        stop_after(steps, patch, crash)
        with pytest.raises(MemoryError):
            carry_out(toy_recipe(whole.parent), tmp_path / "run")
    assert folders.state(tmp_path / "run") == "failed"
    report = carry_out(read(tmp_path / "run" / runs.RECIPE), tmp_path / "run")
    assert report["cost"]["resumed"] == 1 and not (tmp_path / "run" / runs.CHECKPOINTS).exists()
    equal_runs(tmp_path / "run", whole)


@pytest.mark.parametrize("number", [pytest.param(signal.SIGINT, marks=SLOW), signal.SIGTERM])
def test_a_signal_ends_the_step_and_saves(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    with monkeypatch.context() as patch:
        stop_after(12, patch, lambda: os.kill(os.getpid(), number))
        with pytest.raises(Interrupted) as caught:
            carry_out(toy_recipe(whole.parent), tmp_path / "run")
    assert caught.value.code == 130 and "--resume" in caught.value.hint
    assert folders.state(tmp_path / "run") == "partial"
    trained: list[Step] = []
    with monkeypatch.context() as patch:
        patch.setattr(parts, "fit", lambda *given: (trained.append(step) or step for step in fit(*given)))
        carry_out(read(tmp_path / "run" / runs.RECIPE), tmp_path / "run")
    equal_runs(tmp_path / "run", whole)
    events = len((whole / runs.HISTORY).read_text().splitlines())
    assert 0 < sum(step.rows == 0 for step in trained) < events  # it went on, and did not start over


def test_a_run_is_taken_up_with_nothing_but_what_it_began_with(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = toy_recipe(tmp_path / "data")
    with monkeypatch.context() as patch:
        stop_after(5, patch, crash)
        with pytest.raises(MemoryError):
            carry_out(recipe, tmp_path / "run")
    saved = read(tmp_path / "run" / runs.RECIPE)
    with pytest.raises(InputError, match=r"train\.batch was 8, is 4") as caught:
        carry_out(saved.replace({"train.batch": 4}), tmp_path / "run")
    assert "--out" in caught.value.hint
    table = Path(str(saved.data.train))
    table.write_text(table.read_text() + "one more apple,fruit\n")
    with pytest.raises(InputError, match="holds other data"):
        carry_out(saved, tmp_path / "run")
    assert (tmp_path / "run" / runs.CHECKPOINTS / "origin.json").is_file()


def test_a_run_under_way_is_not_taken_up_twice(tmp_path: Path) -> None:
    from ftkit.runs.folder import open_run

    with open_run(tmp_path, {}), pytest.raises(FtkitError, match="another process"), open_run(tmp_path, {}):
        pytest.fail("two processes in one folder")


@pytest.mark.slow
def test_a_run_that_runs_away_keeps_its_best_weights(tmp_path: Path) -> None:
    recipe = toy_recipe(tmp_path / "data", **{"train.lr": 1e30, "train.checkpoint": "every 1000 steps"})
    with pytest.raises(NotFinite, match="after step 1 there is no score"):
        carry_out(recipe, tmp_path / "run")
    (record,) = (tmp_path / "run" / runs.CHECKPOINTS).glob("state-*.safetensors")
    best = Saved.read(record).under("best/")
    assert best and all(bool(tensor.isfinite().all() and tensor.abs().max() < 100) for tensor in best.values())
    assert folders.state(tmp_path / "run") == "failed"
