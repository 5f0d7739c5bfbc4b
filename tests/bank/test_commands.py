"""Banks on the command line: what is printed, what is refused, and how it exits."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import toy_banks

from ftkit.cli import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def ftk(workdir: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main([str(word) for word in words])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return run


def test_without_a_column_it_lists_those_that_could_part_the_table(ftk: Run, workdir: Path) -> None:
    toy_banks.write_rows(workdir, [f"user {i}" for i in range(8)])
    code, out, err = ftk("adapt", "rows.csv", "--label", "label", "--base", workdir / "base")
    assert code == 0 and [line.split() for line in out.splitlines()[2:]] == [["user", "8", "8", "24"]]
    assert err.splitlines()[-1] == "next: ftkit adapt rows.csv --by user"
    assert not (workdir / "runs" / "rows-bank-1").exists()


def test_the_groups_of_a_bank(ftk: Run, bank: Path) -> None:
    code, out, _ = ftk("bank", "ls", bank, "--json")
    groups = json.loads(out)["groups"]
    assert code == 0 and {one["group"] for one in groups} == {f"user {i}" for i in range(8)}
    promoted = [one for one in groups if one["outcome"] == "promoted"]
    assert promoted and all(one["expected"] > 0 and one["harm"] < 0.2 for one in promoted)
    assert [one["group"] for one in groups] == [f"user {i}" for i in range(8)]
    code, out, _ = ftk("bank", "ls", bank, "--outcome", "promoted")
    assert len(out.splitlines()) == 2 + len(promoted)
    code, out, err = ftk("bank", "show", bank, promoted[0]["group"])
    assert f"next: ftkit bank export {bank} '{promoted[0]['group']}' --out FOLDER" in err
    assert code == 0 and "use their own adapter" in out and "probability of harm" in out
    assert ftk("bank", "verify", bank)[:2] == (0, f"{bank}: every byte is as it was written\n")


def test_compare_shows_a_bank_by_itself(ftk: Run, bank: Path) -> None:
    code, out, err = ftk("compare", bank)
    assert code == 0 and "8 groups by user" in out and "the worst tenth of the groups" in out
    assert f"page: {bank / 'bank.html'}" in err
    page = (bank / "bank.html").read_text()
    assert "user 3" in page and "What became of the groups" in page


def test_predict_routes_and_exports_load(ftk: Run, bank: Path, workdir: Path) -> None:
    pd.DataFrame({"text": ["a ripe apple and one pear"], "user": ["nobody"]}).to_csv("new.csv", index=False)
    code, _, err = ftk("predict", bank, "new.csv", "--out", "out.csv")
    assert code == 0 and "1 of 1 rows are of groups that the bank does not know" in err
    assert pd.read_csv("out.csv")["adapter"].tolist() == ["general (unknown group)"]
    code, _, err = ftk("predict", bank, "new.csv", "--out", "more.csv", "--calibrated")
    assert code == 2 and not Path("more.csv").exists()
    assert ftk("bank", "export", bank, "user 1", "--out", "adapter")[0] == 0
    assert {"adapter_config.json", "adapter_model.safetensors", "head.json"} <= {
        p.name for p in Path("adapter").iterdir()
    }
    assert ftk("bank", "export", bank, "user 1", "--out", "adapter")[0] == 2
    for one in json.loads(ftk("bank", "ls", bank, "--json")[1])["groups"]:
        _, _, err = ftk("bank", "export", bank, one["group"], "--out", f"of {one['group']}")
        assert ("the bank does not use this adapter" in err) == (one["outcome"] != "promoted")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("bank", "show", "BANK"), "which group?"),
        (("bank", "show", "BANK", "nobody"), "knows no group"),
        (("bank", "show", "BANK", "usr 3"), "did you mean user 3?"),
        (("train", "BANK"), "is a bank, not data\n  → ftkit adapt DATA --update BANK"),
        (("adapt", "BANK", "--by", "user"), "is a bank, not data"),
        (("train", "rows.csv", "--base", "BANK"), "is a bank, not a run\n  → its general run is BANK/general"),
        (("bank", "export", "BANK", "user 1"), "--out: missing"),
        (("bank", "ls", "."), "no bank"),
        (("adapt", "BANK", "--resume"), "is complete"),
        (("adapt", ".", "--resume"), "no bank that was begun"),
        (("train", "BANK", "--resume"), "is a bank, not a run"),
        (("evaluate", "BANK", "BANK", "rows.csv"), "is a bank, not a run"),
        (("evaluate", "BANK@1", "BANK", "rows.csv"), "is a bank, not a run"),
        (("compare", "BANK", "BANK", "BANK"), "is a bank, not a run"),
        (("compare", "BANK@1", "BANK@2"), "has no generation 2, but 1 to 1"),
        (("bank", "show", "BANK@9", "user 1"), "has no generation 9"),
        (("bank", "rollback", "BANK"), "--to: missing"),
        (("bank", "rollback", "BANK", "--to", "2"), "has no generation 2"),
        (("bank", "rollback", "BANK@1", "--to", "1"), "is an earlier generation"),
        (("bank", "rm", "BANK"), "which group?"),
        (("bank", "rm", "BANK", "nobody"), "knows no such group"),
        (("adapt", "rows.csv", "--update", "."), "no bank"),
        (("adapt", "rows.csv", "--update", "BANK", "--epochs", "3"), "keeps the bank's recipe"),
        (("adapt", "rows.csv", "--update", "BANK", "--general", "x"), "with --update it is new"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(ftk: Run, bank: Path, words: tuple[str, ...], said: str) -> None:
    shutil.copy(bank.parent / "rows.csv", "rows.csv")
    code, out, err = ftk(*(word.replace("BANK", str(bank)) for word in words))
    assert code == 2 and said.replace("BANK", str(bank)) in err and out == ""


def test_columns_that_part_nobody_are_refused_before_anything_is_trained(ftk: Run, workdir: Path) -> None:
    toy_banks.write_rows(workdir, ["ann", "ben"])
    rows = pd.read_csv("rows.csv")
    rows.assign(order=[f"o{i // 2}" for i in range(len(rows))]).to_csv("rows.csv", index=False)
    words = ["adapt", "rows.csv", "--label", "label", "--base", workdir / "base", "--by"]
    for column, said in (("label", "is a column of task.label"), ("order", "the largest has 2 rows")):
        code, out, err = ftk(*words, column)
        assert code == 2 and said in err and "ftkit adapt DATA, without --by" in err and out == ""
    code, _, err = ftk(*words, "usr")
    assert code == 2 and "bank.by: no column 'usr'; did you mean user?" in err
    assert not Path("runs").exists() or [one.name for one in Path("runs").iterdir()] == ["log.jsonl"]


def test_a_bank_that_was_interrupted_is_gone_on_with(ftk: Run, bank: Path, workdir: Path) -> None:
    """Whatever it is given to, nobody is told to throw away what was trained."""
    mine = Path(shutil.copytree(bank, workdir / "my bank"))
    (mine / "bank.json").unlink()
    (mine / "status").write_text("partial\n")
    pd.read_csv(bank.parent / "rows.csv").to_csv("rows.csv", index=False)
    for words in (("predict", mine, "rows.csv"), ("bank", "ls", mine), ("train", mine), ("evaluate", mine, "rows.csv")):
        code, _, err = ftk(*words)
        assert code == 2 and f"ftkit adapt '{mine}' --resume" in err and "--force" not in err


def test_a_folder_of_runs_is_no_run(ftk: Run, bank: Path, workdir: Path) -> None:
    (workdir / "runs").mkdir()
    shutil.copytree(bank / "general", workdir / "runs" / "one")
    code, _, err = ftk("predict", "runs", "rows.csv")
    assert code == 2 and "runs: holds runs, but is none itself\n  → choose from runs/one" in err


def test_rows_of_a_week_alone_are_warned_of(ftk: Run, bank: Path, workdir: Path) -> None:
    """An update takes a group's rows as they are: whoever gives the new ones alone loses the others."""
    mine = Path(shutil.copytree(bank, workdir / "bank"))
    rows = pd.read_csv(bank.parent / "rows.csv")
    few = rows[rows["user"].isin(["user 1", "user 2"])].groupby("user").head(5)
    pd.concat([rows[rows["user"] == "user 3"], few]).to_csv("week2.csv", index=False)
    code, out, err = ftk("adapt", "week2.csv", "--update", mine)
    assert code == 0 and "2 groups with fewer rows than last time, 10 in place of 48" in err
    assert "  2 with too few rows, or one label, to be trained\n" in out and "  2 trained" not in out


def test_rows_of_nobody_are_told(ftk: Run, workdir: Path) -> None:
    toy_banks.write_rows(workdir, ["ann", "ben"])
    rows = pd.read_csv("rows.csv")
    rows.loc[:4, "user"] = None
    rows.to_csv("rows.csv", index=False)
    words = ["--label", "label", "--base", workdir / "base", "--method", "head", "--set", "data.folds=2"]
    code, out, _ = ftk("adapt", "rows.csv", "--by", "user", *words)
    assert code == 0 and "5 rows without a value in 'user'" in out


def test_a_bank_is_scored_on_rows_that_it_never_saw(ftk: Run, bank: Path, workdir: Path) -> None:
    rows = pd.read_csv(bank.parent / "rows.csv")
    later = rows.assign(text="tomorrow " + rows["text"])
    pd.concat([rows.head(10), later, later.head(5).assign(user="nobody")]).to_csv("later.csv", index=False)
    code, out, _ = ftk("evaluate", bank, "later.csv", "--json")
    found = json.loads(out)
    assert code == 0 and (found["rows"], found["left_out"], found["groups"]) == (8 * 24 + 5, 10, 9)
    assert found["adapters"]["general (unknown group)"] == 5
    gained = found["scores"]["accuracy"]["value"] - found["general"]["accuracy"]["value"]
    assert gained == pytest.approx(found["difference"]["value"]) and gained > 0
    code, out, _ = ftk("evaluate", bank, "later.csv")
    assert code == 0 and "10 rows left out that it was trained on" in out
    rows.to_csv("old.csv", index=False)
    code, _, err = ftk("evaluate", bank, "old.csv")
    assert code == 2 and "was trained on all of its" in err


def test_check_finds_what_no_bank_can_be_made_of(ftk: Run, workdir: Path) -> None:
    toy_banks.write_rows(workdir, [f"user {i}" for i in range(8)])
    words = ["check", "rows.csv", "--label", "label", "--base", workdir / "base", "--set", "bank.by=user"]
    code, _, err = ftk(*words)
    assert code == 0 and "next: ftkit adapt rows.csv" in err
    for change, said in (("method=full", "8 times the base"), ("bank.general=nowhere", "is no finished run")):
        code, out, err = ftk(*words, "--set", change)
        assert code == 2 and said in err and out == ""


def test_the_life_of_a_bank(ftk: Run, bank: Path, workdir: Path) -> None:
    mine = Path(shutil.copytree(bank, workdir / "bank"))
    rows = pd.read_csv(bank.parent / "rows.csv")
    late = rows[rows["user"] == "user 1"].assign(user="late")
    pd.concat([rows[rows["user"] != "user 7"], late]).to_csv("week2.csv", index=False)
    code, out, err = ftk("adapt", "week2.csv", "--update", mine)
    assert code == 0 and "generation 2:" in out and "1 of them new to the bank" in out and "1 without rows now" in out
    assert f"next: ftkit compare {mine}@1 {mine}" in err
    code, out, _ = ftk("bank", "history", mine)
    assert code == 0 and [line.split()[0] for line in out.splitlines()[2:]] == ["1", "2"] and "(in service)" in out
    code, out, _ = ftk("compare", f"{mine}@1", mine, "--require", "not-worse")
    assert code == 0 and "8 unchanged, 1 new, 0 not known any more" in out and "equivalent" in out
    code, _, err = ftk("compare", f"{mine}@1", f"{mine}@2", "--require", "better")
    assert code == 3 and "is not met: all groups together are equivalent" in err
    code, out, _ = ftk("compare", f"{mine}@1")
    assert code == 0 and "8 groups by user" in out
    assert ftk("bank", "show", mine, "late")[0] == 0 and ftk("bank", "show", f"{mine}@1", "late")[0] == 2
    pd.DataFrame({"text": ["a ripe apple"], "user": ["late"]}).to_csv("new.csv", index=False)
    for name, adapter in ((mine, "general (unknown group)"), (f"{mine}@2", "own")):
        if name == mine:
            code, out, _ = ftk("bank", "rollback", mine, "--to", "1")
            assert code == 0 and "late: promoted → unknown" in out
        assert ftk("predict", name, "new.csv", "--out", "out.csv", "--force")[0] == 0
        assert pd.read_csv("out.csv")["adapter"].tolist() == [adapter]
    assert ftk("bank", "export", f"{mine}@2", "late", "--out", "late")[0] == 0 and Path("late/head.json").is_file()
    code, out, err = ftk("bank", "rm", mine, "user 3")
    assert code == 0 and "was trained on" in out and "cannot forget" in out and "--general new" in err
    code, out, _ = ftk("bank", "promote", mine, "--json")
    assert code == 0 and "changed" in json.loads(out)
    assert ftk("bank", "verify", mine)[0] == 0


def test_a_damaged_bank_fails_its_check(ftk: Run, bank: Path, workdir: Path) -> None:
    mine = Path(shutil.copytree(bank, workdir / "bank"))
    path = sorted((mine / "shards").iterdir())[0]
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    code, out, err = ftk("bank", "verify", mine)
    assert code == 1 and str(path) in out and "1 faults" in err
