"""The index of a bank: an SQLite file that finds any group among millions, and can be made again from the shards.

It holds all generations: a line for each group and each generation in which something changed for it. So a generation
that is being added is invisible to whoever reads an earlier one.
"""

from __future__ import annotations

import dataclasses
import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from ftkit.bank.records import ABSENT, Outcome, Record
from ftkit.errors import InputError
from ftkit.files import replacing

RECORD = tuple(field.name for field in dataclasses.fields(Record))
OUTCOME = tuple(field.name for field in dataclasses.fields(Outcome) if field.name != "record")
COLUMNS = (*RECORD, *OUTCOME)
LAST = 2**31
"""stands for the newest generation that is written"""
SOME = 500
"""keys of one query: SQLite takes no more than 999 values"""


def write(path: Path, found: Iterable[Outcome], shards: Mapping[int, tuple[str, str]]) -> None:
    """Write the index anew; a reader sees the old one or the new.

    `shards` are by number the sha256 of the adapters' file and of the rows' file.
    """
    marks = ", ".join("?" * len(COLUMNS))
    with replacing(path) as temporary, closing(sqlite3.connect(temporary)) as base, base:
        base.execute(f"create table groups ({', '.join(COLUMNS)}, primary key (key, since)) without rowid")
        base.execute("create table shards (number integer primary key, sha256 text, rows text)")
        base.executemany(f"insert into groups values ({marks})", map(_row, found))
        base.executemany("insert into shards values (?, ?, ?)", ((number, *one) for number, one in shards.items()))


class Index:
    """An index, open for reading, as it was in one generation."""

    def __init__(self, path: Path, base: sqlite3.Connection, generation: int) -> None:
        self.path, self.generation, self._base = path, generation, base

    def find(self, keys: Sequence[str]) -> dict[str, Outcome]:
        """The groups that are there, by key."""
        found = {}
        for start in range(0, len(keys), SOME):
            some = keys[start : start + SOME]
            found.update({one.record.key: one for one in self._then(f"key in ({', '.join('?' * len(some))})", some)})
        return found

    def all(self) -> Iterator[Outcome]:
        """Every group, in the order of its key."""
        return self._then("true", ())

    def counts(self) -> dict[str, int]:
        """Outcome: groups."""
        return dict(sorted(Counter(one.outcome for one in self.all()).items()))

    def shards(self) -> dict[int, tuple[str, str]]:
        """Number of a shard, of any generation: sha256 of the adapters' file, and of the rows' file."""
        return {number: (one, rows) for number, one, rows in self._rows("select * from shards order by number")}

    def _then(self, which: str, values: Sequence[Any]) -> Iterator[Outcome]:
        """The last line of each group up to the generation: SQLite takes the other columns from the row of the max."""
        taken = ", ".join("max(since)" if name == "since" else name for name in COLUMNS)
        query = f"select {taken} from groups where since <= ? and {which} group by key order by key"
        found = map(_outcome, self._rows(query, [self.generation, *values]))
        return (one for one in found if one.outcome != ABSENT)

    def _rows(self, query: str, values: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        try:
            yield from self._base.execute(query, values)
        except sqlite3.Error as error:
            raise _damaged(self.path, error) from None


@contextmanager
def opened(path: Path, generation: int = LAST) -> Iterator[Index]:
    """The index for reading, as it was in a generation; InputError where it is missing or damaged."""
    if not path.is_file():
        raise InputError(f"{path}: no such file", f"ftkit bank repair {path.parent}")
    try:
        base = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    except sqlite3.Error as error:
        raise _damaged(path, error) from None
    with closing(base):
        yield Index(path, base, generation)


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
