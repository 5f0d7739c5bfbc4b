"""A bank over four weeks: who is trained, what replaces what, and the way back."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import toy_banks
from drawing import undrawn
from forking import forked

from ftkit import folders, runs
from ftkit.bank import adapting, changing, folder, generations, making, serving, shards
from ftkit.bank import rows as stored_rows
from ftkit.errors import InputError, Interrupted
from ftkit.verbs import adapting as verb
from ftkit.verbs import banking, tending

WIDE = [("bank.margin", "0.3")]
"""a margin that two dozen rows can show something within"""
TEXTS = [("a ripe apple and one pear",), ("hammer saw please",), ("bring the drill or the wrench today",)]
USERS = [f"user {i}" for i in range(8)]


@pytest.fixture
def mine(bank: Path, tmp_path: Path) -> Path:
    """A copy of the bank that may change, beside its rows."""
    return toy_banks.copied(bank, tmp_path)


@pytest.fixture(scope="session")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bank whose groups hardly learn, for what does not depend on that; nobody may change it."""
    data = tmp_path_factory.mktemp("quick")
    recipe = toy_banks.recipe_for(data, rows=12, bank__epochs=1)
    with undrawn():
        return making.make(recipe, lambda: folders.new_run_folder(data / "bank", "", False))[0]


@pytest.fixture
def fast(quick: Path, tmp_path: Path) -> Path:
    """A copy of it that may change, beside its rows."""
    shutil.copy(quick.parent / "rows.csv", tmp_path / "rows.csv")
    return Path(shutil.copytree(quick, tmp_path / "bank"))


def rows_of(bank: Path) -> pd.DataFrame:
    return pd.read_csv(bank.parent / "rows.csv")


def more(rows: pd.DataFrame, user: str, count: int, seed: int, wrong: bool = False) -> pd.DataFrame:
    """Rows that a user adds: sentences that nobody has written before, labelled as the user does; or the other way."""
    chance, lines = random.Random(seed), []
    known = rows[rows["user"] == user].drop_duplicates("text")
    words = sorted({word for text in rows["text"] for word in text.split()})
    for i in range(count):
        row = known.iloc[chance.randrange(len(known))]
        text = f"{row['text']} week {seed} {words[(7 * i + seed) % len(words)]} {i}"
        label = toy_banks.SWAPPED[row["label"]] if wrong else row["label"]
        lines.append({"text": text, "label": label, "user": user})
    return pd.DataFrame(lines)


def update(bank: Path, rows: pd.DataFrame, week: int, **options: Any) -> dict[str, Any]:
    path = bank.parent / f"week{week}.csv"
    rows.to_csv(path, index=False)
    given = {"changes": WIDE, "general": None, "only": None} | options
    return verb.update(str(path), bank, command="", **given)[1]


def answers(bank: Path, at: int | None = None) -> np.ndarray:
    """What a bank says of a few texts for each user, and for a stranger."""
    served = serving.load(bank if at is None else bank.with_name(f"{bank.name}@{at}"))
    names = [name for name in [*USERS, "newcomer", "nobody"] for _ in TEXTS]
    logits, used, _ = served.logits(TEXTS * (len(USERS) + 2), names, lambda done: None)
    return np.column_stack([logits, [hash_of(one) for one in used]])


def hash_of(word: str) -> float:
    return float(sum(map(ord, word)))


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the groups that are trained, as they are."""
    turns: list[str] = []
    plain = adapting.Adapter._turns

    def noting(self: Any, group: Any) -> Any:
        turns.append(group.name)
        return plain(self, group)

    monkeypatch.setattr(adapting.Adapter, "_turns", noting)
    return turns


@pytest.mark.slow  # half a minute: four generations are trained
def test_four_weeks(mine: Path, trained: list[str]) -> None:
    said = {1: answers(mine)}
    # the second week: two groups grow, one is new
    rows = rows_of(mine)
    rows = pd.concat([rows, more(rows, "user 1", 20, 2), more(rows, "user 5", 20, 2)])
    rows = pd.concat([rows, more(rows, "user 0", 24, 3).assign(user="newcomer")])
    report = update(mine, rows, 2)
    assert sorted(trained) == ["newcomer", "user 1", "user 5"]
    counts = report["update"]
    assert (report["generation"], counts["added"], counts["unchanged"], counts["gone"]) == (2, 1, 6, 0)
    assert counts["replaced"] >= 1
    said[2] = answers(mine)
    untouched = [i for i, user in enumerate(USERS) if user not in ("user 1", "user 5")]
    for user in untouched:
        assert np.array_equal(said[1][3 * user : 3 * user + 3], said[2][3 * user : 3 * user + 3])
    # the third: one is removed from the data, and stays in service
    trained.clear()
    rows = pd.concat([rows[rows["user"] != "user 7"], more(rows, "user 3", 20, 4)])
    report = update(mine, rows, 3)
    assert trained == ["user 3"] and report["update"]["gone"] == 1
    said[3] = answers(mine)
    assert np.array_equal(said[3][21:24], said[2][21:24])
    # the fourth: what one user labels is turned round for a third of the rows
    trained.clear()
    before = banking.show(mine, "user 2")
    assert before["outcome"] == "promoted"
    flipped = rows.copy()
    half = flipped.index[(flipped["user"] == "user 2").to_numpy()][::3]
    where = (flipped["user"] == "user 2").to_numpy() & flipped.index.isin(half)
    flipped.loc[where, "label"] = flipped.loc[where, "label"].map(toy_banks.SWAPPED)
    report = update(mine, flipped, 4)
    assert trained == ["user 2"] and report["update"].get("replaced", 0) == 0
    after = banking.show(mine, "user 2")
    assert after["sha256"] == before["sha256"] and after["kept"].startswith(("worse", "cannot tell on "))
    said[4] = answers(mine)
    assert np.array_equal(said[4], said[3])
    # every generation answers as it did, before and after going back
    assert [one["generation"] for one in tending.history(mine)] == [1, 2, 3, 4]
    for number, before_ in said.items():
        assert np.array_equal(answers(mine, number), before_)
    for number in (2, 1, 4):
        tending.rollback(mine, number, None, "")
        assert np.array_equal(answers(mine), said[number])
    assert banking.verify(mine) == []
    # the index can be made again from the shards and the documents
    lines = {name: banking.listing(mine.with_name(f"{mine.name}@{name}")) for name in range(1, 8)}
    (mine / "index.sqlite").unlink()
    banking.repair(mine)
    assert lines == {name: banking.listing(mine.with_name(f"{mine.name}@{name}")) for name in range(1, 8)}


def test_one_group_goes_back_alone(mine: Path) -> None:
    rows = rows_of(mine)
    update(mine, pd.concat([rows, more(rows, "user 1", 20, 2), more(rows, "user 5", 20, 2)]), 2)
    first, second = answers(mine, 1), answers(mine, 2)
    changed = [
        user for user in (1, 5) if not np.array_equal(first[3 * user : 3 * user + 3], second[3 * user : 3 * user + 3])
    ]
    assert changed
    found = tending.rollback(mine, 1, f"user {changed[0]}", "")
    assert [one["group"] for one in found["changed"]] == [f"user {changed[0]}"]
    expected = second.copy()
    expected[3 * changed[0] : 3 * changed[0] + 3] = first[3 * changed[0] : 3 * changed[0] + 3]
    assert np.array_equal(answers(mine), expected)
    with pytest.raises(InputError, match="knows no such group"):
        tending.rollback(mine, 1, "nobody", "")
    with pytest.raises(InputError, match="no generation 9"):
        tending.rollback(mine, 9, None, "")


def test_nothing_new_is_no_generation(fast: Path, trained: list[str]) -> None:
    rows = rows_of(fast)
    report = update(fast, rows.sample(frac=1.0, random_state=0), 2)  # their order says nothing
    assert trained == [] and report["generation"] == 1 and folder.read(fast).newest == 1
    assert not (fast / "update").exists()


def test_a_group_that_comes_later_changes_nobody(fast: Path) -> None:
    rows = rows_of(fast)
    before, shown = answers(fast), banking.listing(fast)
    update(fast, pd.concat([rows, more(rows, "user 0", 24, 3).assign(user="newcomer")]), 2)
    assert np.array_equal(answers(fast)[:24], before[:24])
    after = [one for one in banking.listing(fast) if one["group"] != "newcomer"]
    assert after == shown
    assert folder.read(fast).prior == folder.read(fast.with_name("bank@1")).prior


def test_what_replaces_is_judged_on_rows_that_neither_has_seen(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ftkit.bank import gate

    asked: list[tuple[Any, Any, Any]] = []
    plain = gate.Gate._before

    def noting(self: Any, before: Any, every: Any) -> Any:
        place, old = plain(self, before, every)
        asked.append((before.record.name, self.adapter.frame.iloc[every[place]], old))
        return place, old

    monkeypatch.setattr(gate.Gate, "_before", noting)
    rows = rows_of(mine)
    theirs = rows[rows["user"] == "user 1"]
    seen = theirs.head(3).assign(text=theirs["text"].head(3) + "!")  # near-equal to what was trained on
    update(mine, pd.concat([rows, more(rows, "user 1", 10, 2), seen]), 2)
    ((name, frame, scores),) = asked
    texts = [" ".join(one) for one in frame["input"]]
    assert name == "user 1" and len(texts) == 24 + 10
    assert not set(seen["text"]) & set(texts)
    # what is kept of the old rows is what was said out of fold then
    kept = stored_rows.read(sorted((mine / "rows").glob("*.parquet"))[:3])
    stored = {row: kept.own[i] for i, row in enumerate(kept.frame["row_id"]) if kept.frame["fold"][i] >= 0}
    known = [row for row in frame["row_id"] if row in stored]
    assert len(known) == 24
    for row, score in zip(frame["row_id"], scores, strict=True):
        if row in stored:
            assert np.array_equal(score, stored[row])


def test_a_stopped_update_leaves_the_old_one_in_service_and_is_taken_up(
    fast: Path, trained: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = rows_of(fast)
    later = pd.concat([rows, *(more(rows, user, 12, 2) for user in USERS)])
    whole = Path(shutil.copytree(fast, fast.parent / "whole"))
    update(whole, later, 2)
    before, plain = answers(fast), generations.prepared
    turns = len(trained)
    noting = adapting.Adapter._turns

    def stopping(self: Any, group: Any) -> Any:
        if len(trained) == turns + 4:
            raise KeyboardInterrupt
        return noting(self, group)

    with monkeypatch.context() as patch:
        patch.setattr(adapting.Adapter, "_turns", stopping)
        with pytest.raises(Interrupted):
            update(fast, later, 2)
    assert np.array_equal(answers(fast), before) and folder.read(fast).newest == 1
    assert banking.verify(fast) == []
    del trained[:]
    with monkeypatch.context() as patch:  # whole, but not yet named as the newest
        patch.setattr(generations, "prepared", lambda *given: (plain(*given), _stop()))
        with pytest.raises(Interrupted):
            verb.resume(str(fast), None, "")
    assert len(trained) == 8 - 3  # the first stack of three was there
    assert np.array_equal(answers(fast), before) and banking.verify(fast) == []
    del trained[:]
    verb.resume(str(fast), None, "")
    assert trained == [] and folder.read(fast).newest == 2
    assert np.array_equal(answers(fast), answers(whole))
    same(fast, whole)


def _stop() -> None:
    raise KeyboardInterrupt


def same(one: Path, other: Path) -> None:
    """Index, shards and predictions agree, times aside."""
    assert banking.listing(one) == banking.listing(other)
    found = [
        [record.sha256 for shard in shards.read_all(bank / "shards") for record in shard.records]
        for bank in (one, other)
    ]
    assert found[0] == found[1]
    tables = [pd.read_parquet(bank / runs.PREDICTIONS) for bank in (one, other)]
    pd.testing.assert_frame_equal(*tables)
    assert not (one / "update").exists() and not list(one.rglob("*.tmp"))


def test_another_update_takes_the_place_of_one_that_was_stopped(fast: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = rows_of(fast)
    with monkeypatch.context() as patch:
        patch.setattr(generations, "prepared", lambda *given: _stop())
        with pytest.raises(Interrupted):
            update(fast, pd.concat([rows, *(more(rows, user, 12, 2) for user in USERS)]), 2)
    assert len(list((fast / "shards").iterdir())) == 6
    update(fast, pd.concat([rows, more(rows, "user 1", 12, 2)]), 3)
    assert len(list((fast / "shards").iterdir())) == 4 and banking.verify(fast) == []


def test_two_writers_are_kept_apart(fast: Path) -> None:
    rows = rows_of(fast)
    acts: list[Callable[[], object]] = [
        lambda: update(fast, pd.concat([rows, more(rows, "user 1", 12, 2)]), 2),
        lambda: tending.rollback(fast, 1, None, ""),
        lambda: tending.promote(fast, ""),
        lambda: tending.remove(fast, "user 1"),
        lambda: banking.repair(fast),
    ]
    with generations.alone(fast):
        for act in acts:
            with pytest.raises(InputError, match="another process is changing it"):
                act()
        assert len(banking.listing(fast)) == 8  # readers read on
    tending.rollback(fast, 1, None, "")


def test_one_group_is_trained_again_alone(fast: Path, trained: list[str]) -> None:
    before = banking.show(fast, "user 4")
    _, report = verb.update(None, fast, WIDE, None, "user 4", "")
    assert trained == ["user 4"] and report["generation"] == 2
    after = banking.show(fast, "user 4")
    assert after["sha256"] == before["sha256"] and after["generation"] == 2  # of the same rows, so the same
    with pytest.raises(InputError, match="hold no such group"):
        verb.update(None, fast, WIDE, None, "nobody", "")
    assert not (fast / "update").exists()


def test_what_an_update_may_not_change(fast: Path) -> None:
    for changes, general, said in (
        ([("bank.epochs", "3")], None, "keeps the bank's recipe"),
        ([], "runs/other", "with --update it is new"),
    ):
        with pytest.raises(InputError, match=said):
            verb.update(None, fast, changes, general, None, "")


def test_a_new_general_adapter_trains_everybody(fast: Path, trained: list[str]) -> None:
    first = answers(fast)
    rows = rows_of(fast)
    report = update(fast, pd.concat([rows, more(rows, "user 6", 30, 2)]), 2, general="new")
    assert sorted(trained) == USERS
    whole = folder.read(fast)
    assert whole.general == fast / "general-2" and whole.made_from != folder.read(fast.with_name("bank@1")).made_from
    assert report["update"]["trained"] == 8
    assert np.array_equal(answers(fast, 1), first)
    tending.rollback(fast, 1, None, "")
    assert folder.read(fast).general == fast / "general" and np.array_equal(answers(fast), first)


def test_judging_anew_lists_who_changed(fast: Path) -> None:
    found = tending.promote(fast, "")
    assert found == {"generation": 1, "changed": []}  # nothing has come since
    rows = rows_of(fast)
    same_as_all = [more(rows, "user 5", 24, i).assign(user=f"late {i}") for i in range(6)]
    update(fast, pd.concat([rows, *same_as_all]), 2)
    prior, before = folder.read(fast).prior, {one["group"]: one["outcome"] for one in banking.listing(fast)}
    found = tending.promote(fast, "")
    assert found["generation"] == 3 and folder.read(fast).prior != prior
    after = {one["group"]: one["outcome"] for one in banking.listing(fast)}
    assert {one["group"]: one["after"] for one in found["changed"]} == {
        name: outcome for name, outcome in after.items() if outcome != before[name]
    }


def test_a_removed_group_is_nowhere_any_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FTKIT_CACHE", str(tmp_path / "cache"))
    users = [*USERS[:-1], "Erika Mustermann"]
    recipe = toy_banks.recipe_for(tmp_path, users=users, rows=12, bank__epochs=1)
    table = pd.read_csv(tmp_path / "rows.csv")
    theirs = table["user"] == "Erika Mustermann"
    table.loc[theirs, "text"] = "zebra " + table.loc[theirs, "text"]
    table.to_csv(tmp_path / "rows.csv", index=False)
    bank, _ = making.make(recipe, lambda: folders.new_run_folder(tmp_path / "bank", "", False))
    update(bank, pd.concat([table, more(table, "Erika Mustermann", 12, 2)]), 2)
    others, key = [one for one in banking.listing(bank) if one["group"] != users[-1]], key_in(bank, users[-1])
    said = [serving.load(bank).logits(TEXTS, [user] * 3, lambda done: None)[0] for user in USERS[:-1]]
    kept = stored_rows.read(sorted((bank / "rows").glob("*.parquet"))).of(key)
    theirs = {one.encode() for one in kept.frame["input_hash"]}
    cached = b"".join(path.read_bytes() for path in (tmp_path / "cache").rglob("*.safetensors"))
    assert len(theirs) > 12 and all(one in cached for one in theirs)
    found = tending.remove(bank, users[-1])
    cached = b"".join(path.read_bytes() for path in (tmp_path / "cache").rglob("*.safetensors"))
    assert cached and not any(one in cached for one in theirs) and found["cached"] >= len(theirs)
    assert found["shards"] == 2 and found["rows"] == 24 and found["general"] == 12 and found["cached"] > 0
    for path in [*bank.rglob("*"), *(tmp_path / "cache").rglob("*")]:
        if path.is_file():
            content = path.read_bytes()
            assert b"Mustermann" not in content and b"zebra" not in content and key.encode() not in content, path
    assert banking.listing(bank) == others and banking.verify(bank) == []
    for user, before in zip(USERS, said, strict=False):
        assert np.array_equal(serving.load(bank).logits(TEXTS, [user] * 3, lambda done: None)[0], before)
    _, used, _ = serving.load(bank).logits(TEXTS, [users[-1]] * 3, lambda done: None)
    assert used == [serving.UNKNOWN] * 3
    for number in (1, 2):
        assert len(banking.listing(bank.with_name(f"bank@{number}"))) == 7
    with pytest.raises(InputError, match="knows no such group"):
        tending.remove(bank, users[-1])
    assert all(one["row_id"] != "" for one in pd.read_parquet(bank / runs.PREDICTIONS).to_dict("records"))


def key_in(bank: Path, name: str) -> str:
    return next(key for key, one in changing.state_of(folder.read(bank)).items() if one.record.name == name)


def test_generations_are_compared_group_by_group(mine: Path) -> None:
    rows = rows_of(mine)
    update(mine, pd.concat([rows, more(rows, "user 1", 20, 2), more(rows, "user 5", 20, 2)]), 2)
    one, other = (mine.with_name(f"bank@{number}") for number in (1, 2))
    found = tending.compare(one, other, None, "not-worse")
    assert found["unchanged"] + len(found["groups"]) == 8 and found["pooled"]["rows"] == 8 * 24
    assert {one_["group"] for one_ in found["groups"]} <= {"user 1", "user 5"} and found["groups"]
    nothing = tending.compare(other, other, None, "better")
    assert nothing["pooled"]["outcome"] == "equivalent" and nothing["groups"] == []
    assert nothing["gate"] == {"require": "better", "met": False, "pooled": "equivalent", "failed": []}
    with pytest.raises(InputError, match="another bank"):
        tending.compare(one, Path(shutil.copytree(mine, mine.parent / "twin")), None, None)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.parametrize("case", range(int(os.environ.get("FTKIT_BANK_KILLS", "4"))))
def test_an_update_killed_at_random_moments_ends_the_same(fast: Path, case: int) -> None:
    rows = rows_of(fast)
    later = pd.concat([rows, *(more(rows, user, 12, 2) for user in USERS)])
    before, whole = answers(fast), Path(shutil.copytree(fast, fast.parent / "whole"))
    chance, killed = random.Random(case), 0

    def go_on(bank: Path) -> None:
        if folder.read(bank).newest == 1 and (bank / "update" / "asked.json").is_file():
            verb.resume(str(bank), None, "")
        else:
            update(bank, later, 2)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ftkit.bank.document.render_bank", lambda report: "")
        assert forked(lambda: go_on(whole)) == 0
        while folder.read(fast).newest == 1 or (fast / "update").exists():
            status = forked(lambda: go_on(fast), None if killed == 3 else chance.uniform(0, 3))
            assert status == 0 or os.WIFSIGNALED(status), "the update failed by itself"
            killed += os.WIFSIGNALED(status)
            if folder.read(fast).newest == 1:
                assert np.array_equal(answers(fast), before)
    same(fast, whole)


def test_hidden_rows_stay_hidden_week_after_week(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from ftkit.cli import main

    users = [f"Secret Person {i}" for i in range(8)]
    recipe = toy_banks.recipe_for(tmp_path, users=users, rows=12, bank__epochs=1, report__rows="hide")
    bank, _ = making.make(recipe, lambda: folders.new_run_folder(tmp_path / "bank", "", False))
    rows = rows_of(bank)
    pd.concat([rows, more(rows, users[1], 12, 2)]).to_csv(tmp_path / "later.csv", index=False)
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    assert main(["adapt", "later.csv", "--update", str(bank)]) == 0
    assert main(["adapt", str(bank), "--only", users[2]]) == 0
    assert main(["bank", "rollback", str(bank), "--to", "1", "--group", users[1]]) == 0
    assert main(["bank", "promote", str(bank)]) == 0
    assert main(["bank", "history", str(bank)]) == 0
    assert main(["compare", f"{bank}@1", f"{bank}@2"]) == 0
    assert main(["bank", "rm", str(bank), users[3]]) == 0
    assert not [word for text in capsys.readouterr() for word in ("Secret", "hammer") if word in text]
    for path in [*bank.rglob("*"), *(tmp_path / "runs").rglob("*")]:
        if path.is_file():
            assert b"Secret Person" not in path.read_bytes() and b"hammer" not in path.read_bytes(), path
