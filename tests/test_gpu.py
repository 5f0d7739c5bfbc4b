"""What only a GPU can show: `pytest -m gpu` on a machine that has one; elsewhere each test says that there is none.

Runs train there for every task, answer as on a processor, go on after a stop, and outlive its memory running out.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate.state import AcceleratorState
from bank import toy_banks
from training.test_checkpoints import carry_out, stop_after, toy_recipe

from ftkit import folders, registry, runs
from ftkit.bank import making
from ftkit.errors import Interrupted
from ftkit.recipe import parse, read
from ftkit.statistics import predictions

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU on this machine")]
METHODS = [name for name in registry.names("methods") if name != "auto"]
MIB = 2**20


def scores(folder: Path) -> np.ndarray:
    """Probabilities (rows, labels) that a run gave its test rows."""
    frame, about = predictions.read(folder / runs.PREDICTIONS)
    seed, kind = int(frame["seed"].iloc[0]), str(frame["kind"].iloc[0])
    found, _ = predictions.scored(frame, "adapted", seed, about["labels"], kind)
    return np.asarray(found.scores)


@pytest.mark.parametrize("task", registry.names("tasks"))
def test_every_task_trains_there(task: str, tmp_path: Path) -> None:
    tree = registry.load("tasks", task).toy(tmp_path)
    tree |= {"method": {"name": "lora", "layers": "last 1"}, "train": {"epochs": 3, "batch": 8}}
    torch.cuda.reset_peak_memory_stats()
    report = carry_out(parse(tree), tmp_path / "run")
    assert (tmp_path / "run" / runs.STATUS).read_text().strip() == "complete"
    assert torch.cuda.max_memory_allocated() > 0
    assert report["machine"].startswith(torch.cuda.get_device_name())
    losses = [line["train_loss"] for line in report["history"] if line.get("train_loss") is not None]
    assert losses and np.isfinite(losses).all()


@pytest.mark.parametrize("method", METHODS)
def test_its_answers_are_those_of_the_processor(method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = toy_recipe(tmp_path / "rows").replace({"method.name": method, "train.precision": "fp32"})
    carry_out(recipe, tmp_path / "gpu")
    AcceleratorState._reset_state(True)
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
    carry_out(recipe, tmp_path / "cpu")
    np.testing.assert_allclose(scores(tmp_path / "gpu"), scores(tmp_path / "cpu"), atol=5e-3)


def test_a_run_that_was_stopped_ends_as_the_whole_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = toy_recipe(tmp_path / "rows")
    whole = carry_out(recipe, tmp_path / "whole")
    with monkeypatch.context() as patch, pytest.raises(Interrupted):
        stop_after(5, patch, lambda: os.kill(os.getpid(), signal.SIGINT))
        carry_out(recipe, tmp_path / "stopped")
    resumed = carry_out(read(tmp_path / "stopped" / runs.RECIPE), tmp_path / "stopped")
    assert resumed["scores"] == whole["scores"]
    for name in (runs.PREDICTIONS, f"{runs.ADAPTER}/adapter_model.safetensors"):
        assert (tmp_path / "stopped" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


@pytest.fixture
def little_memory() -> Iterator[None]:
    """All but a little of the card is forbidden to this process, which is not what the driver says is free."""
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(160 * MIB / torch.cuda.get_device_properties(0).total_memory)
    yield
    torch.cuda.set_per_process_memory_fraction(1.0)


@pytest.mark.usefixtures("little_memory")
def test_a_failed_allocation_only_makes_the_steps_smaller(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree = registry.load("tasks", "image_classification").toy(tmp_path)
    shape = {"image_size": 128, "patch_size": 4, "hidden_size": 128, "num_hidden_layers": 4, "num_attention_heads": 4}
    base = tmp_path / "large"
    base.mkdir()
    (base / "config.json").write_text(json.dumps({"model_type": "vit", "intermediate_size": 512, **shape}))
    processor = {"image_processor_type": "ViTImageProcessor", "size": {"height": 128, "width": 128}}
    (base / "preprocessor_config.json").write_text(json.dumps(processor))
    tree["base"] = {"config": str(base)}
    tree |= {"method": {"name": "full"}, "train": {"epochs": 2, "batch": 16, "precision": "fp32"}}
    report = carry_out(parse(tree), tmp_path / "run")
    assert "out of memory" in capsys.readouterr().err
    assert (tmp_path / "run" / runs.STATUS).read_text().strip() == "complete"
    assert all(np.isfinite(line["train_loss"]) for line in report["history"] if line.get("train_loss") is not None)


def test_a_bank_is_made_there(tmp_path: Path) -> None:
    folder, report = making.make(toy_banks.recipe_for(tmp_path), lambda: _new(tmp_path / "bank"))
    assert folders.is_bank(folder) and report["groups"]


def _new(folder: Path) -> Path:
    folder.mkdir()
    return folder
