"""The predictions table: what goes in comes out, half-written and foreign files do not."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftkit import privacy
from ftkit.errors import InputError
from ftkit.metrics import load
from ftkit.statistics import coding, predictions

LABELS = ("angry", "calm", "glad")
ABOUT: dict[str, Any] = {
    "labels": LABELS,
    "task": "text_classification",
    "metrics": ["accuracy", "log_loss"],
    "primary": "accuracy",
}


def small(predictor: str = "adapted", seed: int = 7, **changes: Any) -> pd.DataFrame:
    """Four rows, one with a gold label that training lacked."""
    scores = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4], [0.6, 0.2, 0.2]])
    given_: dict[str, Any] = {
        "row_id": ["d", "b", "c", "a"],
        "input_hash": ["1", "2", "3", "4"],
        "split": "test",
        "gold": ["angry", "calm", "glad", "odd"],
        "prediction": ["angry", "calm", "glad", "angry"],
        "scores": scores,
        "labels": LABELS,
        "predictor": predictor,
        "seed": seed,
        "fold": [0, 1, 0, 1],
        "unit": ["u", "v", "u", None],
        "slices": {"team": ["x", "y", "y", "x"]},
    }
    return predictions.frame_of(**(given_ | changes))


def test_the_frame_holds_what_the_contract_names() -> None:
    frame = small()
    assert list(frame.columns) == [*predictions.COLUMNS, "slice.team"]
    assert frame["loss"].tolist() == pytest.approx([-math.log(0.7), -math.log(0.8), -math.log(0.4), -math.log(1e-15)])
    assert set(frame["kind"]) == {"label"} and frame["group"].isna().all()
    without = small(scores=None, fold=-1, unit=None, slices=None)
    assert without["loss"].isna().all() and list(without["scores"]) == [[]] * 4 and set(without["fold"]) == {-1}


def test_losses_of_several_labels_are_sums_over_labels() -> None:
    scores = np.array([[0.9, 0.2, 0.5], [0.5, 0.5, 0.5]])
    frame = small(
        **{
            "row_id": ["a", "b"],
            "input_hash": ["1", "2"],
            "gold": [("angry",), ("odd",)],
            "prediction": [("angry",), ()],
        },
        **{"scores": scores, "kind": "labels", "fold": -1, "unit": None, "slices": None},
    )
    assert frame["loss"][0] == pytest.approx(-math.log(0.9) - math.log(0.8) - math.log(0.5))
    assert frame["loss"][1] == pytest.approx(-3 * math.log(0.5) - math.log(1e-15))


def test_a_file_gives_back_what_was_written(tmp_path: Path) -> None:
    frame = pd.concat([small(), small("majority", scores=None)], ignore_index=True)
    path = tmp_path / "predictions.parquet"
    predictions.write(frame, path, **ABOUT)
    back, about = predictions.read(path)
    assert about == {
        "schema": 1,
        "labels": list(LABELS),
        "task": "text_classification",
        "metrics": {"accuracy": {"higher_is_better": True}, "log_loss": {"higher_is_better": False}},
        "primary": "accuracy",
    }
    assert back["loss"].tolist() == pytest.approx(frame["loss"].tolist(), nan_ok=True)
    assert [list(one) for one in back["scores"]] == [list(np.float32(one)) for one in frame["scores"]]
    for name in ("row_id", "gold", "prediction", "seed", "fold", "split", "slice.team"):
        assert back[name].tolist() == frame[name].tolist(), name
    assert back["unit"].isna().tolist() == frame["unit"].isna().tolist()
    schema = pq.read_schema(path)
    assert schema.field("scores").type == pa.list_(pa.float32()) and schema.field("loss").type == pa.float64()
    assert list(tmp_path.iterdir()) == [path]  # nothing staged is left


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_labels_survive_the_file(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    labels = data.draw(st.lists(st.text(max_size=6), min_size=1, max_size=4, unique=True))
    several = data.draw(st.booleans())
    cell = st.lists(st.sampled_from(labels), unique=True).map(tuple) if several else st.sampled_from(labels)
    kind = "labels" if several else "label"
    rows = data.draw(st.integers(1, 6))
    gold, guess = (data.draw(st.lists(cell, min_size=rows, max_size=rows)) for _ in range(2))
    names = [str(number) for number in range(rows)]
    scores = np.full((rows, len(labels)), 0.5)
    frame = predictions.frame_of(
        **{"row_id": names, "input_hash": names, "split": "test", "gold": gold, "prediction": guess, "scores": scores},
        **{"labels": labels, "predictor": "adapted", "seed": 0, "kind": kind},
    )
    path = tmp_path_factory.mktemp("any") / "p.parquet"
    predictions.write(frame, path, labels=labels, task="t", metrics=["accuracy"], primary="accuracy")
    back, about = predictions.read(path)
    assert about["labels"] == labels
    one, other = (predictions.scored(table, "adapted", 0, labels, kind)[0] for table in (frame, back))
    assert np.array_equal(one.gold, other.gold) and np.array_equal(one.prediction, other.prediction)
    same = [set(g) == set(p) if several else g == p for g, p in zip(gold, guess, strict=True)]
    assert load("accuracy").compute(other) == pytest.approx(np.mean(same))


def test_half_a_surrogate_pair_survives_as_its_escape(tmp_path: Path) -> None:
    labels = ["\ud800", "calm"]
    frame = small(gold=["\ud800", "calm"] * 2, prediction=["\ud800"] * 4, scores=None, labels=labels)
    predictions.write(frame, tmp_path / "p.parquet", **(ABOUT | {"labels": labels}))
    back, about = predictions.read(tmp_path / "p.parquet")
    assert about["labels"] == ["\\ud800", "calm"]
    assert load("accuracy").compute(predictions.scored(back, "adapted", 7, about["labels"], "label")[0]) == 0.5


def damaged(path: Path, how: str) -> None:
    if how == "truncated":
        path.write_bytes(path.read_bytes()[:-40])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "text":
        path.write_text("row_id,gold\n1,a\n")
    elif how == "foreign":
        pq.write_table(pa.table({"a": [1]}), path)
    elif how == "broken description":
        pq.write_table(pq.read_table(path).replace_schema_metadata({predictions.KEY: b"{"}), path)
    elif how == "newer":
        pq.write_table(pq.read_table(path).replace_schema_metadata({predictions.KEY: b'{"schema": 3}'}), path)
    elif how == "lacking":
        pq.write_table(pq.read_table(path).drop_columns(["gold", "loss"]), path)
    else:
        path.unlink()


WRONG = {
    "truncated": "not readable as Parquet",
    "empty": "not readable as Parquet",
    "text": "not readable as Parquet",
    "foreign": "not predictions of ftkit",
    "broken description": "description is damaged",
    "newer": "schema 3, but this ftkit reads schemas 1 to 2",
    "lacking": "no column gold, loss",
    "gone": "no such file",
}


@pytest.mark.parametrize("how", list(WRONG))
def test_a_file_that_is_no_table_of_predictions_is_one_line(tmp_path: Path, how: str) -> None:
    path = tmp_path / "predictions.parquet"
    predictions.write(small(), path, **ABOUT)
    damaged(path, how)
    with pytest.raises(InputError, match=WRONG[how]) as caught:
        predictions.read(path)
    assert caught.value.message.startswith(str(path)) and caught.value.hint and "\n" not in caught.value.message


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "predictions.parquet"
    predictions.write(small(), path, **ABOUT)
    before = path.read_bytes()

    def fails(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq, "write_table", fails)
    with pytest.raises(Exception, match="no space left"):
        predictions.write(small(), path, **ABOUT)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_scored_rows_align_by_row_id_whatever_their_order() -> None:
    frame = pd.concat([small(), small("linear_probe").iloc[::-1]], ignore_index=True)
    one, units = predictions.scored(frame, "adapted", 7, LABELS, "label")
    other, _ = predictions.scored(frame, "linear_probe", 7, LABELS, "label")
    assert np.array_equal(one.gold, [-1, 1, 2, 0]) and np.array_equal(one.gold, other.gold)
    assert np.array_equal(np.asarray(one.scores), np.asarray(other.scores))
    assert units is not None and units[2] == units[3] and len(set(units)) == 3  # the row without a unit is one itself


def test_seeds_splits_and_unlabelled_rows_are_told_apart() -> None:
    rows = [small(), small(seed=8, prediction=["calm"] * 4), small(split="validation"), small("tfidf", seed=0)]
    frame = pd.concat([*rows, small(row_id=["w", "x", "y", "z"], gold=[None] * 4)], ignore_index=True)
    assert load("accuracy").compute(predictions.scored(frame, "adapted", 7, LABELS, "label")[0]) == 0.75
    assert load("accuracy").compute(predictions.scored(frame, "adapted", 8, LABELS, "label")[0]) == 0.25
    assert len(predictions.scored(frame, "adapted", 7, LABELS, "label", split="validation")[0]) == 4
    assert len(predictions.scored(frame, "tfidf", 7, LABELS, "label")[0]) == 4  # a baseline has its own seed
    with pytest.raises(InputError, match="no predictions of tfid"):
        predictions.scored(frame, "tfid", 7, LABELS, "label")
    with pytest.raises(InputError, match="predicted twice"):
        predictions.scored(pd.concat([small(), small()]), "adapted", 7, LABELS, "label")
    with pytest.raises(InputError, match="do not fit the 2 labels"):
        predictions.scored(small(), "adapted", 7, LABELS[:2], "label")


def test_an_unknown_gold_label_among_several_makes_its_row_wrong() -> None:
    gold, guess = [("angry",), ("calm", "odd"), (), ("glad",)], [("angry",), ("calm",), (), ("glad",)]
    frame = small(gold=gold, prediction=guess, kind="labels")
    found, _ = predictions.scored(frame, "adapted", 7, LABELS, "labels")
    assert found.labels == (*LABELS, coding.UNKNOWN) and found.scores is not None and found.scores.shape == (4, 4)
    assert load("accuracy").rows(found).tolist() == [1, 0, 1, 1]  # type: ignore[union-attr]
    ordered = frame.sort_values("row_id")["loss"].to_numpy()
    assert load("log_loss").rows(found) == pytest.approx(ordered, rel=1e-5)


def test_a_prediction_that_is_no_label_is_told_without_its_text_where_rows_are_hidden() -> None:
    frame = small(prediction=["PLANTED"] * 4)
    with pytest.raises(InputError, match="PLANTED"):
        predictions.scored(frame, "adapted", 7, LABELS, "label")
    privacy.hide(True)
    with pytest.raises(InputError) as caught:
        predictions.scored(frame, "adapted", 7, LABELS, "label")
    assert "PLANTED" not in caught.value.message
