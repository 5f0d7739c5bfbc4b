"""Shards and index: names are data, every byte is watched, and either can be told from the other."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
import torch
import toy_banks
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ftkit import folders
from ftkit.bank import folder, index, records, shards
from ftkit.bank.grouping import key_of
from ftkit.bank.records import Outcome, Record
from ftkit.errors import InputError
from ftkit.privacy import Mask
from ftkit.verbs import banking

OFF = Mask(on=False)
ODD = [
    "../../etc",
    "/etc/passwd",
    "x" * 300,
    "🦜",
    "a\0b",
    "Ann",
    "ann",
    "ANN",
    ".",
    "",
    "\ud800",
    "user\n1",
    "'; drop--",
]


def outcome_of(name: str, **fields: object) -> Outcome:
    return Outcome(Record(key_of(name, OFF), name, 9, False, **fields), 0, records.GENERAL, 0.1, -0.1, 0.3, 0.2)  # type: ignore[arg-type]


def test_odd_names_stay_what_they_are_and_become_no_paths(tmp_path: Path) -> None:
    index.write(tmp_path / "index.sqlite", map(outcome_of, ODD), {0: ("00", "11")})
    with index.opened(tmp_path / "index.sqlite") as found:
        for name in ODD:
            (one,) = found.find([key_of(name, OFF)]).values()
            assert one == outcome_of(name)
        assert found.counts() == {"general": len(ODD)}
    assert [path.name for path in tmp_path.iterdir()] == ["index.sqlite"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(st.text(st.characters(codec=None), max_size=40), min_size=1, max_size=8, unique=True))
def test_any_names_come_back(tmp_path: Path, names: list[str]) -> None:
    adapters = [{"w": torch.full((2, 3), float(i))} for i in range(len(names))]
    said = [Record(key_of(name, OFF), name, 9, False, place=i) for i, name in enumerate(names)]
    shards.write(tmp_path / "000000.safetensors", 0, "source", said, adapters)
    known = shards.read(tmp_path / "000000.safetensors")
    assert known.records == tuple(said)
    index.write(tmp_path / "index.sqlite", [Outcome(one, 0, records.GENERAL) for one in known.records], {})
    with index.opened(tmp_path / "index.sqlite") as found:
        for i, name in enumerate(names):
            one = found.find([key_of(name, OFF)])[key_of(name, OFF)]
            assert one.record.name == name
            assert torch.equal(known.adapter(i)["w"], adapters[i]["w"])


def test_a_group_is_found_at_once_among_many(tmp_path: Path) -> None:
    index.write(tmp_path / "index.sqlite", (outcome_of(f"user {i}") for i in range(10_000)), {})
    took = []
    for i in range(0, 10_000, 997):
        start = time.process_time()
        with index.opened(tmp_path / "index.sqlite") as found:
            assert found.find([key_of(f"user {i}", OFF)])
        took.append(time.process_time() - start)
    assert sorted(took)[len(took) // 2] < 0.005


def test_a_shard_takes_little_more_than_its_weights(tmp_path: Path) -> None:
    adapters = [{"w": torch.randn(8, 320)} for _ in range(64)]  # 10 KiB each
    said = [
        Record(key_of(str(i), OFF), f"user {i}", 9, False, place=i, sha256="0" * 64, data="0" * 64) for i in range(64)
    ]
    shards.write(tmp_path / "shard", 0, "source", said, adapters)
    assert (tmp_path / "shard").stat().st_size < 1.2 * 64 * 8 * 320 * 4


@pytest.fixture
def mine(bank: Path, tmp_path: Path) -> Path:
    """A copy of the bank that may be spoiled."""
    return toy_banks.copied(bank, tmp_path)


def test_verify_finds_every_single_byte_that_changes(mine: Path) -> None:
    assert banking.verify(mine) == []
    chance = random.Random(0)
    places = sorted((mine / "shards").iterdir())
    assert len(places) == 3
    for path in places:
        whole = path.read_bytes()
        for at in [0, 7, 8, len(whole) - 1, *(chance.randrange(len(whole)) for _ in range(20))]:
            spoiled = bytearray(whole)
            spoiled[at] ^= 1 << chance.randrange(8)
            path.write_bytes(bytes(spoiled))
            (fault,) = banking.verify(mine)
            assert str(path) in fault
        path.write_bytes(whole)
    places[0].unlink()
    assert banking.verify(mine) == [f"{places[0]}: is missing"]


def test_the_index_can_be_made_again_from_the_shards(mine: Path) -> None:
    with index.opened(mine / "index.sqlite") as found:
        before = list(found.all()), found.shards()
    (mine / "index.sqlite").unlink()
    with pytest.raises(InputError, match="no such file"):
        banking.listing(mine)
    assert banking.repair(mine) == 8
    with index.opened(mine / "index.sqlite") as found:
        assert (list(found.all()), found.shards()) == before


def test_a_damaged_shard_is_not_used_for_predictions(mine: Path) -> None:
    from ftkit.bank import serving

    served = serving.load(mine)
    with index.opened(mine / "index.sqlite") as found:
        one = next(one for one in found.all() if one.record.place is not None)
    path = shards.path_of(mine / "shards", one.shard)
    served.adapter(one)
    whole = bytearray(path.read_bytes())
    whole[-1 - 4 * sum(map(torch.Tensor.numel, served.adapter(one).values()))] ^= 1  # some adapter's last bytes
    whole[-1] ^= 1
    path.write_bytes(bytes(whole))
    bad = 0
    for record in shards.read(path).records:
        try:
            served.adapter(Outcome(record, one.shard, records.PROMOTED))
        except InputError:
            bad += 1
    assert bad >= 1


def test_what_is_no_bank_is_refused(tmp_path: Path, bank: Path) -> None:
    with pytest.raises(InputError, match="no bank"):
        folder.read(tmp_path)
    with pytest.raises(InputError, match="knows no group"):
        banking.show(bank, "nobody")
    with pytest.raises(InputError, match="no outcome"):
        banking.listing(bank, "promotde")
    assert folders.is_bank(bank) and not folders.is_bank(bank / "general")
