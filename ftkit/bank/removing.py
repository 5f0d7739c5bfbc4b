"""Taking a group out of a bank for good: out of every generation, every file, and the cache of activations."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch

from ftkit import bank, files, runs
from ftkit.bank import document, folder, generations, index, rows, shards
from ftkit.bank.folder import BankFolder
from ftkit.bank.rows import Kept
from ftkit.errors import InputError
from ftkit.features.cache import Cache
from ftkit.reports.page import render_run
from ftkit.runs.folder import Clock


@dataclass(frozen=True)
class Removed:
    """What was taken out."""

    shards: int
    """that were written anew"""
    rows: int
    cached: int
    """entries of the cache"""
    general: int
    """rows of the group that the general adapter was trained on, and cannot forget"""


def remove(path: Path, key: str) -> Removed:
    """Take out a group by its key; what was stopped half-way is finished by doing it again.

    Shards come first and the index last, so that the group is known until nothing of it is left.
    """
    with generations.alone(path):
        whole = folder.read(path)
        numbers = [number for past in folder.generations(whole) for number in past.shards]
        mine = [number for number in numbers if _has(whole, number, key)]
        with index.opened(whole.index) as found:
            known = found.shards()
            if not mine and key not in found.find([key]):
                raise InputError(f"{path}: knows no such group", f"ftkit bank ls {path}")
        removed = _purged(whole, numbers, mine, key)
        _forget_key(whole, key)
        generations.write_index(whole, {number: one for number, one in known.items() if number not in mine})
        document.save(whole, Clock(), whole.generation.command)
    return removed


def _purged(whole: BankFolder, numbers: Collection[int], mine: Collection[int], key: str) -> Removed:
    """Take the group out of shards, rows, general runs and cache."""
    if not mine:
        return Removed(0, 0, 0, 0)
    kept = rows.joined([_rows(whole, number).of(key) for number in mine])
    cached = 0 if whole.row_key is not None else Cache.default().forget(_only_theirs(whole, numbers, key, kept))
    general = [one for one in sorted(whole.path.glob(f"{bank.GENERAL}*")) if (one / runs.SPLITS).is_file()]
    seen = [_purge_run(one, kept) for one in general]
    for number in mine:
        _rewrite(whole, number, key)
    return Removed(len(mine), kept.frame["row_id"].nunique(), cached, max(seen, default=0))


def _has(whole: BankFolder, number: int, key: str) -> bool:
    return any(one.key == key for one in shards.read(shards.path_of(whole.shards, number)).records)


def _rows(whole: BankFolder, number: int) -> Kept:
    return rows.read([rows.path_of(whole.rows, number)])


def _only_theirs(whole: BankFolder, numbers: Collection[int], key: str, kept: Kept) -> set[str]:
    """The `input_hash` of rows that nobody else in the bank has."""
    others: set[str] = set()
    for number in numbers:
        frame = _rows(whole, number).frame
        others |= set(frame["input_hash"][frame["key"] != key])
    return set(kept.frame["input_hash"]) - others


def _rewrite(whole: BankFolder, number: int, key: str) -> None:
    """A shard without a group. The others stay where they are, so that whoever is reading it reads on."""
    table = _rows(whole, number)
    rows.write(rows.path_of(whole.rows, number), table.take(np.flatnonzero((table.frame["key"] != key).to_numpy())))
    path = shards.path_of(whole.shards, number)
    known = shards.read(path)
    width = 1 + max((one.place for one in known.records if one.place is not None), default=-1)
    adapters = [known.adapter(place) for place in range(width)]
    centres = known.centres()
    for one in known.records:
        if one.key == key and one.place is not None:
            if centres is not None:
                centres[one.place] = 0.0
            adapters[one.place] = {name: torch.zeros_like(tensor) for name, tensor in adapters[one.place].items()}
    left = [one for one in known.records if one.key != key]
    shards.write(path, number, known.made_from, left, adapters, centres)


def _forget_key(whole: BankFolder, key: str) -> None:
    """Documents of generations in which the group alone went back name it no more."""
    for one in folder.generations(whole):
        if one.group == key:
            folder.write_generation(whole.path, replace(one, group=""))


def _purge_run(run: Path, kept: Kept) -> int:
    """Take rows out of a general run's files; returns those that it was trained on.

    `splits.parquet` keeps the hashes of their texts, which say what the adapter has seen, without the rows' own ids.
    """
    ids = set(kept.frame["row_id"])
    splits = pd.read_parquet(run / runs.SPLITS)
    mine = splits["row_id"].isin(ids)
    seen = int((mine & splits["trained"]).sum())
    for name in (runs.PREDICTIONS, runs.ROWS):
        if (run / name).is_file():
            table = pq.read_table(run / name)
            left = table.filter(pc.invert(pc.is_in(table["row_id"], value_set=pa.array(sorted(ids), pa.string()))))
            with files.replacing(run / name) as temporary:
                pq.write_table(left, temporary)
    (run / runs.LABELS).unlink(missing_ok=True)
    report = _without(json.loads((run / runs.REPORT).read_text(encoding="utf-8")), ids)
    report.get("doubtful", {})["file"] = None
    files.write_json(run / runs.REPORT, report)
    files.write_text(run / runs.PAGE, render_run(report, None))
    splits.loc[mine, "row_id"] = ""
    with files.replacing(run / runs.SPLITS) as temporary:
        splits.to_parquet(temporary, index=False)
    return seen


def _without(tree: Any, ids: Collection[str]) -> Any:
    """A document without the entries of some rows, wherever they are listed."""
    if isinstance(tree, dict):
        return {key: _without(value, ids) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_without(one, ids) for one in tree if not (isinstance(one, dict) and one.get("row_id") in ids)]
    return tree
