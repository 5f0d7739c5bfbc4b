"""The index of a bank: an SQLite file that finds any group among millions, and can be made again from the shards."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from ftkit.bank.records import Outcome, Record
from ftkit.errors import InputError
from ftkit.files import replacing

RECORD = tuple(field.name for field in dataclasses.fields(Record))
OUTCOME = tuple(field.name for field in dataclasses.fields(Outcome) if field.name != "record")
COLUMNS = (*RECORD, *OUTCOME)
SOME = 500
"""keys of one query: SQLite takes no more than 999 values"""


def write(path: Path, found: Iterable[Outcome], shards: Mapping[int, str]) -> None:
    """Write the index anew; `shards` are the sha256 of the files by number. A reader sees the old one or the new."""
    marks = ", ".join("?" * len(COLUMNS))
    with replacing(path) as temporary, closing(sqlite3.connect(temporary)) as base, base:
        base.execute(f"create table groups ({', '.join(COLUMNS)}, primary key (key)) without rowid")
        base.execute("create table shards (number integer primary key, sha256 text)")
        base.executemany(f"insert into groups values ({marks})", map(_row, found))
        base.executemany("insert into shards values (?, ?)", shards.items())
        base.execute("create index by_outcome on groups (outcome)")


class Index:
    """An index, open for reading."""

    def __init__(self, path: Path, base: sqlite3.Connection) -> None:
        self.path, self._base = path, base

    def find(self, keys: Sequence[str]) -> dict[str, Outcome]:
        """The groups that are there, by key."""
        found = {}
        for start in range(0, len(keys), SOME):
            some = keys[start : start + SOME]
            query = f"select * from groups where key in ({', '.join('?' * len(some))})"
            found.update({row[0]: _outcome(row) for row in self._rows(query, some)})
        return found

    def all(self) -> Iterator[Outcome]:
        """Every group, in the order of its key."""
        return map(_outcome, self._rows("select * from groups order by key"))

    def counts(self) -> dict[str, int]:
        """Outcome: groups."""
        return dict(self._rows("select outcome, count(*) from groups group by outcome order by outcome"))

    def shards(self) -> dict[int, str]:
        """Number of a shard: sha256 of its file."""
        return dict(self._rows("select number, sha256 from shards order by number"))

    def _rows(self, query: str, values: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        try:
            yield from self._base.execute(query, values)
        except sqlite3.Error as error:
            raise _damaged(self.path, error) from None


@contextmanager
def opened(path: Path) -> Iterator[Index]:
    """The index for reading; InputError where it is missing or damaged."""
    if not path.is_file():
        raise InputError(f"{path}: no such file", f"ftkit bank repair {path.parent}")
    try:
        base = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    except sqlite3.Error as error:
        raise _damaged(path, error) from None
    with closing(base):
        yield Index(path, base)


def _damaged(path: Path, error: sqlite3.Error) -> InputError:
    return InputError(f"{path}: cannot be read ({error})", f"ftkit bank repair {path.parent}")


def _row(one: Outcome) -> list[Any]:
    values = {**{name: getattr(one.record, name) for name in RECORD}, **{name: getattr(one, name) for name in OUTCOME}}
    name = values["name"]
    values["name"] = None if name is None else name.encode("utf-8", "surrogatepass")  # a blob holds what text may not
    values["labels"] = None if values["labels"] is None else json.dumps(values["labels"])
    values["new"] = int(values["new"])
    return [values[column] for column in COLUMNS]


def _outcome(row: Sequence[Any]) -> Outcome:
    values = dict(zip(COLUMNS, row, strict=True))
    name, labels = values["name"], values["labels"]
    values["name"] = None if name is None else name.decode("utf-8", "surrogatepass")
    values["labels"] = None if labels is None else tuple(json.loads(labels))
    values["new"] = bool(values["new"])
    return Outcome(Record(**{name: values[name] for name in RECORD}), **{name: values[name] for name in OUTCOME})
