"""`--profile`: seconds, rows and operators, as they were; nothing where nobody asks."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from toy import EVERY, Toy, with_accelerator

from ftkit.files import as_json
from ftkit.reports.profile import render_profile
from ftkit.training.loop import fit
from ftkit.training.members import Settings
from ftkit.training.passes import Job
from ftkit.training.profiling import LOOKED_AT, WARM, Measured, Profile, lines

QUICK = Settings(epochs=4, lr=1e-2, batch=8)
PHASES = {"read": 0.5, "train": 2.0, "total": 2.5}
READING = {"rows": 24, "computed": 9}


def trained(toy: Toy, profile: Profile, **fields: Any) -> dict[str, torch.Tensor]:
    one = toy.member(QUICK, **fields)
    job: Job = replace(toy.job, profile=profile)
    list(fit(job, [one]))
    return one.snapshot()


@pytest.fixture(scope="module")
def measured(built: Toy) -> Measured:
    """Of 12 steps and 5 evaluations."""
    seen = Measured()
    trained(with_accelerator(built), seen, validation=EVERY[:4])
    return seen


def test_being_watched_changes_nothing(toy: Toy) -> None:
    plain, watched = trained(toy, Profile()), trained(toy, Measured())
    assert all(torch.equal(plain[name], watched[name]) for name in plain)


def test_steps_rows_and_padding_are_counted(measured: Measured, toy: Toy) -> None:
    assert measured.steps == 12 - LOOKED_AT
    assert measured.rows == 8 * measured.steps  # of training, not of evaluation
    mean = toy.job.examples.lengths.mean()
    assert 0.8 * mean < measured.positions / measured.rows < 1.2 * mean
    assert measured.padded >= measured.positions


def test_seconds_of_the_parts_add_up(measured: Measured) -> None:
    parts = [measured.seconds[name] for name in ("batches", "forward", "backward", "optimiser")]
    assert all(part > 0 for part in parts)
    assert 0.5 * measured.seconds["steps"] < sum(parts) <= measured.seconds["steps"]
    assert measured.seconds["evaluation"] > 0


def test_operators_of_both_directions_are_listed(measured: Measured) -> None:
    assert WARM > 0
    assert any("backward" in name for name in measured.operators)
    assert measured.calls["aten.addmm"] % LOOKED_AT == 0 and measured.calls["aten.addmm"] > 0
    assert all(seconds > 0 for seconds in measured.operators.values())


def test_only_the_outermost_of_nested_blocks_counts() -> None:
    seen = Measured()
    with seen.time("evaluation"), seen.time("forward"):
        time.sleep(0.01)
    with seen.time("forward"):
        pass
    assert seen.seconds["evaluation"] >= 0.01 > seen.seconds["forward"]


def test_a_block_that_fails_is_counted_and_closed() -> None:
    seen = Measured()
    with pytest.raises(ZeroDivisionError), seen.time("forward"):
        raise ZeroDivisionError
    with seen.time("backward"):
        time.sleep(0.001)
    assert set(seen.seconds) == {"forward", "backward"}


def test_nobody_asks_and_nothing_is_kept() -> None:
    silent = Profile()
    with silent.time("forward"), silent.step():
        silent.saw(np.array([3]))
    assert not vars(silent)


def test_the_document_holds_what_the_words_and_the_page_say(measured: Measured) -> None:
    document = measured.document(PHASES, READING, precision="fp32", threads=1)
    assert "NaN" not in as_json(document)
    assert document["reading"] == {"rows": 24, "computed": 9, "known": 15}
    counted = sum(measured.seconds[name] for name in ("steps", "evaluation", "rehearsal"))
    assert sum(document["training"]["seconds"].values()) == pytest.approx(counted)
    said = "\n".join(lines(document))
    assert "total 2.5, train 2.0, read 0.5" in said and "9 rows; 15 were known" in said
    page = render_profile("a run", document)
    slowest = max(measured.operators, key=lambda name: measured.operators[name])
    assert page.count("<section") == 3 and slowest in page and "precision: fp32" in page


def test_a_run_that_trains_nothing_has_a_profile_too() -> None:
    document = Measured().document(PHASES, {"rows": 0, "computed": 0})
    assert document["training"]["padding"] is None and document["operators"] == []
    assert lines(document) == ["seconds: total 2.5, train 2.0, read 0.5"]
    assert render_profile("a run", document).count("<section") == 1
