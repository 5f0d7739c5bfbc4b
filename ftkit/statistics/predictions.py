"""The long table of predictions: building it, keeping it in one Parquet file, and taking scores from it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ftkit import metrics as metric_registry
from ftkit.errors import InputError, did_you_mean
from ftkit.files import replacing
from ftkit.metrics import Footage, Scored
from ftkit.metrics.log_loss import LogLoss
from ftkit.metrics.mae import Mae
from ftkit.statistics import filmed, tagged
from ftkit.statistics.coding import Answers, coded_cells, numbers, units_of

SCHEMAS = {"label": 1, "labels": 1, "values": 2, "tags": 2}
"""version of the table that a kind of predictions needs; a reader knows all that are not larger than its own"""
SCHEMA = max(SCHEMAS.values())
KEY = b"ftkit"
COLUMNS = (
    *("row_id", "input_hash", "split", "fold", "predictor", "seed", "kind"),
    *("gold", "prediction", "scores", "loss", "unit", "group"),
)


def frame_of(
    *,
    row_id: Sequence[str],
    input_hash: Sequence[str],
    split: str | Sequence[str],
    gold: Answers,
    prediction: Answers,
    scores: np.ndarray | None,
    labels: Sequence[str],
    predictor: str,
    seed: int,
    kind: str = "label",
    fold: Sequence[int] | np.ndarray | int = -1,
    unit: Sequence[str | None] | None = None,
    group: Sequence[str | None] | None = None,
    slices: Mapping[str, Sequence[str]] | None = None,
    footage: Footage | None = None,
) -> pd.DataFrame:
    """The rows of one predictor and seed; `scores` is (rows, labels), or None where it has none;
    of tags, objects (tokens, labels), of which the probability of each predicted tag is kept.

    `loss` is computed here: -log(score of the gold label), summed over labels if multi-label; of numbers, which
    have no scores, the absolute error, averaged over targets. Of a single target, gold and prediction are one number
    each. Frames of several predictors are put together with `pandas.concat`.
    """
    none: list[Any] = [None] * len(row_id)
    kept: list[Any] = [[]] * len(row_id) if scores is None else _kept(scores, prediction, labels, kind)
    plain = {"row_id": row_id, "input_hash": input_hash, "split": split, "fold": fold}
    losses = _losses(gold, prediction, scores, labels, kind)
    plain |= {"predictor": predictor, "seed": seed, "kind": kind, "loss": losses}
    plain |= {f"slice.{name}": values for name, values in (slices or {}).items()}
    cells = {"gold": _cells(gold, kind), "prediction": _cells(prediction, kind), "scores": kept}
    cells |= {} if footage is None else filmed.columns(footage)
    cells |= {"unit": none if unit is None else list(unit), "group": none if group is None else list(group)}
    found: dict[str, Any] = {name: one if isinstance(one, (str, int)) else list(one) for name, one in plain.items()}
    found |= {name: pd.Series(values, dtype=object) for name, values in cells.items()}
    return pd.DataFrame({name: found[name] for name in (*COLUMNS, *found)}, index=range(len(row_id)))


def _kept(scores: np.ndarray, prediction: Answers, labels: Sequence[str], kind: str) -> list[Any]:
    if kind == "values":
        return [[]] * len(scores)
    return tagged.confidences(scores, prediction, labels) if kind == "tags" else list(np.asarray(scores, np.float32))


def _losses(
    gold: Answers, prediction: Answers, scores: np.ndarray | None, labels: Sequence[str], kind: str
) -> np.ndarray:
    """(rows,) -log of the gold label's score, or the absolute error; nan without scores or gold label."""
    losses = np.full(len(gold), np.nan)
    if kind == "tags":
        return losses if scores is None else tagged.losses(scores, gold, labels)
    if kind == "values":
        known = np.array([value is not None for value in gold], dtype=bool)
        true, guess = ([value for value, one in zip(some, known, strict=True) if one] for some in (gold, prediction))
        losses[known] = Mae().rows(numbers(true, guess, labels))
        return losses
    if scores is not None and len(gold):
        losses = np.asarray(LogLoss().rows(coded_cells(gold, gold, np.asarray(scores), labels, kind)))
        losses[[value is None for value in gold]] = np.nan
    return losses


def write(
    frame: pd.DataFrame, path: Path, *, labels: Sequence[str], task: str, metrics: Sequence[str], primary: str
) -> None:
    """Write the frame and what is needed to read it; a reader never sees half a file."""
    directions = {name: {"higher_is_better": metric_registry.load(name).higher_is_better} for name in metrics}
    about = {
        "schema": max((SCHEMAS[kind] for kind in frame["kind"].unique()), default=1),
        "labels": [_storable(one) for one in labels],
        "task": task,
        "metrics": directions,
        "primary": primary,
    }
    table = pa.table({name: _column(name, frame) for name in frame.columns})
    table = table.replace_schema_metadata({KEY: json.dumps(about, ensure_ascii=False).encode()})
    with replacing(path) as temporary:
        pq.write_table(table, temporary)


def read(path: Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The frame, and what `write` noted: schema, labels, task, metrics, primary."""
    table, about = read_table(path)
    return table.to_pandas(), about


def read_table(path: Path) -> tuple[pa.Table, dict[str, Any]]:
    """The same as columns of Arrow, which `coded` codes 20 times faster than `scored` does a frame."""
    try:
        table = pq.read_table(path)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file", "give the folder of a finished run") from None
    except (pa.ArrowException, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"{path}: not readable as Parquet ({reason})", "train or evaluate the run again") from None
    about = _about(path, (table.schema.metadata or {}).get(KEY))
    missing = [name for name in COLUMNS if name not in table.column_names]
    if missing:
        raise InputError(f"{path}: not predictions of ftkit: no column {', '.join(missing)}", "train the run again")
    return table, about


def select(frame: pd.DataFrame, predictor: str, seed: int | None = None, split: str = "test") -> pd.DataFrame:
    """The labelled rows of one predictor, ordered by row_id so that those of two predictors align.

    A predictor that was not trained with `seed` (a baseline) gives the rows of its first seed.
    """
    mine = frame[(frame["predictor"] == predictor) & (frame["split"] == split) & frame["gold"].notna()]
    if mine.empty and predictor not in set(frame["predictor"]):
        raise InputError(f"no predictions of {predictor}", did_you_mean(predictor, set(frame["predictor"])))
    seeds = sorted(set(mine["seed"]))
    if seeds:
        mine = mine[mine["seed"] == (seed if seed in seeds else seeds[0])]
    mine = mine.sort_values("row_id", kind="stable", ignore_index=True)
    if mine["row_id"].duplicated().any():
        raise InputError(f"predictions of {predictor}: a row was predicted twice", "train the run again")
    return mine


def scored(
    frame: pd.DataFrame, predictor: str, seed: int | None, labels: Sequence[str], kind: str, split: str = "test"
) -> tuple[Scored, np.ndarray | None]:
    """Predictions beside the truth in the order of `select`, and the unit of each row as a whole number.

    Units are None where no row has one; a row without one is then a unit by itself. Multi-label
    rows with a gold label that training lacked give all rows one more label, `UNKNOWN`.
    """
    mine = select(frame, predictor, seed, split)
    if kind == "tags":
        return tagged.coded(list(mine["gold"]), list(mine["prediction"]), labels), units_of(mine)
    lengths = set(mine["scores"].map(len))
    if lengths - {0, len(labels)} or len(lengths) > 1:
        message = f"predictions of {predictor}: scores do not fit the {len(labels)} labels"
        raise InputError(message, "train the run again")
    scores = np.stack(list(mine["scores"])) if lengths == {len(labels)} else None
    found, units = coded_cells(list(mine["gold"]), list(mine["prediction"]), scores, labels, kind), units_of(mine)
    return replace(found, footage=filmed.footage(mine, units)), units


def _cells(values: Answers, kind: str) -> list[Any]:
    if kind == "values":
        return [value if value is None or len(value) > 1 else value[0] for value in map(_listed, values)]
    return [value if value is None or kind == "label" else list(value) for value in values]


def _listed(value: Any) -> list[float] | None:
    return None if value is None else [float(one) for one in np.atleast_1d(value)]


def _column(name: str, frame: pd.DataFrame) -> pa.Array:
    values = frame[name]
    if name == "scores":
        lengths = [len(value) for value in values]
        flat = np.concatenate([np.empty(0, np.float32), *values])
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
        return pa.ListArray.from_arrays(pa.array(offsets), pa.array(flat.astype(np.float32)))
    if name in ("fold", "seed"):
        return pa.array(values.to_numpy(np.int64))
    if name in ("loss", filmed.SECONDS):
        return pa.array(values.to_numpy(np.float64))
    answers, kinds = name in ("gold", "prediction"), set(frame["kind"])
    if answers and "values" in kinds:
        lists = any(isinstance(cell, (list, np.ndarray)) for cell in values)
        return pa.array(list(values), pa.list_(pa.float64()) if lists else pa.float64(), from_pandas=not lists)
    several = answers and not kinds.isdisjoint({"labels", "tags"})
    kind = pa.list_(pa.string()) if several else pa.string()
    cells = list(values) if several else values.to_numpy(object)
    try:
        return pa.array(cells, kind, from_pandas=True)
    except UnicodeEncodeError:
        return pa.array([_storable(cell) for cell in cells], kind, from_pandas=True)


def _storable(cell: Any) -> Any:
    """Half a surrogate pair, which UTF-8 cannot hold, becomes its escape, here as in every file of a run."""
    if isinstance(cell, str):
        return cell.encode("utf-8", "backslashreplace").decode()
    return [_storable(one) for one in cell] if isinstance(cell, (list, tuple)) else cell


def _about(path: Path, raw: bytes | None) -> dict[str, Any]:
    if raw is None:
        raise InputError(f"{path}: a Parquet file, but not predictions of ftkit", "give the folder of a finished run")
    try:
        about: dict[str, Any] = json.loads(raw)
    except ValueError:
        raise InputError(f"{path}: its description is damaged", "train or evaluate the run again") from None
    version = about.get("schema") if isinstance(about, dict) else None
    if not isinstance(version, int) or not 1 <= version <= SCHEMA:
        message = f"{path}: schema {version}, but this ftkit reads schemas 1 to {SCHEMA}"
        raise InputError(message, "use the ftkit that wrote it")
    return about
