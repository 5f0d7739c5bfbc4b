"""What the general adapters and the untouched base say is asked once of texts that several groups have."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import toy_adapters
import toy_banks
from drawing import undrawn

from ftkit import folders
from ftkit.bank import adapting, making, nearest
from ftkit.bank.answers import Answers
from ftkit.bank.grouping import Group
from ftkit.bank.stage import Start


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("answers")
    recipe = toy_banks.recipe_for(place, [f"user {i}" for i in range(4)], others=2)
    with undrawn():
        return making.make(recipe, lambda: folders.new_run_folder(place / "bank", "", False))[0]


def test_equal_rows_are_asked_about_once_and_kept_where_that_is_wanted() -> None:
    asked = list[list[int]]()

    def ask(rows: np.ndarray) -> np.ndarray:
        asked.append(rows.tolist())
        return np.stack([rows, rows * 10.0], axis=1)

    answers = Answers(["a", "b", "a", "c"])
    assert answers.of(0, np.array([2, 1, 0]), ask, keep=True)[:, 1].tolist() == [20.0, 10.0, 20.0]
    assert answers.of(0, np.array([0, 3, 1]), ask)[:, 1].tolist() == [20.0, 30.0, 10.0]
    assert answers.of(0, np.array([3]), ask).tolist() == [[3.0, 30.0]]
    assert answers.of(1, np.array([0]), ask).tolist() == [[0.0, 0.0]]
    assert asked == [[2, 1], [3], [3], [0]]  # what was not to be kept is asked again, and so is somebody else


def test_what_is_kept_of_shared_texts_is_what_each_stack_would_be_told(
    bank: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapter, groups = toy_adapters.adapter_of(bank)
    rows = np.concatenate([group.rows for group in groups])
    plain, embedded = adapter.general(rows), nearest.embedded(adapter, rows)
    shared = adapter.answers.shared(groups)
    hashes = np.array(adapter.job.examples.hashes)
    holders = [sum(hashes[row] in hashes[group.rows] for group in groups) for row in rows]
    expected = {str(hashes[row]) for row, count in zip(rows, holders, strict=True) if count > 1}
    assert set(hashes[shared]) == expected and len(shared) == len(expected) > 10

    adapter = replace(adapter)  # one that was told nothing
    adapter.general(shared, keep=True)
    nearest.embedded(adapter, shared, keep=True)
    asked = list[int]()
    ask = adapting.Adapter.ask

    def asking(self: adapting.Adapter, start: Start, some: np.ndarray) -> np.ndarray:
        asked.extend(some)
        return ask(self, start, some)

    monkeypatch.setattr(adapting.Adapter, "ask", asking)
    again = adapter.general(rows)
    assert again.keys() == plain.keys()
    for row, said in plain.items():
        assert again[row] == pytest.approx(said, abs=1e-6)
    assert nearest.embedded(adapter, rows) == pytest.approx(embedded, abs=1e-5)
    assert not expected & set(hashes[asked])


def test_what_one_group_alone_has_is_not_shared() -> None:
    answers = Answers(["a", "a", "b", "b", "c"])
    groups = [Group("x", "x", np.array(rows), False, "") for rows in ([0, 1], [2, 4], [3])]
    assert answers.shared(groups).tolist() == [2]
