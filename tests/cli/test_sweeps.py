"""`ftkit train --vary` and `ftkit list FOLDER --table`, as a user types them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ftkit import folders
from ftkit.errors import FtkitError, Interrupted

SCORES = {"lora": 0.8, "head": 0.7, "ia3": 0.75}


@pytest.fixture
def trained(stand_in: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """A pipeline that writes what later verbs read of a run; gives the recipes that it trained.

    It is interrupted once, at seed 3, and always fails at seed 13.
    """
    recipes: list[Any] = []

    def run(
        recipe: Any, claim: Callable[[], Path], command: str = "", profile: bool = False
    ) -> tuple[Path, dict[str, Any]]:
        folder = claim()
        (folder / "recipe.yaml").write_text(recipe.to_yaml())
        (folder / "status").write_text("partial")
        recipes.append(recipe)
        if recipe.seed == 13:
            raise FtkitError("the loss is not a number", "a smaller train.lr")
        if recipe.seed == 3 and sum(one.seed == 3 for one in recipes) == 1:
            (folder / "checkpoints").mkdir()
            raise Interrupted("cut short")
        report = {
            "task": recipe.task.name,
            "method": recipe.method.name,
            "primary": "accuracy",
            "folds": 0,
            "scores": {"test": {"accuracy": {"value": SCORES[recipe.method.name] + recipe.seed / 100}}},
            "data": {"files": {str(recipe.data.train): "5a"}},
        }
        (folder / "report.json").write_text(json.dumps(report))
        (folder / "status").write_text("complete")
        return folder, report

    monkeypatch.setattr("gc.collect", lambda: 0)  # 0.1 s a run where torch is loaded, and no model is left here
    stand_in("pipeline", run=run)
    return recipes


def states(folder: str = "runs/rows-1") -> dict[str, str | None]:
    """Name of each run in a sweep: its status."""
    return {path.name: folders.state(path) for path in sorted(Path(folder).iterdir()) if path.is_dir()}


# ---- train ----


def test_one_run_for_every_combination(ftk: Any, table: Path, trained: list[Any]) -> None:
    found = ftk("train", table.name, "--vary", "method.name=head,lora", "--vary", "seed=1,2", "--epochs", "3")
    assert found.code == 0, found.err
    assert [(one.method.name, one.seed, one.train.epochs) for one in trained] == [
        ("head", 1, 3),
        ("head", 2, 3),
        ("lora", 1, 3),
        ("lora", 2, 3),
    ]
    assert set(states()) == {"head,seed=1", "head,seed=2", "lora,seed=1", "lora,seed=2"}
    assert "run 3 of 4: method.name=lora, seed=1\n" in found.err
    assert found.err.count("rows.csv: 40 rows") == 1, "what is inferred from the same data is told once"
    assert "0.715 ± 0.007 (n=2)" in found.out and "4 of 4 runs are complete" in found.out
    assert found.err.endswith("next: ftkit list runs/rows-1 --table md\n") and Path("runs/rows-1/sweep.html").is_file()
    line = json.loads(Path("runs/log.jsonl").read_text())
    assert str(table) in line["inputs"] and "runs/rows-1/sweep.html" in line["outputs"]


def test_paths_are_relative_to_the_working_folder(ftk: Any, table: Path, trained: list[Any], workdir: Path) -> None:
    (workdir / "other.csv").write_text(table.read_text().replace("number", "count"))
    (workdir / "deep").mkdir()
    recipe = "task: {name: text_classification, text: message, label: topic}\nmethod: head\ndata: {train: none.csv}\n"
    (workdir / "deep" / "r.yaml").write_text(recipe)
    assert ftk("train", "deep/r.yaml", "--vary", "data.train=rows.csv,[rows.csv, other.csv]").code == 0
    assert [one.data.train for one in trained] == [str(table), [str(table), str(workdir / "other.csv")]]
    assert set(states("runs/r-1")) == {"rows", "rows+other"}


def test_the_answer_as_json(ftk: Any, table: Path, trained: list[Any]) -> None:
    found = ftk("train", table.name, "--method", "head", "--vary", "seed=1,13", "--json")
    assert found.code == 0 and found.err == ""
    document = found.document
    assert document["sweep"] == "runs/rows-1" and document["failed"] == 1
    assert document["runs"][0] == {
        "name": "seed=1",
        "values": {"seed": 1},
        "status": "complete",
        "scores": {"accuracy": [0.71]},
        "error": None,
    }
    assert document["runs"][1]["error"] == "the loss is not a number"
    assert document["table"]["cells"][0]["n"] == 1 and document["table"]["cells"][0]["failed"] == 1


def test_failures_do_not_stop_the_rest_and_only_all_of_them_fail_the_command(
    ftk: Any, table: Path, trained: list[Any]
) -> None:
    found = ftk("train", table.name, "--method", "head", "--vary", "seed=13,1")
    assert found.code == 0 and states() == {"seed=1": "complete", "seed=13": "failed"}
    assert "1 of 2 runs are complete, 1 failed:\n  seed=13: the loss is not a number" in found.out
    assert "failed: the loss is not a number" in found.err
    assert "the loss is not a number" in ftk("list", "runs").out
    found = ftk("train", table.name, "--vary", "method.name=head,lora,ia3", "--seed", "13")
    assert found.code == 1 and "  head, lora and 1 more: the loss is not a number" in found.out


def test_ctrl_c_and_on_from_there(ftk: Any, table: Path, trained: list[Any]) -> None:
    words = ["train", table.name, "--method", "head", "--vary", "seed=1,3,4", "--out", "s"]
    found = ftk(*words)
    assert found.code == 130 and found.errors == ["s: interrupted; 1 of 3 runs are complete"]
    assert found.err.endswith("  → ftkit train s --resume\n")
    assert states("s") == {"seed=1": "complete", "seed=3": "partial"}
    assert ftk("train", "s", "--resume").code == 0
    assert [one.seed for one in trained] == [1, 3, 3, 4]
    assert Path("s/seed=3/checkpoints").is_dir(), "the run was taken up, not begun again"
    again = ftk(*words, "--resume")
    assert again.code == 0 and "3 of 3 runs are complete" in again.out and len(trained) == 4


def test_the_same_command_begins_and_goes_on(ftk: Any, table: Path, trained: list[Any]) -> None:
    words = ["train", table.name, "--method", "head", "--vary", "seed=3,4", "--out", "s", "--resume"]
    assert [ftk(*words).code, ftk(*words).code] == [130, 0]
    other = ftk(*words, "--epochs", "3")
    assert other.code == 2 and "train.epochs was auto when the sweep was begun, and is 3 now" in other.errors[0]
    table.write_text(table.read_text() + "one more row,a,user1\n")
    changed = ftk(*words)
    assert changed.code == 2 and "rows.csv: has changed since the sweep was begun" in changed.errors[0]
    assert len(trained) == 3


def test_what_a_sweep_is_not_asked_for(ftk: Any, table: Path, trained: list[Any]) -> None:
    ftk("train", table.name, "--method", "head", "--vary", "seed=1,2", "--out", "s")
    for words in (["s"], ["s", "--resume", "--epochs", "3"], ["s", "--resume", "--vary", "seed=5"]):
        found = ftk("train", *words)
        assert found.code == 2 and found.err.endswith("  → ftkit train s --resume\n"), words
    assert "is a sweep, not data" in ftk("check", "s").errors[0]
    assert "already exists" in ftk("train", table.name, "--vary", "seed=1,2", "--out", "s").errors[0]
    assert "which sweep?" in ftk("train", table.name, "--vary", "seed=1,2", "--resume").errors[0]
    forced = ftk("train", table.name, "--vary", "seed=1,2", "--out", "s", "--resume", "--force")
    assert forced.code == 2 and len(states("s")) == 2
    assert ftk("train", table.name, "--method", "head", "--vary", "seed=5", "--out", "s", "--force").code == 0
    assert set(states("s")) == {"seed=5"}


# ---- what is wrong is told at once, before anything is trained ----


@pytest.mark.parametrize(
    ("words", "faults"),
    [
        (
            ["--vary", "method.name=head,lroa", "--vary", "train.lr=1e-3,x", "--set", "train.epoch=3"],
            [
                "train.epoch: unknown key",
                "got 'x'",
                "no method named 'lroa' (with method.name=lroa); did you mean lora?",
            ],
        ),
        (
            ["--vary", "method.name=head,lora", "--vary", "method.rank=4,8"],
            ["method.rank: unknown key (with method.name=head)"],
        ),
        (["--vary", "data.train=rows.csv,rwos.csv"], ["rwos.csv: no such file or folder (with data.train=rwos.csv)"]),
        (["--vary", "data.test=null,t.csv"], ["t.csv: no such file or folder (with data.test=t.csv)"]),
        (["--vary", "task.label=topic,user,topik"], ["no column 'topik' (with task.label=topik)"]),
        (["--vary", "data.train=rows.csv,./rows.csv"], ["the recipe is the same as with data.train=rows.csv"]),
        (["--vary", "report.rows=show,hide"], ["report.rows: cannot be varied"]),
        (["--vary", "seed=1,2", "--seed", "3"], ["seed: is both set and varied"]),
        (["--vary", "seed=1,1", "--vary", "method"], ["the same value twice", "expected KEY=VALUE"]),
        (["--vary", "seed=1,2,3", "--max-runs", "2"], ["3 runs are too many (3 of seed)"]),
    ],
)
def test_every_fault_of_every_combination(
    words: list[str], faults: list[str], ftk: Any, table: Path, trained: list[Any]
) -> None:
    found = ftk("train", table.name, *words)
    assert found.code == 2 and trained == [] and not list(Path("runs").glob("rows-*"))
    assert len(found.errors) == len(faults), found.err
    for said, fault in zip(found.errors, faults, strict=True):
        assert fault in said


def test_labels_of_hidden_rows_are_not_varied(ftk: Any, table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FTKIT_ROWS", "hide")
    vary = "data.label_map={secret: a},{secret: b}"
    found = ftk("train", table.name, "--label", "topic", "--vary", vary)
    assert found.code == 2 and "data.label_map: cannot be varied where rows are hidden" in found.errors[0]
    assert "secret" not in found.err + found.out + Path("runs/log.jsonl").read_text()


# ---- list ----


def test_tables_of_a_folder(ftk: Any, table: Path, trained: list[Any]) -> None:
    ftk("train", table.name, "--vary", "method.name=head,lora", "--vary", "seed=1,2", "--out", "runs/s")
    shown = ftk("list", "runs/s", "--table", "md")
    assert shown.code == 0 and "| lora | 0.815 ± 0.007 (n=2) |" in shown.out
    assert shown.err == "next: ftkit list runs/s --table md --rows KEY --columns KEY, for other keys\n"
    assert "| 1 | 0.710 (n=1) | 0.810 (n=1) |" in ftk("list", "runs/s", "--table", "md", "--rows", "seed").out
    assert ftk("list", "--table", "csv").out.startswith("method.name,metric,mean,sd,n,failed\nhead,accuracy,0.715,")
    assert ftk("list", "runs", "--table", "latex").out.count(r"\\") == 3
    document = ftk("list", "runs", "runs/s", "--table", "csv", "--json").document
    assert document["cells"][0]["runs"] == ["head,seed=1", "head,seed=2"]


def test_csv_keeps_its_notes_apart(ftk: Any, table: Path, trained: list[Any]) -> None:
    ftk("train", table.name, "--method", "head", "--vary", "seed=1,13", "--out", "s")
    found = ftk("list", "s", "--table", "csv")
    assert len(found.out.splitlines()) == 2 and "not counted, of 2 runs: 1 failed" in found.err


def test_runs_of_a_folder_by_its_path_and_those_of_sweeps(ftk: Any, table: Path, trained: list[Any]) -> None:
    ftk("train", table.name, "--method", "head", "--vary", "seed=2,10", "--out", "runs/s")
    ftk("train", table.name, "--method", "head")
    names = [line.split()[0] for line in ftk("list", "runs").out.splitlines()[2:]]
    assert names == ["rows-1", "s/seed=2", "s/seed=10"]
    assert [row["name"] for row in ftk("list", "runs/s", "--json").document["runs"]] == ["seed=2", "seed=10"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere", "--table", "md"], "there is no list of 'nowhere'"),
        (["methods", "--table", "md"], "there is no table of methods"),
        (["--table", "md"], "no such folder"),
        (["empty", "--table", "md"], "there are no runs here"),
        (["empty", "--rows", "seed"], "--rows, --columns and --metric shape a table"),
        (["--table", "html"], "--table"),
    ],
)
def test_no_table(words: list[str], said: str, ftk: Any, workdir: Path) -> None:
    (workdir / "empty").mkdir()
    found = ftk("list", *words)
    assert found.code == 2 and said in found.errors[0]
