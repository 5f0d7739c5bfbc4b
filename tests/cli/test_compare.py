"""`ftkit compare`: what it prints, writes, refuses and demands."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from compared_runs import Made

PAIR = ("runs/a", "runs/b")


@pytest.fixture
def runs(workdir: Path) -> Path:
    """a, the better b, and c, which hardly differs from a."""
    for name, accuracy, draw in (("a", 0.7, 0), ("b", 0.9, 0), ("c", 0.7, 1)):
        Made(accuracy, draw=draw, baselines={"tfidf": 0.5}).write(Path("runs") / name)
    return workdir


def test_it_prints_the_verdict_and_writes_document_and_page(ftk: Any, runs: Path) -> None:
    found = ftk("compare", *PAIR)
    assert found.code == 0, found.err
    assert found.out.startswith("b is better than a: accuracy 0.900 against 0.700 on 200 rows")
    assert found.err.splitlines() == ["page: comparisons/1/comparison.html", "next: ftkit predict runs/b FILE"]
    document = json.loads(Path("comparisons/1/comparison.json").read_text())
    assert document["verdict"]["outcome"] == "better" and document["command"] == "ftkit compare runs/a runs/b"
    assert document["gate"] is None
    assert "b is better than a" in Path("comparisons/1/comparison.html").read_text()
    assert sorted(path.name for path in Path("comparisons/1").iterdir()) == ["comparison.html", "comparison.json"]


def test_json_is_the_document_that_is_written(ftk: Any, runs: Path) -> None:
    found = ftk("compare", *PAIR, "--json", "--pairs", "all", "--metric", "macro_f1", "--metric", "accuracy")
    assert found.document == json.loads(Path("comparisons/1/comparison.json").read_text())
    assert (found.document["primary"], found.document["pairs"], found.err) == ("macro_f1", "all", "")


def test_what_it_read_and_wrote_is_logged(ftk: Any, runs: Path) -> None:
    ftk("compare", *PAIR, "runs/a:tfidf")
    line = json.loads(Path("runs/log.jsonl").read_text().splitlines()[-1])
    assert [Path(path).parent.name for path in line["inputs"]] == ["a", "b"] and line["code"] == 0
    assert sorted(line["outputs"]) == ["comparisons/1/comparison.html", "comparisons/1/comparison.json"]


def test_baselines_take_part_under_their_own_names(ftk: Any, runs: Path) -> None:
    found = ftk("compare", "runs/a:tfidf", "runs/a", "runs/b")
    assert "a against a:tfidf" in found.out and "a:tfidf (reference)" in found.out


@pytest.mark.parametrize(
    ("second", "require", "margin", "code"),
    [
        ("b", "not-worse", None, 0),
        ("b", "better", None, 0),
        ("b", "equivalent", None, 3),
        ("c", "not-worse", "0.01", 3),  # cannot tell
        ("c", "not-worse", "0.3", 0),
        ("c", "equivalent", "0.3", 0),
        ("c", "better", "0.3", 3),
    ],
)
def test_a_gate_that_is_not_met_ends_with_3(
    ftk: Any, runs: Path, second: str, require: str, margin: str | None, code: int
) -> None:
    extra = () if margin is None else ("--margin", margin)
    found = ftk("compare", "runs/a", f"runs/{second}", "--require", require, *extra)
    assert found.code == code, found.out
    assert found.errors == ([] if code == 0 else [found.errors[0]])
    if code:
        outcome = json.loads(Path("comparisons/1/comparison.json").read_text())["verdict"]["outcome"]
        assert found.errors == [f"--require {require} is not met: {second} against a: {outcome}"]


def test_worse_does_not_pass_as_not_worse_and_every_pair_must(ftk: Any, runs: Path) -> None:
    found = ftk("compare", "runs/b", "runs/a", "runs/c", "--require", "not-worse", "--margin", "0.01", "--json")
    assert found.code == 3
    gate = found.document["gate"]
    assert gate["met"] is False and [one["outcome"] for one in gate["failed"]] == ["worse", "worse"]
    assert found.document["comparisons"], "the answer is given all the same, and is one document"


def test_out_is_kept_unless_forced_and_only_if_it_is_a_comparison(ftk: Any, runs: Path) -> None:
    assert ftk("compare", *PAIR, "--out", "mine").code == 0
    again = ftk("compare", *PAIR, "--out", "mine")
    assert again.code == 2 and again.errors == ["mine: already exists"]
    assert ftk("compare", *PAIR, "--out", "mine", "--force", "--metric", "recall").code == 0
    assert json.loads(Path("mine/comparison.json").read_text())["primary"] == "recall"
    for place, message in (("runs/a", "holds something else than a comparison"), ("file", "is a file, not a folder")):
        Path("file").write_text("x")
        found = ftk("compare", *PAIR, "--out", place, "--force")
        assert found.code == 2 and message in found.errors[0]
    assert Path("runs/a/status").is_file()


def test_numbers_of_comparisons_go_on(ftk: Any, runs: Path) -> None:
    for _ in range(2):
        ftk("compare", *PAIR)
    assert sorted(path.name for path in Path("comparisons").iterdir()) == ["1", "2"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("runs/a",), "needs two runs"),
        (("runs/a", "runs/a"), "is given twice"),
        (("runs/a", "runs/bb"), "runs/bb: no such run"),
        (("runs/a", "runs"), "runs: holds runs, but is none itself"),
        (("runs/a", "runs/b:probe"), "has no predictions of probe"),
        ((*PAIR, "--cluster", "user"), "did not keep such a column"),
        ((*PAIR, "--metric", "acuracy"), "no metric named 'acuracy'"),
        ((*PAIR, "--margin", "-1"), "--margin -1: is no size of a difference"),
        ((*PAIR, "--margin", "nan"), "--margin nan: is no size of a difference"),
        ((*PAIR, "--require", "worse"), "'worse' is not one of"),
        (("runs/a", "runs/cut"), "not readable as Parquet"),
        (("runs/a", "runs/foreign"), "not predictions of ftkit"),
        (("runs/a", "runs/elsewhere"), "no row that all runs were tested on"),
        (("runs/a", "runs/one"), "only 1 row is left"),
        (("runs/a", "runs/labels"), "their labels differ"),
    ],
)
def test_what_cannot_be_compared_is_one_line_and_nothing_is_written(
    ftk: Any, runs: Path, words: tuple[str, ...], message: str
) -> None:
    for name in ("cut", "foreign"):
        path = Made().write(runs / "runs" / name) / "predictions.parquet"
        path.write_bytes(path.read_bytes()[:500] if name == "cut" else _foreign(runs))
    Made(rows=range(900, 990)).write(runs / "runs" / "elsewhere")
    Made(rows=range(199, 290)).write(runs / "runs" / "one")
    Made(labels=("billing", "delivery", "refund")).write(runs / "runs" / "labels")
    found = ftk("compare", *words)
    assert found.code == 2, found.out
    assert len(found.errors) == 1 and message in found.errors[0]
    assert found.out == "" and not Path("comparisons").exists()


def _foreign(folder: Path) -> bytes:
    import pandas as pd

    pd.DataFrame({"a": [1, 2]}).to_parquet(folder / "x.parquet")
    return (folder / "x.parquet").read_bytes()


def test_equal_runs_end_well(ftk: Any, runs: Path) -> None:
    Made(0.7).write(runs / "runs" / "twin")
    found = ftk("compare", "runs/a", "runs/twin", "--require", "equivalent")
    assert found.code == 0 and "twin answers exactly as a does on all 200 rows" in found.out


def test_no_torch_is_loaded(runs: Path) -> None:
    code = (
        "import sys; from ftkit.cli import main; code = main(['compare', 'runs/a', 'runs/b', '--quiet']);"
        "heavy = {'torch', 'transformers', 'peft', 'accelerate', 'datasets', 'evaluate', 'sklearn'} & set(sys.modules);"
        "sys.exit(f'{code} {sorted(heavy)}')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.stderr.strip() == "0 []"


def test_it_is_offered_to_python(runs: Path) -> None:
    import ftkit

    found = ftkit.compare([Path("runs/a"), "runs/b"], margin=0.05, require="better")
    assert found["gate"]["met"] is True and found["margin"]["accuracy"] == 0.05
    assert not Path("comparisons").exists()
