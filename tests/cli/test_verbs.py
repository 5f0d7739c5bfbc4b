"""What each verb does with its options, and what it says and logs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftkit.cli._options import shortcuts
from ftkit.errors import InputError
from ftkit.recipe import parse, read


def last_line() -> dict[str, Any]:
    """The newest line of the log."""
    found: dict[str, Any] = json.loads(Path("runs/log.jsonl").read_text().splitlines()[-1])
    return found


# ---- train ----


def test_train_on_a_table_alone(ftk: Any, table: Path, pipeline: Any) -> None:
    found = ftk("train", table.name)
    assert found.code == 0, found.err
    ((recipe, folder, command),) = pipeline
    assert (recipe.task.text, recipe.task.label, recipe.method.name) == ("message", "topic", "lora")
    assert folder == Path("runs/rows-1") and command == "ftkit train rows.csv"
    assert "The adapted model is better." in found.out
    assert "runs/rows-1/report.html" in found.err and found.err.endswith("next: ftkit predict runs/rows-1 FILE\n")
    assert "rows.csv: 40 rows; columns message, topic, user" in found.err
    assert "text: message; label: topic" in found.err


def test_train_logs_what_it_read_and_wrote(ftk: Any, table: Path, pipeline: Any) -> None:
    ftk("train", table.name, "--test", table.name)
    line = last_line()
    assert line["code"] == 0 and line["command"] == "ftkit train rows.csv --test rows.csv"
    assert list(line["inputs"]) == [str(table)]
    assert sorted(line["outputs"]) == ["runs/rows-1/report.json", "runs/rows-1/status"]  # no checkpoints
    assert all(len(digest) == 64 for digest in [*line["inputs"].values(), *line["outputs"].values()])


def test_train_takes_numbered_folders_and_never_overwrites(ftk: Any, table: Path, pipeline: Any) -> None:
    ftk("train", table.name)
    ftk("train", table.name)
    assert [call[1].name for call in pipeline] == ["rows-1", "rows-2"]
    assert ftk("train", table.name, "--out", "mine").code == 0
    found = ftk("train", table.name, "--out", "mine")
    assert found.code == 2 and found.errors == ["mine: already exists"]
    assert ftk("train", table.name, "--out", "mine", "--force").code == 0
    assert len(pipeline) == 4


def test_train_gives_its_report_as_json(ftk: Any, table: Path, pipeline: Any) -> None:
    found = ftk("train", table.name, "--json")
    assert found.document["name"] == "rows-1" and found.err == ""


def test_a_shipped_recipe_runs_by_name(ftk: Any, pipeline: Any) -> None:
    assert ftk("train", "text_classification/head", "--seed", "5").code == 0
    ((recipe, folder, _),) = pipeline
    assert recipe.method.name == "head" and recipe.seed == 5 and folder.name.startswith("support_messages-")
    assert Path(recipe.data.train).is_file()


def test_faults_are_told_before_a_folder_is_made(ftk: Any, table: Path, pipeline: Any) -> None:
    found = ftk("train", table.name, "--set", "train.epoch=3", "--method", "lroa")
    assert found.code == 2 and len(found.errors) == 2
    assert not list(Path("runs").glob("rows-*")) and pipeline == []


# ---- shortcuts ----

ALL = (
    "--base b --task text_classification --method ia3 --text a --text b --label c --test t.csv "
    "--unit d --epochs 7 --seed 8 --seeds 9 --set train.lr=2e-3"
)


def test_curve_asks_for_one_and_set_has_the_last_word(ftk: Any, pipeline: Any, table: Path) -> None:
    for words in ([], ["--curve"], ["--curve", "--set", "curve.points=4", "--set", "curve.seeds=5"]):
        assert ftk("train", table, *words).code == 0
    assert [call[0].curve.points for call in pipeline] == [0, 6, 4]
    assert pipeline[-1][0].curve.seeds == 5
    for value, what in (("points=3", "expected 0, or at least 4"), ("seeds=1", "at least 2")):
        refused = ftk("train", table, "--set", f"curve.{value}")
        assert refused.code == 2 and what in " ".join(refused.errors)


def test_every_shortcut_reaches_the_recipe(ftk: Any, pipeline: Any, table: Path, workdir: Path) -> None:
    (workdir / "r.yaml").write_text("task: text_classification\nmethod: lora\ndata: {train: rows.csv}\n")
    assert ftk("train", "r.yaml", *ALL.split()).code == 0
    recipe = pipeline[0][0]
    assert (recipe.base, recipe.method.name, recipe.data.test) == ("b", "ia3", str(workdir / "t.csv"))
    assert (recipe.task.text, recipe.task.label, recipe.data.unit) == (["a", "b"], "c", "d")
    assert (recipe.train.epochs, recipe.seed, recipe.seeds, recipe.train.lr) == (7, 8, 9, 2e-3)


def test_set_comes_after_the_shortcuts() -> None:
    changes = shortcuts(epochs=3, set_=["train.epochs=4", "method=head"], method="lora")
    recipe = parse({"task": "text_classification", "data": {"train": "x"}, "method": "full"}, changes)
    assert recipe.train.epochs == 4 and recipe.method.name == "head"


def test_an_option_left_out_changes_nothing() -> None:
    assert shortcuts() == []
    assert shortcuts(seed=0, epochs=0) == [("train.epochs", "0"), ("seed", "0")]


NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=10) | st.sampled_from(
    ["no", "a: b", "[x]", "{a}", "1", "null", "~", "*a", "&a", "!a", "- a", "'", '"', "#", "=", "a=b", "\t", "\n"]
)


@given(NAMES, st.lists(NAMES, min_size=1, max_size=3))
def test_any_column_name_goes_through(label: str, text: list[str]) -> None:
    changes = shortcuts(label=[label], text=text, unit=label, base=None)
    recipe = parse({"task": "text_classification", "data": {"train": "x"}, "method": "lora"}, changes)
    found = recipe.task.model_dump()
    assert (found["label"], recipe.data.unit) == (label, label)
    assert found["text"] == (text if len(text) > 1 else text[0])


def test_set_keeps_the_equals_signs_of_its_value() -> None:
    assert shortcuts(set_=["data.unit=a=b", " seed = 3"]) == [("data.unit", "a=b"), ("seed", " 3")]
    with pytest.raises(InputError, match="expected KEY=VALUE"):
        shortcuts(set_=["seed"])


# ---- check ----


def test_check_ends_with_0_for_warnings_and_2_for_faults(ftk: Any, table: Path, stand_in: Any) -> None:
    report: dict[str, Any] = {"rows_read": 40, "rows_used": 40, "findings": []}
    stand_in("verbs.checking", check=lambda recipe: report)
    report["findings"] = [{"level": "warning", "check": "c", "what": "few rows", "hint": "h"}]
    found = ftk("check", table.name, "--label", "topic")
    assert found.code == 0 and "few rows" in found.out
    assert found.err.endswith("next: ftkit train rows.csv --label topic\n")
    report["findings"] = [{"level": "fault", "check": "c", "what": "one label only", "hint": "h"}]
    found = ftk("check", table.name, "--label", "topic")
    assert found.code == 2 and "one label only" in found.out
    assert last_line()["code"] == 2
    assert ftk("check", table.name, "--json").document["findings"][0]["level"] == "fault"


def test_check_says_once_how_a_file_was_read(ftk: Any, table: Path, stand_in: Any) -> None:
    detected = [f"{table}: delimiter: comma", f"{table.parent / 'later.csv'}: delimiter: tab"]
    report: dict[str, Any] = {"rows_read": 40, "split_rows": {"train": 40}, "detected": detected, "folds": 5}
    stand_in("verbs.checking", check=lambda recipe: report | {"findings": []})
    found = ftk("check", table.name)
    assert (found.err + found.out).count("delimiter: comma") == 1 and "later.csv: delimiter: tab" in found.out
    assert "splits: train 40, in 5 folds: each row is tested once" in found.out
    assert "delimiter: comma" in ftk("check", table.name, "--quiet").out
    (table.parent / "r.yaml").write_text("task: text_classification\nmethod: head\ndata: {train: rows.csv}\n")
    assert "delimiter: comma" in ftk("check", "r.yaml").out


# ---- evaluate and predict ----


def test_evaluate_hands_on_runs_and_file(ftk: Any, stand_in: Any) -> None:
    seen: list[Any] = []

    def evaluate(runs: list[Path], files: list[str], changes: list[tuple[str, str]]) -> list[dict[str, Any]]:
        seen.append((runs, files, changes))
        for run in runs:
            (run / "evaluations" / "ab").mkdir(parents=True, exist_ok=True)
            (run / "evaluations" / "ab" / "report.json").write_text("{}")
        return [
            {"run": str(run), "file": file, "rows": 1000, "left_out": run.name == "b"}
            | {"primary": "accuracy", "verdict": {"sentence": f"About {run.name}."}}
            for file in files
            for run in runs
        ]

    stand_in("verbs.evaluating", evaluate=evaluate)
    wrong = ftk("evaluate", "runs/a", "t.csv")
    assert wrong.code == 2 and wrong.errors == ["runs/a: no such run"]
    for name in "ab":
        Path("runs", name).mkdir(parents=True)
    found = ftk("evaluate", "runs/a", "runs/b", "t.csv", "--quiet", "--set", "data.encoding=cp1252")
    assert found.code == 0 and seen == [([Path("runs/a"), Path("runs/b")], ["t.csv"], [("data.encoding", "cp1252")])]
    assert found.out == (
        "runs/a on 1,000 rows of t.csv\nAbout a.\n\n"
        "runs/b on 1,000 rows of t.csv; 1 row left out, because it was trained on them\nAbout b.\n"
    )
    assert sorted(last_line()["outputs"]) == [f"runs/{name}/evaluations/ab/report.json" for name in "ab"]
    assert "on 1,000 rows of u.csv" in ftk("evaluate", "runs/a", "t.csv", "--on", "u.csv", "--quiet").out


@pytest.fixture
def predicting(stand_in: Any) -> list[Any]:
    calls: list[Any] = []

    def predict(
        run: Path, file: str, out: Path, scores: bool, changes: list[tuple[str, str]], calibrated: bool
    ) -> Path:
        calls.append((run, file, out, scores, calibrated, *changes))
        out.write_text("done")
        return out

    stand_in("verbs.predicting", predict=predict)
    return calls


def test_predict_writes_beside_and_never_over(ftk: Any, table: Path, predicting: list[Any]) -> None:
    Path("runs/a").mkdir(parents=True)
    Path("runs/a/status").write_text("complete")
    assert "did you mean runs/a?" in ftk("predict", "runs/b", table.name).err
    assert ftk("predict", "runs/a", table.name).code == 0
    assert predicting == [(Path("runs/a"), "rows.csv", Path("rows.predicted.csv"), False, False)]
    assert len(last_line()["outputs"]["rows.predicted.csv"]) == 64
    found = ftk("predict", "runs/a", table.name)
    assert found.code == 2 and found.errors == ["rows.predicted.csv: already exists"]
    assert ftk("predict", "runs/a", table.name, "--force", "--scores", "--set", "data.sheet=2").code == 0
    assert predicting[-1][3:] == (True, False, ("data.sheet", "2"))
    assert ftk("predict", "runs/a", table.name, "--force", "--calibrated").code == 0
    assert predicting[-1][3:] == (False, True)
    assert ftk("predict", "runs/a", table.name, "--out", "x.jsonl").out == "predictions: x.jsonl\n"
    over = ftk("predict", "runs/a", table.name, "--out", f"./{table.name}", "--force")
    assert over.code == 2 and "is the input itself" in over.errors[0]
    assert len(predicting) == 4


def test_the_next_command_can_be_pasted_whatever_a_run_is_called(ftk: Any, table: Path, predicting: list[Any]) -> None:
    Path("runs/my run").mkdir(parents=True)
    assert "next: ftkit evaluate 'runs/my run' FILE" in ftk("predict", "runs/my run", table.name).err


# ---- new ----


def test_new_from_a_shipped_recipe(ftk: Any, workdir: Path) -> None:
    found = ftk("new", "text_classification/lora", "--epochs", "3")
    assert found.code == 0 and found.out == "written: recipe.yaml\nwritten: support_messages.csv\n"
    assert found.err.endswith("next: ftkit train recipe.yaml\n")
    recipe = read(workdir / "recipe.yaml")
    assert recipe.train.epochs == 3 and recipe.data.train == str(workdir / "support_messages.csv")
    assert (workdir / "recipe.yaml").read_text().startswith("# Low-rank adapters on the last two blocks")
    assert ftk("new", "text_classification/lora").code == 2
    assert ftk("new", "text_classification/lora", "--force").code == 0
    other = ftk("new", "text_classification/head", "--out", "b.yaml", "--set", "data.train=mine.csv")
    assert other.out == "written: b.yaml\n" and read(workdir / "b.yaml").data.train == str(workdir / "mine.csv")


def test_new_keeps_the_comments_of_a_shipped_recipe_and_brings_its_data(ftk: Any, workdir: Path) -> None:
    out = workdir / "my folder" / "r.yaml"
    assert ftk("new", "text_classification/lora", "--out", out).code == 0
    shipped = Path(__file__).parents[2] / "recipes" / "text_classification" / "lora.yaml"
    before, after = (path.read_text().splitlines() for path in (shipped, out))
    changed = [line for line in after if line not in before]
    assert changed == [
        f"# Run it with: ftkit train '{out}'",
        "# Every key is listed by: ftkit list --schema",
        "data: {train: support_messages.csv}",
    ]
    assert len(after) == len(before) + 1 and any("# tokens" in line for line in after)
    recipe, original = read(out), read(shipped)
    assert recipe.data.train == str(out.parent / "support_messages.csv")
    assert Path(str(recipe.data.train)).read_bytes() == Path(str(original.data.train)).read_bytes()
    assert recipe.replace({"data.train": "x"}) == original.replace({"data.train": "x"})
    again = ftk("new", "text_classification/head", "--out", out.with_name("s.yaml"))
    assert again.code == 0 and again.out == f"written: {out.with_name('s.yaml')}\n"
    (out.parent / "support_messages.csv").write_text("my own\n")
    assert ftk("new", "text_classification/head", "--out", out.with_name("t.yaml")).code == 2


def test_new_from_data_can_be_moved_with_it(ftk: Any, table: Path, workdir: Path) -> None:
    assert ftk("new", table.name, "--label", "user", "--out", "mine.yaml", "--json").document == {
        "written": ["mine.yaml"]
    }
    text = (workdir / "mine.yaml").read_text()
    assert "train: ./rows.csv" in text and text.startswith("# Begun from rows.csv.\n")
    moved = workdir / "elsewhere"
    moved.mkdir()
    (workdir / "mine.yaml").rename(moved / "mine.yaml")
    table.rename(moved / "rows.csv")
    recipe = read(moved / "mine.yaml")
    assert recipe.data.train == str(moved / "rows.csv") and recipe.task.model_dump()["label"] == "user"


def test_new_example_is_ready_to_train(ftk: Any, workdir: Path, pipeline: Any) -> None:
    found = ftk("new", "--example", "demo")
    assert found.code == 0 and "next: ftkit train demo/support.yaml" in found.err
    assert sorted(path.name for path in (workdir / "demo").iterdir()) == ["support.yaml", "support_messages.csv"]
    assert ftk("train", "demo/support.yaml").code == 0
    recipe, folder, _ = pipeline[0]
    assert folder == Path("runs/support-1") and recipe.data.train == str(workdir / "demo" / "support_messages.csv")
    again = ftk("new", "--example", "demo")
    assert again.code == 2 and "already exists" in again.errors[0]
    assert ftk("new", "--example", "demo", "--force", "--method", "head").code == 0
    assert read(workdir / "demo" / "support.yaml").method.name == "head"
    assert ftk("new", "--example").code == 0 and (workdir / "support.yaml").is_file()


def test_new_leaves_nothing_behind_when_it_fails(ftk: Any, workdir: Path, table: Path) -> None:
    for words in (
        ["--example", "demo", "--set", "train.epoch=3"],
        ["--example", "rows.csv/demo"],
        ["rows.csv", "--label", "nothing"],
        ["rows.csv", "--out", "no/such/folder/r.yaml"],
        ["none.csv"],
        [],
    ):
        found = ftk("new", *words)
        assert found.code == 2 and len(found.errors) == 1, (words, found)
    assert sorted(path.name for path in workdir.iterdir()) == ["rows.csv"]


# ---- list and doctor ----


def test_list_shows_everything_or_one_kind(ftk: Any) -> None:
    everything = ftk("list")
    for name in ("text_classification", "lora", "accuracy", "text_classification/lora"):
        assert name in everything.out
    one = ftk("list", "methods")
    assert "lora" in one.out and "accuracy" not in one.out
    assert {row["name"] for row in ftk("list", "methods", "--json").document["methods"]} >= {"head", "lora"}
    wrong = ftk("list", "method")
    assert wrong.code == 2 and "did you mean methods?" in wrong.err
    assert ftk("list", "methods", "runs").code == 2


def test_list_schema_is_json_for_editors(ftk: Any) -> None:
    for words in (["list", "--schema"], ["list", "--schema", "--json"]):
        assert set(ftk(*words).document["properties"]) >= {"base", "task", "data", "method"}


def test_list_runs(ftk: Any, table: Path, pipeline: Any, workdir: Path) -> None:
    assert ftk("list", "runs").out == "no runs here\n"
    for _ in range(2):
        ftk("train", table.name)
    broken = workdir / "runs" / "rows-10"
    broken.mkdir()
    (broken / "status").write_text("failed")
    found = ftk("list", "runs")
    names = [line.split()[0] for line in found.out.splitlines()[2:]]
    assert names == ["rows-1", "rows-2", "rows-10"]
    assert "accuracy 0.900 (0.800 to 0.950)" in found.out and "better" in found.out and "failed" in found.out
    rows = ftk("list", "runs", "runs", "--json").document["runs"]
    assert rows[0]["score"]["value"] == 0.9 and rows[2]["status"] == "failed"
    assert ftk("list", "runs", "nowhere").code == 2


def test_doctor_answers_offline(ftk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from ftkit import environment, hardware

    monkeypatch.setattr(environment, "go_offline", lambda: None)  # the tests are offline already
    device = {"device": "cpu", "name": "here", "count": 1, "bf16": False, "memory_bytes": 2**30}
    monkeypatch.setattr(hardware, "device_summary", lambda: device)  # the real one loads torch
    found = ftk("doctor", "--offline")
    assert found.code == 0
    for word in ("device", "memory", "hub", "minilm", "cached", "torch"):
        assert word in found.out
    document = ftk("doctor", "--offline", "--json").document
    assert document["hub"] == {"reachable": None, "address": None, "offline": True}
    assert document["device"]["device"] and document["versions"]["python"]
