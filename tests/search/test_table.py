"""Tables over any folder of runs: which keys they are by, what is averaged, and what a reader is told."""

from __future__ import annotations

import csv
import json
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from made_runs import make_run, recipe

from ftkit.errors import InputError
from ftkit.search import formats, sweep
from ftkit.search.gathering import gather
from ftkit.search.sweep import Planned, Sweep
from ftkit.search.table import Table, tabulate

LINES = Callable[..., Table]


@pytest.fixture
def grid(tmp_path: Path) -> Path:
    """Two methods on two files with three seeds; one run failed, one was killed."""
    for method in ("lora", "head"):
        for name in ("a", "b"):
            for seed in (1, 2, 3):
                value = {"lora": 0.8, "head": 0.7}[method] + seed / 100 + (name == "b") / 10
                state = {("head", "b", 3): "failed", ("lora", "b", 1): "running"}.get((method, name, seed), "complete")
                keys = {"method__name": method, "data__train": f"/data/{name}.csv", "seed": seed}
                make_run(tmp_path / f"{method}-{name}-{seed}", value, state, **keys)
    return tmp_path


def planned(folder: Path, vary: dict[str, list[Any]], runs: dict[str, dict[str, Any]]) -> Path:
    """A sweep in a folder, with some runs made of (values, and what `make_run` takes); others are missing."""
    folder.mkdir()
    plan = []
    for name, given in runs.items():
        values = {key: value for key, value in given.items() if key in vary}
        changes = {key.replace(".", "__"): value for key, value in values.items()}
        plan.append(Planned(name, values, recipe(**changes)))
        if "score" in given or "state" in given:
            other = {key: value for key, value in given.items() if key not in vary}
            make_run(folder / name, **{**changes, **other})
    sweep.write(Sweep(folder, tuple(plan)), "ftkit train")
    return folder


# ---- cells ----


def test_mean_and_sd_over_what_is_neither_row_nor_column(grid: Path) -> None:
    table = tabulate(gather(grid))
    assert (table.row_key, table.column_key, table.metric) == ("method.name", "data.train", "accuracy")
    assert table.rows == ("head", "lora") and table.columns == ("/data/a.csv", "/data/b.csv")
    cell = table.cells["lora", "/data/a.csv"]
    assert cell.mean == pytest.approx(0.82) and cell.sd == pytest.approx(statistics.stdev([0.81, 0.82, 0.83]))
    assert "mean ± sd over seed" in table.caption


def test_failed_runs_are_counted_and_unfinished_ones_told(grid: Path) -> None:
    table = tabulate(gather(grid))
    assert formats.figure(table.cells["head", "/data/b.csv"]) == "0.815 ± 0.007 (n=2, 1 failed)"
    assert formats.figure(table.cells["lora", "/data/b.csv"]) == "0.925 ± 0.007 (n=2)"
    assert table.notes == ("not counted, of 12 runs: 1 failed, 1 not finished",)


def test_one_training_has_no_spread_and_none_has_no_mean(tmp_path: Path) -> None:
    make_run(tmp_path / "a", 0.5)
    make_run(tmp_path / "b", state="failed", method__name="head")
    make_run(tmp_path / "c", state="partial", method__name="ia3")
    cells = tabulate(gather(tmp_path)).cells
    assert [formats.figure(cells[name, ""]) for name in ("lora", "head", "ia3")] == ["0.500 (n=1)", "1 failed", "–"]
    assert cells["lora", ""].sd is None and cells["head", ""].mean is None


def test_every_seed_of_a_run_counts(tmp_path: Path) -> None:
    make_run(tmp_path / "a", 0.6, seeds=[0.5, 0.6, 0.7], scores={"accuracy": 0.6, "macro_f1": 0.4})
    make_run(tmp_path / "b", 0.9, seed=9)
    table = tabulate(gather(tmp_path))
    (cell,) = table.cells.values()
    assert sorted(cell.values) == [0.5, 0.6, 0.7, 0.9] and "over seed" in table.caption
    (cell,) = tabulate(gather(tmp_path), metric="macro_f1").cells.values()
    assert cell.values == [0.4]


def test_a_run_that_cannot_be_read_is_no_score_and_no_error(tmp_path: Path) -> None:
    make_run(tmp_path / "a", 0.5)
    for name, content in (("b", "{"), ("c", "[]"), ("d", '{"scores": {"test": {"accuracy": 3}}}')):
        (make_run(tmp_path / name, method__rank=3) / "report.json").write_text(content)
    (make_run(tmp_path / "e") / "recipe.yaml").write_text("a: [")
    (tmp_path / "not a run").mkdir()
    (tmp_path / "file").write_text("")
    found = tabulate(gather(tmp_path))
    assert found.notes[0] == "not counted, of 5 runs: 3 not finished"
    assert tabulate(gather(tmp_path), rows="method").rows == ("lora", "–")


def test_a_score_that_could_not_be_computed_is_told(tmp_path: Path) -> None:
    make_run(tmp_path / "a", None)
    make_run(tmp_path / "b", 0.5)
    table = tabulate(gather(tmp_path))
    assert table.notes == ("not counted, of 2 runs: 1 without accuracy",)


# ---- keys and metrics ----


def test_any_two_keys_by_their_full_or_short_names(grid: Path) -> None:
    table = tabulate(gather(grid), rows="seed", columns="method")
    assert (table.row_key, table.column_key, table.rows) == ("seed", "method.name", ("1", "2", "3"))
    assert tabulate(gather(grid), rows="train", columns="none").row_key == "data.train"
    assert tabulate(gather(grid), rows="data.train", columns="none").columns == ("",)
    assert tabulate(gather(grid), columns="method.name").row_key == "data.train"
    assert tabulate(gather(grid), rows="rank").rows == ("8", "–"), "a key that heads do not have"


@pytest.mark.parametrize(
    ("keys", "what", "hint"),
    [
        ({"rows": "train.rl"}, "no run has a recipe key", "did you mean train.lr?"),
        ({"rows": "name"}, "which one?", "write task.name or method.name"),
        ({"rows": "seed", "columns": "seed"}, "rows and columns at once", "--columns none"),
        ({"metric": "acuracy"}, "no run has a score called 'acuracy'", "did you mean accuracy?"),
    ],
)
def test_a_key_or_metric_that_no_run_has(keys: dict[str, str], what: str, hint: str, grid: Path) -> None:
    with pytest.raises(InputError, match=what.replace("?", r"\?")) as caught:
        tabulate(gather(grid), **keys)
    assert hint in caught.value.hint


def test_no_runs_no_table(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no runs here"):
        tabulate(gather(tmp_path))


def test_a_key_that_follows_from_the_method_makes_no_columns(tmp_path: Path) -> None:
    for method, rate in (("lora", 1e-3), ("full", 2e-5)):
        for seed in (1, 2):
            make_run(tmp_path / f"{method}-{seed}", method__name=method, train__lr=rate, seed=seed)
    table = tabulate(gather(tmp_path))
    assert (table.row_key, table.column_key) == ("method.name", "")
    make_run(tmp_path / "lora-3", train__lr=2e-5)
    assert tabulate(gather(tmp_path)).column_key == "train.lr"


def test_numbers_stand_in_their_order_and_words_with_theirs(tmp_path: Path) -> None:
    for place, value in enumerate(["10", 9, "last 10", 0.5, "last 9", 1e-5, "auto"]):
        make_run(tmp_path / str(place), data__unit=str(value), seed=place)
    assert tabulate(gather(tmp_path), rows="data.unit").rows == ("1e-05", "0.5", "9", "10", "auto", "last 9", "last 10")


def test_the_metric_that_most_runs_were_chosen_by(tmp_path: Path) -> None:
    make_run(tmp_path / "a", primary="macro_f1", scores={"macro_f1": 0.4, "accuracy": 0.5})
    for name in "bc":
        make_run(tmp_path / name, primary="accuracy", scores={"macro_f1": 0.3, "accuracy": 0.6})
    table = tabulate(gather(tmp_path))
    assert table.metric == "accuracy" and table.notes == ("runs were chosen by macro_f1, not by accuracy",)


# ---- the same test rows ----


def test_differing_test_rows_are_told_where_they_differ(tmp_path: Path) -> None:
    for method in ("lora", "head"):
        for name in ("a", "b"):
            keys = {"method__name": method, "data__train": f"/data/{name}.csv", "data__test": None}
            make_run(tmp_path / f"{method}-{name}", **keys)
    (note,) = tabulate(gather(tmp_path)).notes
    assert note.startswith("the test rows differ between the values of data.train, so scores compare only within a col")
    (note,) = tabulate(gather(tmp_path), rows="data.train").notes
    assert "compare only within a row" in note
    (note,) = tabulate(gather(tmp_path), rows="method.name", columns="none").notes
    assert "do not compare" in note


@pytest.mark.parametrize(
    ("first", "second", "differ"),
    [
        ({}, {"data__train": "/data/b.csv"}, False),
        ({}, {"data__split_seed": 1}, False),
        ({}, {"data__test": "/data/u.csv"}, True),
        ({}, {"rows": 9}, True),
        ({"data__test": None}, {"data__test": None, "data__split_seed": 1}, True),
        ({"data__test": None}, {"data__test": None, "seed": 1, "method__name": "ia3"}, False),
    ],
)
def test_which_runs_share_their_test_rows(first: Any, second: Any, differ: bool, tmp_path: Path) -> None:
    make_run(tmp_path / "a", **first)
    make_run(tmp_path / "b", **second)
    assert any("test rows differ" in note for note in tabulate(gather(tmp_path)).notes) is differ


# ---- sweeps ----


def test_a_sweep_is_shown_as_it_was_asked_for(tmp_path: Path) -> None:
    vary = {"train.lr": ["default", 0.01], "method.name": ["lora", "head"], "seed": [1, 2]}
    values = [(rate, method, seed) for rate in vary["train.lr"] for method in vary["method.name"] for seed in (1, 2)]
    made = {f"run-{n}": dict(zip(vary, some, strict=True)) | {"score": 0.5} for n, some in enumerate(values)}
    made["run-7"].pop("score")
    folder = planned(tmp_path / "s", vary, made)
    (folder / "run-0" / "recipe.yaml").write_text(recipe(train__lr=0.01).to_yaml())  # what `default` came to
    table = tabulate(gather(folder))
    assert (table.row_key, table.column_key) == ("train.lr", "method.name")
    assert (table.rows, table.columns) == (("default", "0.01"), ("lora", "head"))
    assert len(table.cells["default", "lora"].values) == 2
    assert table.notes == ("not counted, of 8 runs: 1 not begun",)


def test_a_sweep_over_seeds_is_one_cell(tmp_path: Path) -> None:
    folder = planned(tmp_path / "s", {"seed": [1, 2]}, {n: {"seed": int(n), "score": float(n)} for n in "12"})
    table = tabulate(gather(folder))
    assert (table.rows, table.columns) == (("lora",), ("",)) and table.cells["lora", ""].values == [1.0, 2.0]
    assert tabulate(gather(folder), rows="seed").rows == ("1", "2")


def test_whole_methods_are_rows(tmp_path: Path) -> None:
    ways = [{"name": "lora", "rank": 4}, {"name": "lora", "rank": 16}]
    folder = planned(
        tmp_path / "s", {"method": ways}, {str(n): {"method": w, "score": 0.5} for n, w in enumerate(ways)}
    )
    assert tabulate(gather(folder)).rows == ("name: lora, rank: 4", "name: lora, rank: 16")


def test_sweeps_and_runs_side_by_side(tmp_path: Path) -> None:
    for name, method in (("s", "lora"), ("t", "head")):
        planned(tmp_path / name, {"seed": [1]}, {"one": {"seed": 1, "score": 0.5, "method__name": method}})
    make_run(tmp_path / "alone", method__name="full")
    make_run(tmp_path / ".1234.old", method__name="ia3")  # half deleted
    found = gather(tmp_path)
    assert sorted(entry.name for entry in found.entries) == ["alone", "s/one", "t/one"]
    assert tabulate(found).rows == ("full", "head", "lora")


# ---- how it is written ----


def test_csv_reads_back(grid: Path) -> None:
    rows = list(csv.DictReader(formats.comma_separated(tabulate(gather(grid))).splitlines()))
    assert list(rows[0]) == ["method.name", "data.train", "metric", "mean", "sd", "n", "failed"]
    assert [(row["method.name"], row["data.train"]) for row in rows] == [
        (method, name) for method in ("head", "lora") for name in ("a.csv", "b.csv")
    ]
    assert rows[1] == rows[1] | {"metric": "accuracy", "mean": "0.815", "n": "2", "failed": "1"}
    assert float(rows[1]["sd"]) == pytest.approx(0.00707107)
    alone = list(csv.DictReader(formats.comma_separated(tabulate(gather(grid), "seed", "none")).splitlines()))
    assert list(alone[0]) == ["seed", "metric", "mean", "sd", "n", "failed"]


def test_markdown_and_latex(tmp_path: Path) -> None:
    for seed in (1, 2):
        make_run(tmp_path / str(seed), 0.5 + seed / 10, data__unit="a|b_c\\d&[100%]", seed=seed)
    table = tabulate(gather(tmp_path), rows="data.unit")
    assert r"| a\|b_c\\d&[100%] | 0.650 ± 0.071 (n=2) |" in formats.markdown(table).splitlines()
    lines = formats.latex(table).splitlines()
    assert lines[0].startswith("% accuracy") and lines[1:3] == [r"\begin{tabular}{ll}", r"\toprule"]
    assert lines[-1] == r"\end{tabular}"
    escaped = r"a|b\_c\textbackslash{}d\&{[}100\%{]}"
    assert lines[-3] == escaped + r" & 0.650 $\pm$ 0.071 (n=2) \\"
    assert "accuracy" in formats.terminal(table) and "0.650 ± 0.071 (n=2)" in formats.terminal(table)


def test_a_note_is_in_every_form_for_people(grid: Path) -> None:
    table = tabulate(gather(grid))
    for form in (formats.terminal, formats.markdown, formats.latex):
        assert table.notes[0] in form(table)


def test_files_are_shown_by_what_tells_them_apart(tmp_path: Path) -> None:
    for place, path in enumerate(["/data/x/a.csv", "/data/y/a.csv", "org/name", ["/data/x/a.csv", "/data/b.csv"]]):
        make_run(tmp_path / str(place), data__train=path, seed=place)
    shown = [row[0] for row in formats.grid(tabulate(gather(tmp_path)))[1:]]
    assert sorted(shown) == ["org/name", "x/a.csv", "x/a.csv, data/b.csv", "y/a.csv"]


def test_the_document_is_plain(grid: Path) -> None:
    found = json.loads(json.dumps(formats.document(tabulate(gather(grid)))))
    assert (found["rows"], found["columns"], found["metric"]) == ("method.name", "data.train", "accuracy")
    cell = found["cells"][1]
    assert (cell["row"], cell["column"], cell["n"], cell["failed"]) == ("head", "b.csv", 2, 1)
    assert cell["runs"] == ["head-b-1", "head-b-2", "head-b-3"]
