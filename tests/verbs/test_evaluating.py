"""Evaluations: kept and read again, with one pass over a base that several runs share."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ftkit import files, folders, pipeline, registry, runs
from ftkit.errors import InputError
from ftkit.features.examples import Features
from ftkit.files import sha256
from ftkit.models.assembly import load_run
from ftkit.recipe import parse
from ftkit.tasks.text_classification import TextClassification
from ftkit.verbs import scoring
from ftkit.verbs.crossing import cross
from ftkit.verbs.evaluating import attempt, evaluate

METHODS: dict[str, dict[str, Any]] = {
    "lora": {"name": "lora", "layers": "last 1"},
    "twin": {"name": "lora", "layers": "last 1", "rank": 2},
    "head": {"name": "head"},
    "tuned": {"name": "freeze", "last": 1},
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Toy runs on one base, each by another method and trained on all 24 rows in folds, and a table of new rows."""
    folder = tmp_path_factory.mktemp("made")
    tree = registry.load("tasks", "text_classification").toy(folder)
    found = {}
    for name, method in METHODS.items():
        recipe = parse(tree | {"method": method, "train": {"epochs": 1, "batch": 8}}, [])
        found[name], _ = pipeline.run(recipe, lambda name=name: folders.new_run_folder(folder / name, "", False), "")
    rows = pd.read_csv(folder / "toy.csv")
    rows["text"] = "the " + rows["text"]
    rows.to_csv(folder / "new.csv", index=False)
    return found | {"new": folder / "new.csv", "old": folder / "toy.csv"}


@pytest.fixture
def fresh(made: dict[str, Path]) -> dict[str, Path]:
    """The same, and nothing is kept."""
    for name in METHODS:
        shutil.rmtree(made[name] / runs.EVALUATIONS, ignore_errors=True)
    return made


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """How often a base is loaded, and the rows of each pass over the frozen layers; with an empty cache."""
    monkeypatch.setenv("FTKIT_CACHE", str(tmp_path / "cache"))
    done: dict[str, Any] = {"loads": 0, "passes": []}
    load, compute = TextClassification.load, Features._compute

    def loaded(self: TextClassification, base: Any) -> Any:
        done["loads"] += 1
        return load(self, base)

    def computed(self: Features, rows: np.ndarray, *more: Any) -> None:
        done["passes"].append(len(rows))
        compute(self, rows, *more)

    monkeypatch.setattr(TextClassification, "load", loaded)
    monkeypatch.setattr(Features, "_compute", computed)
    return done


def alone(run: Path, table: Path) -> np.ndarray:
    """Scores of a run on a table, without anything that evaluations share."""
    model = load_run(run)
    logits, _ = model.logits([(text,) for text in pd.read_csv(table)["text"]])
    return model.recipe.task.scores(logits)


def kept(report: dict[str, Any], name: str = runs.PREDICTIONS) -> Path:
    return Path(report["folder"]) / name


def test_runs_on_one_base_share_it_and_one_pass(fresh: dict[str, Path], work: dict[str, Any]) -> None:
    folders = [fresh[name] for name in METHODS]
    reports = evaluate(folders, str(fresh["new"]))
    # cut below the last block and on top of all: one pass gives both
    assert work == {"loads": 1, "passes": [24]}
    for folder, report in zip(folders, reports, strict=True):
        scores = np.stack(pd.read_parquet(kept(report))["scores"].to_list())
        np.testing.assert_allclose(scores, alone(folder, fresh["new"]), atol=1e-5)
    shutil.rmtree(fresh["head"] / runs.EVALUATIONS)
    evaluate([fresh["head"]], str(fresh["new"]))
    assert work["passes"] == [24]  # the next command finds it on the disk


SLOW = pytest.mark.slow
ORDERS = [["tuned", "lora", "head"], ["lora", "tuned", "lora"], ["head", "tuned", "twin"]]


@pytest.mark.parametrize("order", [ORDERS[0], *(pytest.param(one, marks=SLOW) for one in ORDERS[1:])])
def test_a_run_that_writes_over_the_base_leaves_it_to_the_others(
    order: list[str], fresh: dict[str, Path], work: dict[str, Any]
) -> None:
    folders = [fresh[name] for name in dict.fromkeys(order)]
    for folder, report in zip(folders, evaluate(folders, str(fresh["new"])), strict=True):
        scores = np.stack(pd.read_parquet(kept(report))["scores"].to_list())
        np.testing.assert_allclose(scores, alone(folder, fresh["new"]), atol=1e-5)


def test_without_a_disk_the_pass_is_shared_in_memory(
    fresh: dict[str, Path], work: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FTKIT_ROWS", "hide")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    reports = evaluate([fresh["lora"], fresh["head"]], str(fresh["new"]))
    assert work["passes"] == [24] and not (tmp_path / "cache").exists()
    assert pd.read_parquet(kept(reports[0]))["gold"].unique().tolist() == ["label 1", "label 2"]


def test_what_is_kept_is_read_and_not_computed(fresh: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    first = evaluate([fresh["lora"], fresh["head"]], str(fresh["new"]))
    copy = fresh["new"].with_name("copy.csv")
    shutil.copy(fresh["new"], copy)
    monkeypatch.setattr(scoring, "prepare", lambda places: pytest.fail("nothing was to be computed"))
    again = evaluate([fresh["lora"], fresh["head"]], str(fresh["new"]))
    assert files.as_json(again) == files.as_json(first)
    assert evaluate([fresh["lora"]], str(copy))[0]["file"] == str(copy)  # the same content under another name


def spoil_predictions(folder: Path, made: dict[str, Path]) -> None:
    path = folder / runs.PREDICTIONS
    path.write_bytes(path.read_bytes()[:-20])


def spoil_report(folder: Path, made: dict[str, Path]) -> None:
    (folder / runs.REPORT).write_text("{")


def lose_rows(folder: Path, made: dict[str, Path]) -> None:
    (folder / runs.SPLITS).unlink()


def put_another_runs(folder: Path, made: dict[str, Path]) -> None:
    shutil.copytree(made["head"] / runs.EVALUATIONS / folder.name, folder, dirs_exist_ok=True)


def forge_a_path(folder: Path, made: dict[str, Path]) -> None:
    report = json.loads((folder / runs.REPORT).read_text())
    report["kept"]["sha256"] = {"../../report.json": "0"}
    (folder / runs.REPORT).write_text(json.dumps(report))


HARMS = (spoil_report, lose_rows, put_another_runs)


@pytest.mark.parametrize("harm", [spoil_predictions, forge_a_path, *(pytest.param(one, marks=SLOW) for one in HARMS)])
def test_a_damaged_or_foreign_evaluation_is_computed_anew(harm: Any, fresh: dict[str, Path]) -> None:
    first, _ = evaluate([fresh["lora"], fresh["head"]], str(fresh["new"]))
    before = sha256(kept(first))
    harm(Path(first["folder"]), fresh)
    (again,) = evaluate([fresh["lora"]], str(fresh["new"]))
    assert again["scores"] == json.loads(files.as_json(first))["scores"] and sha256(kept(again)) == before


@pytest.mark.slow
def test_what_changes_the_result_changes_the_key(fresh: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    prepare = scoring.prepare
    monkeypatch.setattr(scoring, "prepare", lambda places: (calls.append(len(places)), prepare(places))[1])
    run, table = fresh["lora"], str(fresh["new"])
    evaluate([run], table)
    evaluate([run], table, [("data.label_map", "{fruit: tool}")])
    evaluate([run], table, [("data.label_map", "{fruit: tool}")])
    assert calls == [1, 1]
    evaluate([run], table)
    monkeypatch.setenv("FTKIT_ROWS", "hide")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(fresh["new"].parent / "config"))
    evaluate([run], table)
    monkeypatch.delenv("FTKIT_ROWS")
    evaluate([run], table)
    assert calls == [1] * 5
    weights = run / runs.ADAPTER / "head.safetensors"
    sound = weights.read_bytes()
    try:
        weights.write_bytes(sound[:-4] + np.float32(0.125).tobytes())
        evaluate([run], table)
    finally:
        weights.write_bytes(sound)
    assert len(calls) == 6


@pytest.mark.slow
def test_a_folder_of_texts_is_kept_by_its_content(fresh: dict[str, Path], tmp_path: Path) -> None:
    for label, text in (("fruit", "a plum and a pear"), ("tool", "the drill today")):
        (tmp_path / "texts" / label).mkdir(parents=True)
        (tmp_path / "texts" / label / "1.txt").write_text(text)
    (first,) = evaluate([fresh["head"]], str(tmp_path / "texts"))
    assert first["rows"] == 2
    (tmp_path / "texts" / "tool" / "1.txt").write_text("the hammer today")
    (second,) = evaluate([fresh["head"]], str(tmp_path / "texts"))
    assert first["folder"] != second["folder"]


def test_every_pair_has_its_outcome(fresh: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "other.csv"
    pd.read_csv(fresh["new"]).rename(columns={"text": "body"}).to_csv(other, index=False)
    pair = fresh["lora"], fresh["head"]
    old, new = str(fresh["old"]), str(fresh["new"])
    for _ in range(2):  # computed, and kept
        found = attempt(pair, [new, old])
        assert list(found) == [(run, table) for table in (new, old) for run in pair]
        assert [found[run, new]["rows"] for run in pair] == [24, 24]
        assert (found[pair[0], old]["rows"], found[pair[0], old]["left_out"]) == (0, 24)
        assert "scores" not in found[pair[0], old]
        with pytest.raises(InputError, match="was trained on all of its 24 usable rows"):
            evaluate(pair, [new, old])
    monkeypatch.setattr(scoring, "carry_out", lambda ready: pytest.fail("computed before all was read"))
    for data in ([new, str(other)], [str(other), new], [new, str(tmp_path / "missing.csv")]):
        with pytest.raises(InputError, match=r"no column 'text'|no such file"):
            attempt(pair, data)


def test_the_matrix_of_toy_runs(fresh: dict[str, Path]) -> None:
    matrix = cross([fresh["head"], fresh["lora"]], [str(fresh["old"]), str(fresh["new"])])
    origins = {(cell["entry"], cell["set"]): cell["origin"] for cell in matrix["cells"]}
    assert origins["lora", "toy"] == "out of fold" and origins["lora", "new"] == "evaluation"
    report = json.loads((fresh["lora"] / runs.REPORT).read_text())
    cell = next(cell for cell in matrix["cells"] if (cell["entry"], cell["set"]) == ("lora", "toy"))
    assert cell["score"]["value"] == report["scores"]["test"]["accuracy"]["value"] and cell["home"]
    assert cell["against"]["entry"] == "head" and cell["against"]["rows"] == 24


def test_a_run_that_cannot_be_written_is_to_be_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, *_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(InputError, match="read-only") as caught:
        scoring._make(Path("my runs/a/evaluations/0123"))
    assert caught.value.hint.startswith("cp -r 'my runs/a' ") and "--out" not in caught.value.hint
