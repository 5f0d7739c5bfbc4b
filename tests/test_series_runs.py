"""Runs on series from end to end: from scratch, on top of that, evaluated, predicted, hidden."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_movements import lines

import ftkit
from ftkit import runs
from ftkit.recipe import shipped
from ftkit.runs import START
from ftkit.verbs.checking import check
from ftkit.verbs.evaluating import evaluate
from ftkit.verbs.predicting import predict

SMALL = {
    "model_type": "vit",
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "hidden_dropout_prob": 0.0,
}


def people(folder: Path, name: str, chosen: list[str]) -> str:
    """Some people's movements as a long table."""
    head, *rows = lines()
    path = folder / name
    kept = [row for row in rows if row.partition(",")[0] in chosen]
    path.write_text("\n".join([head, *kept]) + "\n", encoding="utf-8")
    return str(path)


def report_of(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / runs.REPORT).read_text(encoding="utf-8"))
    return found


def test_the_shipped_movements_are_what_the_script_draws() -> None:
    written = (shipped.root() / "data" / "hand_movements.csv").read_text(encoding="utf-8")
    assert written == "".join(f"{line}\n" for line in lines())


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run from scratch on three people."""
    folder = tmp_path_factory.mktemp("source")
    changes = {
        "base": {"config": SMALL},
        "data.validation": "none",
        "data.folds": 0,
        "train.epochs": 6,
        "train.augment": ["noise", "mask"],
        "data.unit": "person",
        "evaluate.slices": ["person"],
    }
    run, _ = ftkit.train(people(folder, "three.csv", ["ada", "ben", "cem", "dia"]), folder / "run", changes=changes)
    return run


@pytest.fixture(scope="module")
def adapted(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One more person, on top of it."""
    folder = tmp_path_factory.mktemp("adapted")
    test = people(folder, "test.csv", ["fay", "gus"])
    changes = {"base": str(source), "data.test": test, "train.epochs": 1, "data.per_label": 4, "method.name": "lora"}
    changes |= {"data.validation": "none"}
    run, _ = ftkit.train(people(folder, "few.csv", ["eli"]), folder / "run", changes=changes)
    return run


def test_a_run_from_scratch_keeps_its_beginning_and_its_scale(source: Path) -> None:
    report = report_of(source)
    assert report["base"]["name"] == "random weights (vit)"
    assert (source / START / "model.safetensors").is_file()
    config = json.loads((source / START / "config.json").read_text(encoding="utf-8"))
    assert config["series"]["points"] == 20 and len(config["series"]["scale"]) == 3
    assert set(report["baselines"]) == {"majority", "nearest_neighbour", "linear_probe", "raw_neighbour"}
    assert "person" in report["slices"] and "macro_f1" in report["scores"]["test"]
    assert report["mistakes"] == [] or "<svg" in report["mistakes"][0]["picture"]
    assert report["choices"]["prefix_cached"] is False
    page = (source / runs.PAGE).read_text(encoding="utf-8")
    assert '"name":"window"' in page.replace('": "', '":"') and '"name":"text"' not in page.replace('": "', '":"')


def test_a_run_on_top_is_held_against_source_and_scratch(adapted: Path, source: Path) -> None:
    report = report_of(adapted)
    names = {"majority", "nearest_neighbour", "linear_probe", "raw_neighbour", "from_scratch", "source"}
    assert set(report["baselines"]) == names
    page = (adapted / runs.PAGE).read_text(encoding="utf-8")
    assert "source model" in page and "from scratch" in page and "the earlier run that is the base" in page
    frame = pd.read_parquet(adapted / runs.PREDICTIONS)
    mine = frame[frame["predictor"] == "source"].set_index("row_id")["prediction"]
    test = Path(adapted).parent / "test.csv"
    (evaluated,) = evaluate([source], str(test))
    theirs = pd.read_parquet(Path(evaluated["folder"]) / runs.PREDICTIONS).set_index("row_id")["prediction"]
    assert mine.tolist() == theirs.reindex(mine.index).tolist(), "the source is scored as it was delivered"


def test_the_source_can_be_moved_with_its_beginning(source: Path, tmp_path: Path) -> None:
    import shutil

    from ftkit import bases
    from ftkit.errors import InputError

    copy = tmp_path / "moved"
    shutil.copytree(source, copy)
    assert bases.resolve(str(copy)).sha256 == bases.resolve(str(source)).sha256
    shutil.rmtree(copy / START)
    with pytest.raises(InputError, match="are gone"):
        bases.resolve(str(copy))


def test_a_recording_is_predicted_window_by_window(adapted: Path, tmp_path: Path) -> None:
    file = people(tmp_path, "new.csv", ["kim"])
    predict(adapted, file, tmp_path / "out.csv")
    found = pd.read_csv(tmp_path / "out.csv")
    assert {"person", "time_s", "recording", "window", "prediction", "confidence"} <= set(found)
    assert len(found) == 18 and found["confidence"].between(0, 1).all()
    assert found["window"][1] == "kim, 1.0–3.0 s" and np.diff(found["time_s"]).mean() == pytest.approx(1.0, abs=0.05)


def test_the_card_predicts_without_ftkit(
    adapted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    card = (adapted / runs.CARD).read_text(encoding="utf-8")
    code = card.partition("```python\n")[2].partition("```")[0]
    assert "import ftkit" not in code
    monkeypatch.chdir(adapted)
    space: dict[str, Any] = {}
    exec(code, space)
    windows = np.random.default_rng(0).normal(5, 3, (3, 20, 3)).astype(np.float32)
    from ftkit.data.windows import Window
    from ftkit.models.assembly import load_run

    logits, _ = load_run(adapted).logits([(Window(str(i), one),) for i, one in enumerate(windows)])
    odds = np.exp(logits - logits.max(1, keepdims=True))
    found = space["predict"](list(windows)).numpy()
    np.testing.assert_allclose(found, odds / odds.sum(1, keepdims=True), atol=1e-5)


def test_hidden_rows_stay_hidden(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changes = {"base": str(source), "report.rows": "hide", "train.epochs": 1, "data.validation": "none"}
    changes |= {"data.test": people(tmp_path, "t.csv", ["fay"]), "method.name": "head"}
    run, report = ftkit.train(people(tmp_path, "few.csv", ["eli"]), tmp_path / "run", changes=changes)
    said = "".join(capsys.readouterr()) + json.dumps(report)
    for path in (run / runs.PAGE, run / runs.CARD):
        said += path.read_text(encoding="utf-8")
    assert "eli," not in said and "fay," not in said and "<polyline" not in said


def test_check_says_what_will_train(tmp_path: Path) -> None:
    from ftkit.verbs.starting import recipe_for

    path = people(tmp_path, "few.csv", ["ada", "ben", "cem"])
    settings = [("base", json.dumps({"config": SMALL}))]
    (found,) = check(recipe_for(path, settings))["trains"]
    assert (found["method"], found["blocks"], found["all_blocks"], found["outside"]) == ("full", [1, 2], 2, True)
    assert found["weights"] == found["of"] > 1000
    (found,) = check(recipe_for(path, [*settings, ("method", "{name: lora, layers: last 1}")]))["trains"]
    assert found["blocks"] == [2] and 0 < found["weights"] < found["of"] and not found["outside"]
    (found,) = check(recipe_for(path, [*settings, ("method", "head")]))["trains"]
    assert found["weights"] == 0 and found["blocks"] == []
