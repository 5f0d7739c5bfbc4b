"""Clips from folders and tables: what is recognised, what is refused, that each is decoded once, what a run shows."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from filmed import clip, even, sound_only, video_encoder

from ftkit import folders, pipeline, registry, runs
from ftkit.bases import Base
from ftkit.cli import main
from ftkit.comparison.document import Asked, compare
from ftkit.data.read import read
from ftkit.data.table import Table
from ftkit.errors import FtkitError
from ftkit.recipe import Data, parse
from ftkit.statistics import predictions
from ftkit.tasks import _clips
from ftkit.tasks._watching import Eye
from ftkit.tasks.video_classification import VideoClassification
from ftkit.verbs.predicting import predict

TASK = VideoClassification(name="video_classification", file="file", label="label", multi_label=False)

pytestmark = pytest.mark.usefixtures("own_cache")


def base_of(tree: dict[str, Any]) -> Base:
    return Base("toy", Path(tree["base"]), "local", "", "folder")


def carry_out(tree: dict[str, Any], folder: Path, **changes: Any) -> tuple[Path, dict[str, Any]]:
    recipe = parse(tree, [(key, json.dumps(value)) for key, value in changes.items()])
    return pipeline.run(recipe, lambda: folders.new_run_folder(folder, "toy", False), "ftkit train toy")


def with_scenes(tree: dict[str, Any]) -> dict[str, Any]:
    """The toy's rows in a table, four of each scene."""
    root = Path(tree["data"]["train"])
    names = sorted(path.relative_to(root).as_posix() for path in root.glob("*/*.mp4"))
    frame = pd.DataFrame({"file": names, "label": [name.partition("/")[0] for name in names]})
    frame["scene"] = [f"yard {number % 6}" for number in range(len(frame))]
    frame["fps"] = 8.0 + np.arange(len(frame)) / 10
    frame.to_csv(root / "clips.csv", index=False)
    return tree | {"data": {"train": str(root / "clips.csv"), "folds": 2}}


# ---- what is recognised ----


def test_a_folder_and_a_table_with_numbers_beside_the_files_are_recognised(toy: dict[str, Any]) -> None:
    for source in (toy["data"]["train"], with_scenes(toy)["data"]["train"]):
        table = read(source, Data(train="-"))
        fits = {name: registry.load("tasks", name).recognise(table).fit for name in registry.names("tasks")}
        assert max(fits, key=lambda name: fits[name]) == "video_classification"
        assert VideoClassification.recognise(table).fields == {"file": "file", "label": "label"}


def test_scenes_hang_together_unless_the_recipe_says_otherwise(toy: dict[str, Any]) -> None:
    table = read(with_scenes(toy)["data"]["train"], Data(train="-"))
    found = TASK.hangs(table)
    assert found is not None and found[0] == "scene"
    assert TASK.model_copy(update={"label": "scene"}).hangs(table) is None
    assert TASK.hangs(read(toy["data"]["train"], Data(train="-"))) is None


@pytest.mark.parametrize(
    ("labels", "given", "quiet"),
    [
        (["fight", "Normal"], "auto", "Normal"),
        (["cat", "dog"], "auto", "none"),
        (["background", "normal"], "auto", "normal"),
        (["a", "b"], "b", "b"),
    ],
)
def test_the_quiet_label_goes_by_its_name(labels: list[str], given: str, quiet: str) -> None:
    frame = pd.DataFrame({"file": [f"{i}.mp4" for i in range(8)], "label": labels * 4})
    table = Table(frame, np.arange(len(frame)), "t.csv", "")
    assert TASK.model_copy(update={"quiet": given, "multi_label": "auto"}).resolve(table).quiet == quiet


# ---- what is refused ----


def test_bad_files_are_counted_and_named(
    toy: dict[str, Any], workdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = Path(toy["data"]["train"])
    whole = (root / "normal" / "00.mp4").read_bytes()
    for name, raw in {"cut": whole[: len(whole) // 2], "letter": b"dear reader " * 9, "song": sound_only()}.items():
        (root / "passing" / f"{name}.mp4").write_bytes(raw)
    (root / "passing" / "empty.mkv").write_bytes(b"")
    assert main(["train", str(root), "--base", toy["base"], "--out", "run"]) == 2
    said = capsys.readouterr().err
    assert "4 of 28 rows cannot be used" in said and not Path("run").exists()
    for reason, name in {
        "truncated video": "cut.mp4",
        "not a video": "letter.mp4",
        "no video track": "song.mp4",
        "empty file": "empty.mkv",
    }.items():
        assert reason in said and name in said


def test_unusual_clocks_and_short_clips_are_noted_and_used(toy: dict[str, Any]) -> None:
    root = Path(toy["data"]["train"])
    (root / "passing" / "jumps.mp4").write_bytes(clip([0, 0.1, 0.2, 0.3, 1.3, 1.4, 1.5]))
    (root / "passing" / "long.mp4").write_bytes(clip(even(4, 10)))
    table = read(str(root), Data(train="-"))
    parsed = TASK.model_copy(update={"span": 2.0}).parse(table, 1000, base=base_of(toy))
    assert not any(parsed.faults)
    assert parsed.notes == {
        "variable frame rate, sampled by time stamps": 1,
        "shorter than the seconds that are looked at": 25,
    }
    inputs = [one for one in parsed.inputs if one is not None]
    task = TASK.model_copy(update={"span": 2.0})
    assert task.encode(inputs, task.processor(base_of(toy))).truncated == 1, "the long one"
    assert TASK.parse(table, 1000, base=base_of(toy)).notes == {"variable frame rate, sampled by time stamps": 1}


def test_without_a_base_the_message_says_which_to_type(
    toy: dict[str, Any], workdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", toy["data"]["train"]]) == 2
    said = capsys.readouterr().err
    assert "base: missing" in said and "--base google/vit-base-patch16-224-in21k (or MCG-NJU/videomae-base" in said


@pytest.mark.parametrize(("key", "value"), [("task.fps", 0), ("task.span", -1), ("train.augment", ["colour"])])
def test_keys_are_checked(toy: dict[str, Any], key: str, value: Any) -> None:
    with pytest.raises(FtkitError):
        parse(toy, [(key, json.dumps(value))])


# ---- a run ----


def test_a_run_of_scenes_from_end_to_end(toy: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Decoded once; scenes on one side; every baseline; alarms by the hour; key frames; prediction as in the run."""
    seen: list[int] = []

    def counted(file: Any, *args: Any, plain: Any = _clips.decode) -> np.ndarray:
        seen.append(len(file.read()))
        file.seek(0)
        return np.asarray(plain(file, *args))

    monkeypatch.setattr(_clips, "decode", counted)
    tree = with_scenes(toy)
    changes = {"evaluate.metrics": ["accuracy", "scene_recall"], "train.epochs": 1}
    run, report = carry_out(tree, tmp_path / "run", method={"name": "lora", "layers": "last 1"}, **changes)
    assert len(seen) == 24, "no clip is decoded twice in a run"
    assert any("unit: scene" in line for line in report["data"]["detected"])
    _sides_of_scenes(run, tree)
    names = ("majority", "motion", "mean_frame", "raw_neighbour", "nearest_neighbour", "linear_probe")
    assert set(report["baselines"]) == set(names)
    assert report["choices"]["prefix_cached"] is True and report["cost"]["frames_per_second"] > 0
    every = [report["scores"]["test"], *report["baselines"].values()]
    assert all(0 <= one["false_alarms_per_hour"]["value"] <= 3600 for one in every), "no clip is shorter than a second"
    assert 0 <= report["scores"]["test"]["scene_recall"]["value"] <= 1
    _key_frames(run, report)
    passes: list[int] = []

    def watched(self: Eye, clips: Any, plain: Any = Eye.batch) -> Any:
        batch = plain(self, clips)
        passes.append(len(batch["pixel_values"]))
        return batch

    monkeypatch.setattr(Eye, "batch", watched)
    _predictions_agree(run, tree, tmp_path)
    assert max(passes) <= 4, "memory does not grow with the rows that are predicted"
    assert len(seen) == 25, "of all that is predicted, only the broken clip is new"


def _sides_of_scenes(run: Path, tree: dict[str, Any]) -> None:
    """All clips of a scene were tested in one fold."""
    splits = pd.read_parquet(run / runs.SPLITS)
    rows = pd.read_parquet(run / runs.ROWS).set_index("row_id")["input"].map(lambda names: names[0])
    scene = pd.read_csv(tree["data"]["train"]).set_index("file")["scene"]
    splits["scene"] = splits["row_id"].map(rows).map(scene)
    assert splits.groupby("scene")["fold"].nunique().eq(1).all() and splits["scene"].nunique() == 6


def _key_frames(run: Path, report: dict[str, Any]) -> None:
    page = (run / runs.PAGE).read_text(encoding="utf-8")
    assert page.count('<figure class="clip">') == len(report["mistakes"])
    for mistake in report["mistakes"]:
        name = mistake["input"][0]
        assert f'alt="{name} at 0.25 s"' in page and f'alt="{name} at 0.75 s"' in page
    assert "pictures per second in prediction" in page
    assert len(page) < 500_000


def _predictions_agree(run: Path, tree: dict[str, Any], folder: Path) -> None:
    """The delivered adapter on the table, and on a flat folder of the same clips with a broken one among them."""
    flat = folder / "flat"
    flat.mkdir()
    root = Path(tree["data"]["train"]).parent
    for number, path in enumerate(sorted(root.glob("*/*.mp4"))):
        shutil.copy(path, flat / f"{number:02}.mp4")
    (flat / "zz.mp4").write_bytes(b"no clip")
    alone = pd.read_csv(predict(run, str(flat), folder / "flat.csv"), keep_default_na=False)
    table = pd.read_csv(predict(run, tree["data"]["train"], folder / "table.csv"), dtype=str)
    assert alone["prediction"].tolist()[:24] == table["prediction"].tolist() and alone["prediction"].tolist()[24] == ""
    frame, _ = predictions.read(run / runs.PREDICTIONS)
    assert frame["quiet"].unique().tolist() == ["normal"] and frame["seconds"].between(1, 1.5).all()


def test_an_evaluation_and_a_comparison_count_alarms_as_well(
    toy: dict[str, Any], tmp_path: Path, workdir: Path
) -> None:
    tree = with_scenes(toy)
    head, _ = carry_out(tree, tmp_path / "head")
    other, _ = carry_out(tree, tmp_path / "mean", **{"task.over_time": "mean"})
    metrics = ("accuracy", "false_alarms_per_hour", "scene_recall")
    found = {one["metric"]: one for one in compare(Asked([str(head), str(other)], metrics=metrics))["comparisons"]}
    assert set(found) == set(metrics)
    assert found["false_alarms_per_hour"]["difference"]["value"] is not None
    new = tmp_path / "new"
    shutil.copytree(Path(toy["data"]["train"]).parent / "toy", new)
    for label in ("normal", "passing"):
        for path in (new / label).glob("*.mp4"):  # clips that no run has seen
            path.write_bytes(clip(even(1 + int(path.stem) / 10, 10)))
    (new / "clips.csv").unlink()
    assert main(["evaluate", str(head), str(new)]) == 0
    (written,) = (head / "evaluations").glob("*/report.json")
    scores = json.loads(written.read_text(encoding="utf-8"))["scores"]["test"]
    assert scores["false_alarms_per_hour"]["value"] is not None


def test_hidden_rows_leave_no_picture_and_no_name(
    toy: dict[str, Any], workdir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FTKIT_ROWS", "hide")
    root = Path(toy["data"]["train"])
    for path in list(root.glob("*/*.mp4")):
        path.rename(path.with_name(f"xq7{path.name}"))
    (root / "passing").rename(root / "xq7passing")
    (root / "xq7passing" / "xq7bad.mp4").write_bytes(b"x")
    keys = ["--set", "data.max_bad=0.5", "--method", "head", "--out", "run"]
    assert main(["train", str(root), "--base", toy["base"], *keys]) == 0
    said = capsys.readouterr()
    assert "xq7" not in said.out + said.err
    pages = [Path("run", name).read_text(encoding="utf-8") for name in (runs.PAGE, runs.CARD, runs.REPORT)]
    assert not any("xq7" in page or "<img" in page or "normal:" in page for page in pages)
    report = json.loads(pages[2])
    assert "quiet: auto" in report["recipe"] and "quiet: normal" in Path("run", "recipe.yaml").read_text()
    assert report["scores"]["test"]["false_alarms_per_hour"]["value"] is not None
    assert pd.read_parquet("run/predictions.parquet")["quiet"].unique().tolist() == ["label 1"]
    assert b"xq7" not in Path("run", runs.PREDICTIONS).read_bytes()


@pytest.mark.parametrize("kind", ["videomae", "timesformer"])
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_video_encoders_train_and_predict(kind: str, toy: dict[str, Any], tmp_path: Path) -> None:
    video_encoder(kind, tmp_path / "encoder")
    tree = toy | {"base": str(tmp_path / "encoder"), "method": {"name": "lora", "layers": "last 1"}}
    run, report = carry_out(tree, tmp_path / "run", **{"train.epochs": 1, "data.folds": 0, "task.span": 1.0})
    assert report["choices"]["prefix_cached"] is True
    notes = [one["what"] for one in report["data"]["findings"] if one["check"] == "changed rows"]
    assert notes == [], "a second is what all clips have"
    said = pd.read_csv(predict(run, tree["data"]["train"], tmp_path / "out.csv"))
    assert set(said["prediction"]) <= {"normal", "passing"} and said["confidence"].between(0.5, 1).all()


def test_the_example_data_is_what_its_script_draws() -> None:
    """Decoded, because another encoder writes other bytes."""
    from made_clips import clips

    from ftkit.recipe import shipped

    folder = shipped.root() / "data" / "clips"
    table = pd.read_csv(folder / "clips.csv").set_index("file")
    drawn = list(clips())
    assert sorted(table.index) == sorted(name for name, *_ in drawn) and len(table) == 48
    for name, label, scene, pictures in drawn[::5]:
        assert table.loc[name].tolist() == [label, scene]
        with (folder / name).open("rb") as file:
            found = _clips.decode(file, 10, 100, lambda pixels: pixels).astype(float)
        assert len(found) == len(pictures) == 20
        assert np.abs(found - np.stack(pictures)).mean() < 8
