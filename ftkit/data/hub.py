"""A data set of the Hugging Face hub -> cells, from the network or from the local cache."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from ftkit.bases.hub import answers
from ftkit.console import console
from ftkit.data.cells import Cells
from ftkit.data.parquet import from_arrow
from ftkit.environment import go_offline, offline, quiet_libraries
from ftkit.errors import InputError, did_you_mean
from ftkit.privacy import shown

UNREACHED = {"ConnectionError", "TimeoutError", "ConnectError", "TimeoutException", "LocalEntryNotFoundError"}
"""errors, of several libraries, that mean the network and not the data set"""


def read(source: str) -> tuple[Cells, str]:
    """Rows of `org/name` or `org/name:split`, and a hash of them. Code of the data set is never run."""
    name, _, wanted = source.partition(":")
    quiet_libraries()
    if not offline() and not answers()[0]:  # the library itself would retry for 24 seconds
        console.say(f"the hub does not answer: looking for {name} in the local cache")
        go_offline()
    split, dataset = _load(source, name, wanted)
    table = _named_labels(dataset.with_format("arrow")[:], dataset.features)
    cells = from_arrow(table, source)
    notes = (f"hub data set {name}, split {split}", *cells.notes)
    return Cells(cells.frame, cells.lines, notes, cells.bad), _digest(table)


def _load(source: str, name: str, wanted: str) -> tuple[str, Any]:
    """The wanted split, or `train`, or the only one there is."""
    from datasets import load_dataset

    try:
        found = load_dataset(name)
    except Exception as error:  # the library raises what its parts raise: network, parsing, configuration
        raise _explain(source, name, error) from error
    splits = list(found)
    split = wanted or ("train" if "train" in splits else splits[0])
    if split not in splits:
        raise InputError(f"{source}: the data set has no split {split!r}", did_you_mean(split, splits))
    return split, found[split]


def _explain(source: str, name: str, error: Exception) -> InputError:
    """One line for whatever loading raised."""
    if offline():
        message = f"{source}: no such file or folder, and no such data set in the local cache; the hub is out of reach"
        return InputError(message, "check the path, or run it once with a network")
    kind, said = type(error).__name__, shown(error, 300)
    causes: list[BaseException] = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) and len(causes) < 20:
        causes.append(cause)
    if any(base.__name__ in UNREACHED for one in causes for base in type(one).__mro__):
        return InputError(f"{source}: the hub cannot be reached", "check the network, or give a local file")
    if kind == "DatasetNotFoundError":
        return InputError(f"{source}: no such file, and no data set {name} on the hub", f"it answers {said}")
    return InputError(f"{source}: cannot be loaded ({kind}: {said})", "download its files and give one of them")


def _named_labels(table: pa.Table, features: Mapping[str, Any]) -> pa.Table:
    """Label numbers become the names that the data set declares for them; -1 stands for a missing one."""
    from datasets import ClassLabel

    for place, (column, feature) in enumerate(features.items()):
        inner = getattr(feature, "feature", None)
        declared = feature if isinstance(feature, ClassLabel) else inner
        if not isinstance(declared, ClassLabel):
            continue
        name = {number: text for number, text in enumerate(declared.names)}
        values = table[column].to_pylist()
        if declared is feature:
            named: list[Any] = [name.get(value) for value in values]
        else:
            named = [None if value is None else [name.get(item) for item in value] for value in values]
        table = table.set_column(place, column, pa.array(named))
    return table


def _digest(table: pa.Table) -> str:
    """A hash of the cells, the same however they are cut into pieces; few at a time, as they may be pictures."""
    digest = hashlib.sha256(str(table.schema.names).encode())
    for batch in table.to_batches(max_chunksize=100):
        for row in batch.to_pylist():
            digest.update(repr(list(row.values())).encode("utf-8", "backslashreplace"))
    return digest.hexdigest()
