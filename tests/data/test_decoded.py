"""Decoded files are read back as they were kept, and made again where the disk has lost or changed them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from ftkit import privacy
from ftkit.data import decoded
from ftkit.data.decoded import Decoded, Store
from ftkit.data.hashing import content_key, row_ids
from ftkit.data.items import Item
from ftkit.features.examples import hash_rows, lengths_of


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("FTKIT_CACHE", str(tmp_path))
    return Store.of("pictures 8x8")


def rows_of(store: Store, made: list[str]) -> Decoded:
    """Three rows whose arrays say which they are; `made` notes each that is decoded."""

    def decode(item: Item) -> np.ndarray:
        made.append(item)
        return np.full((4, 2), int(item.digest[0]), np.uint8)

    items = [Item(f"{i}.png", f"{i}" * 32) for i in range(3)]
    return Decoded(items, store, "pixel_values", np.full(3, 4), decode)


def test_each_file_is_decoded_once_and_again_only_where_its_entry_is_gone_or_damaged(store: Store) -> None:
    made: list[str] = []
    rows = rows_of(store, made)
    for _ in range(2):
        assert [int(row["pixel_values"][0, 0]) for row in rows[:]] == [0, 1, 2]
    assert made == ["0.png", "1.png", "2.png"]
    first, second = (store._path(str(i) * 32) for i in range(2))
    first.unlink()
    raw = bytearray(second.read_bytes())
    raw[len(raw) // 2] ^= 1
    second.write_bytes(raw)
    assert int(rows[1]["pixel_values"].sum()) == 8 and int(rows[0]["pixel_values"].sum()) == 0
    assert made[3:] == ["1.png", "0.png"]


def test_a_disk_that_refuses_costs_the_decoding_and_nothing_else(store: Store, capsys: pytest.CaptureFixture) -> None:
    store.root.parent.mkdir(parents=True, exist_ok=True)
    store.root.write_text("a file where the folder should be")
    made: list[str] = []
    rows = rows_of(store, made)
    assert [int(rows[i]["pixel_values"][0, 0]) for i in (2, 2, 1)] == [2, 2, 1]
    assert made == ["2.png", "2.png", "1.png"]
    assert capsys.readouterr().err.count("cannot be kept") == 1


def test_the_oldest_go_when_the_folder_is_full(store: Store) -> None:
    for i in range(3):
        store.put(str(i) * 32, np.zeros(1000, np.uint8))
        os.utime(store._path(str(i) * 32), (i, i))
    decoded.trim(store.root, 2500)
    assert [store.get(str(i) * 32) is not None for i in range(3)] == [False, True, True]


def test_hidden_rows_are_kept_where_nobody_else_may_look(store: Store) -> None:
    privacy.hide(True)
    own = Store.of("pictures 8x8")
    assert own.root != store.root and own.root.parent.stat().st_mode & 0o077 == 0


def test_a_row_is_known_by_what_it_holds_not_by_its_name(store: Store) -> None:
    one, twin, other = Item("a.png", "1" * 32), Item("b.png", "1" * 32), Item("a.png", "2" * 32)
    assert content_key((one,)) == content_key((twin,)) != content_key((other,))
    ids = row_ids([(one,), (twin,), (other,)], [None] * 3, [None] * 3)
    assert ids[0] == row_ids([(twin,)], [None], [None])[0] and len(set(ids)) == 3
    rows = rows_of(store, [])
    assert len(set(hash_rows(rows))) == 3 and lengths_of(rows).tolist() == [4, 4, 4]
    assert hash_rows(rows) != hash_rows(rows_of(Store.of("pictures 9x9"), []))
