"""Run folders that cannot be trusted are refused in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from compared_runs import Made

from ftkit.comparison.reading import read_run
from ftkit.errors import InputError


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return Made(seeds=(0, 1), baselines={"tfidf": 0.6}, base_trained=[7000]).write(tmp_path / "run")


def test_a_run_is_read(run: Path) -> None:
    found = read_run(run)
    assert found.labels == ("billing", "delivery", "praise") and found.task == "text_classification"
    assert len(found.table) == 600 and found.folds == 0 and found.kind == "label"
    assert len(found.own.ids) == 100 and len(found.base.ids) == 1
    assert found.setting("data.split_seed") == 0 and found.setting("data.nothing.deeper") is None


def test_unlabelled_rows_are_not_compared(run: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(run / "predictions.parquet")
    gold = [None if place % 2 else one for place, one in enumerate(table["gold"].to_pylist())]
    place = table.column_names.index("gold")
    pq.write_table(table.set_column(place, "gold", pa.array(gold, pa.string())), run / "predictions.parquet")
    assert len(read_run(run).table) == 300


def refused(run: Path, message: str) -> None:
    with pytest.raises(InputError, match=message) as no:
        read_run(run)
    assert no.value.hint and "\n" not in no.value.message


def test_truncated_predictions(run: Path) -> None:
    path = run / "predictions.parquet"
    path.write_bytes(path.read_bytes()[:-100])
    refused(run, r"predictions.parquet: not readable as Parquet")


def test_foreign_predictions(run: Path) -> None:
    pd.DataFrame({"a": [1]}).to_parquet(run / "predictions.parquet")
    refused(run, "a Parquet file, but not predictions of ftkit")


def test_predictions_of_another_run(run: Path, tmp_path: Path) -> None:
    other = Made(labels=("x", "y")).write(tmp_path / "other")
    (other / "predictions.parquet").replace(run / "predictions.parquet")
    refused(run, "belongs to another run")


def test_missing_predictions(run: Path) -> None:
    (run / "predictions.parquet").unlink()
    refused(run, "predictions.parquet: no such file")


@pytest.mark.parametrize("text", ["{", "[]", '{"kind": "label"}'])
def test_a_damaged_report(run: Path, text: str) -> None:
    (run / "report.json").write_text(text)
    refused(run, r"report.json: is (damaged|no report of a run: it has no)")


def test_missing_and_damaged_splits(run: Path) -> None:
    (run / "splits.parquet").write_bytes(b"PAR1")
    refused(run, "splits.parquet: not readable")
    (run / "splits.parquet").unlink()
    refused(run, "nobody knows what the run was trained on")


def test_folders_that_are_no_runs(tmp_path: Path) -> None:
    refused(tmp_path, "is a folder, but not a run of ftkit")
    (tmp_path / "sweep.json").write_text(json.dumps({"kind": "ftkit sweep"}))
    with pytest.raises(InputError) as no:
        read_run(tmp_path)
    assert no.value.hint == f"give its runs, such as {tmp_path}/*"


@pytest.mark.parametrize("state", ["running", "partial", "failed"])
def test_runs_that_did_not_end_well(run: Path, state: str) -> None:
    (run / "status").write_text(state)
    refused(run, "this run")
