"""A run from recipe to report, on the toy of every task: what its folder holds, and that it can be trusted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ftkit import files, folders, pipeline, registry, runs
from ftkit.errors import InputError
from ftkit.methods.lora import Lora
from ftkit.models.assembly import load_run
from ftkit.recipe import Recipe, parse, read
from ftkit.verbs.checking import check
from ftkit.verbs.evaluating import evaluate
from ftkit.verbs.predicting import predict

TASKS = registry.names("tasks")
QUICK = {"method": {"name": "lora", "layers": "last 1"}, "train": {"epochs": 2, "batch": 8}}


def toy_recipe(folder: Path, task: str = "text_classification", **changes: Any) -> Recipe:
    """The recipe of a task's toy, written to `folder`."""
    folder.mkdir(exist_ok=True)
    tree = registry.load("tasks", task).toy(folder) | QUICK
    return parse(tree, [(key, json.dumps(value)) for key, value in changes.items()])


def carry_out(recipe: Recipe, folder: Path) -> tuple[Path, dict[str, Any]]:
    """Run a recipe in a named folder."""
    return pipeline.run(recipe, lambda: folders.new_run_folder(folder, "toy", False), "ftkit train toy")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], Recipe]:
    """A cross-fitted toy run that the tests of this module only read."""
    folder = tmp_path_factory.mktemp("made")
    recipe = toy_recipe(folder)
    return *carry_out(recipe, folder / "run"), recipe


@pytest.mark.parametrize("task", TASKS)
def test_a_run_folder_tells_its_whole_story(task: str, tmp_path: Path) -> None:
    folder, report = carry_out(toy_recipe(tmp_path, task), tmp_path / "run")
    names = {path.name for path in folder.iterdir()}
    kept = {runs.RECIPE, runs.STATUS, runs.HISTORY, runs.REPORT, runs.PAGE, runs.CARD}
    assert names == kept | {runs.PREDICTIONS, runs.ROWS, runs.SPLITS, runs.ADAPTER}
    assert (folder / runs.STATUS).read_text().strip() == "complete"
    assert json.loads((folder / runs.REPORT).read_text())["scores"] == json.loads(files.as_json(report["scores"]))
    assert report["cost"]["adapter_bytes"] > 0 and report["cost"]["trainable_parameters"] > 0
    assert set(report["baselines"]) >= {"nearest_neighbour", "linear_probe"}
    assert len(report["baselines"]) >= 3  # one of them needs no input


def test_every_row_is_predicted_once_by_a_model_that_did_not_see_it(made: Any) -> None:
    folder, _, _ = made
    predictions, splits = (pd.read_parquet(folder / name) for name in (runs.PREDICTIONS, runs.SPLITS))
    assert len(splits) == 24 and splits["trained"].all()
    for _, rows in predictions.groupby("predictor"):
        assert sorted(rows["row_id"]) == sorted(splits["row_id"])
    fold = dict(zip(splits["row_id"], splits["fold"], strict=True))
    assert all(fold[row] == number for row, number in zip(predictions["row_id"], predictions["fold"], strict=True))
    history = [json.loads(line) for line in (folder / runs.HISTORY).read_text().splitlines()]
    assert {line["part"] for line in history} >= {"fold 1", "fold 2"}


def test_the_page_lists_what_the_adapter_said_of_every_row(made: Any) -> None:
    folder, _, _ = made
    block = (folder / runs.PAGE).read_text(encoding="utf-8").partition('<script type="application/json">')[2]
    listed = {column["key"]: column for column in json.loads(block.partition("</script>")[0])["columns"]}
    predictions, rows = (pd.read_parquet(folder / name) for name in (runs.PREDICTIONS, runs.ROWS))
    mine = predictions[predictions["predictor"] == "adapted"].merge(rows, on="row_id", validate="1:1")
    assert listed["text"]["values"] == [text for (text,) in mine["input"]]
    assert [listed["gold"]["names"][one] for one in listed["gold"]["values"]] == list(mine["gold"])
    assert [listed["predicted"]["names"][one] for one in listed["predicted"]["values"]] == list(mine["prediction"])
    assert listed["confidence"]["values"] == pytest.approx([max(scores) for scores in mine["scores"]], abs=1e-4)


def test_the_saved_recipe_repeats_the_run(made: Any, tmp_path: Path) -> None:
    folder, report, _ = made
    saved = read(folder / runs.RECIPE)
    assert "auto" not in (saved.train.lr, saved.train.epochs, saved.train.precision)
    again, repeated = carry_out(saved, tmp_path / "again")
    assert repeated["scores"] == report["scores"] and repeated["verdict"] == report["verdict"]
    for name in ("adapter_model.safetensors", "head.safetensors"):
        assert (again / "adapter" / name).read_bytes() == (folder / "adapter" / name).read_bytes()
    first, second = (pd.read_parquet(one / runs.PREDICTIONS) for one in (folder, again))
    pd.testing.assert_frame_equal(first, second)


def test_the_delivered_adapter_is_trained_as_the_folds_chose(made: Any) -> None:
    _, report, _ = made
    chosen = [report["choices"]["epochs"][f"{part}, seed 0"] for part in ("fold 1", "fold 2", "final")]
    assert chosen[2] == sorted(chosen[:2])[1]
    assert {line["member"] for line in report["history"] if line["part"] == "final"} <= {"fit"}


def test_without_validation_every_fit_makes_all_its_passes(tmp_path: Path) -> None:
    changes = {"data.validation": "none", "train.epochs": 3, "train.patience": 1}
    recipe = toy_recipe(tmp_path, **changes)
    said = [finding["what"] for finding in check(recipe)["findings"] if finding["check"] == "validation"]
    assert len(said) == 1 and "nothing is chosen" in said[0]
    folder, report = carry_out(recipe, tmp_path / "run")
    assert set(report["choices"]["epochs"].values()) == {3} and report["choices"]["validation_rows"] == 0
    fits = {(line["part"], line["member"]) for line in report["history"]}
    assert {member for _, member in fits} == {"fit"} and len(fits) == report["folds"] + 1
    assert all(line["validation"] is None for line in report["history"])
    assert "Nothing was chosen on validation rows" in (folder / runs.PAGE).read_text()
    assert "Nothing was chosen on validation rows" in (folder / runs.CARD).read_text()


def test_predict_agrees_with_the_run_and_keeps_the_table(made: Any, tmp_path: Path) -> None:
    folder, _, _ = made
    table = tmp_path / "new.tsv"
    table.write_text("id\ttext\n007\ta ripe apple and one pear\nx\t\n8\tbring the saw or the drill today\n")
    out = predict(folder, str(table), tmp_path / "out.tsv", scores=True)
    rows = pd.read_csv(out, sep="\t", dtype=str, keep_default_na=False)
    assert list(rows) == ["id", "text", "prediction", "confidence", "score.fruit", "score.tool"]
    assert rows["id"].tolist() == ["007", "x", "8"]
    assert rows["prediction"].tolist() == ["fruit", "", "tool"]
    logits, _ = load_run(folder).logits([("a ripe apple and one pear",)])
    expected = np.exp(logits[0]) / np.exp(logits[0]).sum()
    assert float(rows["score.fruit"][0]) == pytest.approx(expected[0], abs=1e-5)
    with pytest.raises(InputError, match="'prediction' already"):
        predict(folder, str(out), tmp_path / "twice.tsv")


def test_predict_tells_what_the_run_was_trained_on_and_keeps_numbers(
    made: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _, recipe = made
    old = pd.read_csv(str(recipe.data.train))["text"].tolist()
    table = tmp_path / "rows.jsonl"
    table.write_text("".join(json.dumps({"id": i, "text": text}) + "\n" for i, text in enumerate([*old[:3], "new"])))
    rows = pd.read_json(predict(folder, str(table), tmp_path / "out.jsonl"), lines=True)
    assert rows["id"].tolist() == [0, 1, 2, 3] and rows["prediction"].notna().all()
    assert "was trained on 3 of its 4 rows" in capsys.readouterr().err
    table.write_text(json.dumps({"id": 9, "text": "new"}) + "\n")
    predict(folder, str(table), tmp_path / "again.jsonl")
    assert "trained on" not in capsys.readouterr().err


def test_a_finished_run_can_be_told_how_to_read_a_file(made: Any, tmp_path: Path) -> None:
    table = tmp_path / "later.csv"
    table.write_bytes("text;label\nschöne Äpfel;fruit\nüble Säge;tool\n".encode("cp1252"))
    how = [("data.encoding", "cp1252"), ("data.delimiter", "semicolon")]
    (report,) = evaluate([made[0]], str(table), how)
    assert report["rows"] == 2 and "delimiter: semicolon" in report["data"]["detected"]
    assert b"sch\xf6ne" in predict(made[0], str(table), tmp_path / "out.csv", changes=how).read_bytes()
    for key in ("train.lr", "data.folds", "base"):
        with pytest.raises(InputError, match="is settled for a finished run"):
            evaluate([made[0]], str(table), [(key, "3")])


def test_predict_names_the_rows_without_a_prediction(
    made: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "new.csv"
    table.write_text("text,note\nan apple,\n,x\na,b,c,d\na saw,\n")
    rows = pd.read_csv(predict(made[0], str(table), tmp_path / "out.csv"))
    assert rows["prediction"].isna().tolist() == [False, True, False]
    said = capsys.readouterr().err
    assert f"1 row without a prediction: empty text ({table}:3)" in said
    assert f"ragged line: 4 cells where 2 are expected ({table}:4)" in said
    assert "out.csv: lacks 1 row that cannot be read" in said


def test_evaluate_leaves_out_what_the_run_was_trained_on(made: Any, tmp_path: Path) -> None:
    folder, _, _ = made
    table = tmp_path / "held.csv"
    rows = [
        "text,label",
        "a ripe apple and one apple,fruit",
        "a plum and a cherry today,fruit",
        "a hammer or a saw,tool",
    ]
    table.write_text("\n".join(rows))
    (report,) = evaluate([folder], str(table))
    assert (report["left_out"], report["rows"]) == (1, 2)
    assert report["scores"]["test"]["accuracy"]["value"] in (0.0, 0.5, 1.0)
    kept = pd.read_parquet(Path(report["folder"]) / runs.PREDICTIONS)
    assert kept["gold"].tolist() == ["fruit", "tool"]
    with pytest.raises(InputError, match="all of its 24 usable rows"):
        evaluate([folder], str(folder.parent / "toy.csv"))


def test_check_sees_what_the_base_does_not_know(tmp_path: Path) -> None:
    recipe = toy_recipe(tmp_path)
    assert check(recipe)["unknown_share"] == 0.0
    with (tmp_path / "toy.csv").open("a", encoding="utf-8") as file:
        file.writelines(f"这个东西很好 {i} 真的不错,fruit\n" for i in range(40))
    found = check(recipe)
    assert found["unknown_share"] > 0.5
    assert any("Chinese" in finding["what"] for finding in found["findings"])


def test_several_seeds_are_all_kept_and_the_median_is_delivered(tmp_path: Path) -> None:
    folder, report = carry_out(toy_recipe(tmp_path, seeds=3), tmp_path / "run")
    assert report["seeds"]["seeds"] == [0, 1, 2]
    assert report["seeds"]["delivered"] in (0, 1, 2)
    delivered = folder / "seeds" / str(report["seeds"]["delivered"]) / "adapter_model.safetensors"
    assert delivered.read_bytes() == (folder / "adapter" / "adapter_model.safetensors").read_bytes()
    predictions = pd.read_parquet(folder / runs.PREDICTIONS)
    assert set(predictions.loc[predictions["predictor"] == "adapted", "seed"]) == {0, 1, 2}


def test_rows_with_several_labels(tmp_path: Path) -> None:
    recipe = toy_recipe(tmp_path)
    rows = pd.read_csv(tmp_path / "toy.csv")
    rows["label"] += [";ripe" if "ripe" in text else "" for text in rows["text"]]
    rows.to_csv(tmp_path / "toy.csv", index=False)
    folder, report = carry_out(recipe, tmp_path / "run")
    assert report["kind"] == "labels" and report["labels"] == ["fruit", "ripe", "tool"]
    assert report["scores"]["test"]["micro_f1"]["value"] > 0.5
    out = predict(folder, str(tmp_path / "toy.csv"), tmp_path / "out.csv")
    assert "," in "".join(pd.read_csv(out, dtype=str, keep_default_na=False)["prediction"])


def test_an_earlier_run_is_a_base_whose_head_is_taken_over(made: Any, tmp_path: Path) -> None:
    folder, _, _ = made
    recipe = toy_recipe(tmp_path, base=str(folder), **{"train.epochs": 0, "data.validation": "none"})
    rows = pd.read_csv(tmp_path / "toy.csv")
    rows["text"] = rows["text"] + " please"  # other rows than the base was trained on
    rows.to_csv(tmp_path / "toy.csv", index=False)
    later, _ = carry_out(recipe, tmp_path / "later")
    texts = [("the saw",), ("a ripe plum",)]
    before, after = (load_run(one).logits(texts)[0] for one in (folder, later))
    np.testing.assert_allclose(after, before, atol=1e-4)
    splits = pd.read_parquet(later / runs.SPLITS)
    assert (splits["split"] == "base").sum() == 24


def test_rows_that_the_base_was_trained_on_are_not_scored(made: Any, tmp_path: Path) -> None:
    folder, _, _ = made
    with pytest.raises(InputError, match="was trained on all 24 test rows"):
        carry_out(toy_recipe(tmp_path, base=str(folder)), tmp_path / "same")
    assert not (tmp_path / "same").exists()
    rows = pd.read_csv(tmp_path / "toy.csv")
    more = rows.assign(text="the " + rows["text"])
    pd.concat([rows, more]).to_csv(tmp_path / "toy.csv", index=False)
    recipe = toy_recipe(tmp_path / "other", base=str(folder), **{"task.max_length": 6})  # cut elsewhere
    recipe = recipe.replace({"data.train": str(tmp_path / "toy.csv")})
    later, report = carry_out(recipe, tmp_path / "later")
    scored = pd.read_parquet(later / runs.PREDICTIONS)
    assert len(scored[scored["predictor"] == "adapted"]) == 24
    assert any("24 of 48 test rows are not scored" in finding["what"] for finding in report["data"]["findings"])


def test_two_runs_in_one_process_may_differ_in_precision(tmp_path: Path) -> None:
    for precision in ("fp32", "bf16", "fp32"):
        recipe = toy_recipe(tmp_path, **{"train.precision": precision})
        _, report = carry_out(recipe, tmp_path / f"run-{len(list(tmp_path.iterdir()))}")
        assert report["choices"]["precision"] == precision


@pytest.mark.parametrize(
    ("key", "value", "what"),
    [
        ("train.trackers", ["tensorbord"], "no tracker"),
        ("method.layers", "last 5", "has 2 blocks"),
        ("evaluate.metrics", ["acuracy"], "acuracy"),
    ],
)
def test_what_cannot_work_is_said_before_a_folder_is_made(key: str, value: Any, what: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=what):
        carry_out(toy_recipe(tmp_path, **{key: value}), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_several_processes_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InputError, match="one process"):
        carry_out(toy_recipe(tmp_path), tmp_path / "run")


def test_texts_longer_than_the_base_has_positions_for_are_cut(tmp_path: Path) -> None:
    recipe = toy_recipe(tmp_path, **{"task.max_length": 256})
    with (tmp_path / "toy.csv").open("a", encoding="utf-8") as file:
        file.write("a ripe plum " * 40 + ",fruit\n")
    _, report = carry_out(recipe, tmp_path / "run")
    assert report["data"]["truncation_rate"] == pytest.approx(1 / 25)


def test_wrong_data_leaves_no_folder_and_no_earlier_run_is_lost(made: Any, tmp_path: Path) -> None:
    recipe = toy_recipe(tmp_path, **{"task.label": "colour"})
    with pytest.raises(InputError, match="colour"):
        carry_out(recipe, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    folder, _ = carry_out(toy_recipe(tmp_path), tmp_path / "run")
    before = (folder / runs.REPORT).read_bytes()
    with pytest.raises(InputError, match="already exists"):
        carry_out(toy_recipe(tmp_path), tmp_path / "run")
    assert (folder / runs.REPORT).read_bytes() == before


def test_an_interrupted_run_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ftkit.errors import Interrupted

    def stop(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr("ftkit.pipeline.fit", stop)
    with pytest.raises(Interrupted) as caught:
        carry_out(toy_recipe(tmp_path), tmp_path / "run")
    assert caught.value.code == 130
    assert (tmp_path / "run" / runs.STATUS).read_text().strip() == "partial"
    assert read(tmp_path / "run" / runs.RECIPE).train.lr == Lora.default_lr  # it can be repeated


def test_a_tracker_by_name_is_fed(tmp_path: Path) -> None:
    folder, _ = carry_out(toy_recipe(tmp_path, **{"train.trackers": ["tensorboard"]}), tmp_path / "run")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = next((folder / "ftkit").rglob("events*"))
    accumulator = EventAccumulator(str(events.parent))
    accumulator.Reload()
    assert any(tag.endswith("/loss") for tag in accumulator.Tags()["scalars"])
