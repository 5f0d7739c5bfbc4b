"""Footage is cut into windows to predict, and labelled intervals are clips that stay together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from filmed import clip, even

from ftkit import folders, pipeline, runs
from ftkit.bases import Base
from ftkit.cli import main
from ftkit.data.prepare import prepare
from ftkit.data.read import read
from ftkit.data.table import Parsed, Table
from ftkit.errors import FtkitError, InputError
from ftkit.recipe import Data, parse
from ftkit.tasks import _cutting, _footage
from ftkit.tasks._clip_toy import write_clip
from ftkit.tasks.video_classification import VideoClassification
from ftkit.verbs.predicting import predict

TASK = VideoClassification(name="video_classification", file="file", label="label", multi_label=False, span=2.0)

pytestmark = pytest.mark.usefixtures("own_cache")


def table_of(folder: Path, **columns: list[Any]) -> Table:
    pd.DataFrame(columns).to_csv(folder / "table.csv", index=False)
    return read(str(folder / "table.csv"), Data(train="-"))


def cut_of(table: Table, labelled: bool = False, span: float = 2.0, **keys: Any) -> Table:
    return _cutting.rows(TASK.model_copy(update=keys), table, labelled, lambda: span)


def bounds(table: Table) -> list[tuple[str, Any, Any]]:
    return list(table.frame[["file", "start", "end"]].itertuples(index=False, name=None))


@pytest.fixture
def filmed(tmp_path: Path) -> Path:
    """Files of 1, 3 and 9 seconds, and one that is none."""
    for seconds in (1, 3, 9):
        (tmp_path / f"{seconds}.mp4").write_bytes(clip(even(seconds, 10)))
    (tmp_path / "text.mp4").write_text("dear reader")
    return tmp_path


def test_long_files_are_cut_to_predict_and_short_ones_are_left(filmed: Path) -> None:
    table = table_of(filmed, file=["1.mp4", "9.mp4", "3.mp4", "text.mp4", "gone.mp4"], id=[1, 2, 3, 4, 5])
    found = cut_of(table)
    ends = [(start, end) for name, start, end in bounds(found) if name == "9.mp4"]
    assert ends[:4] == [(0, 2), (2, 4), (4, 6), (6, 8)] and ends[4] == pytest.approx((7, 9), abs=0.1) and len(ends) == 5
    assert [one for one in bounds(found) if one[0] != "9.mp4"] == [
        (name, "", "") for name in ("1.mp4", "3.mp4", "text.mp4", "gone.mp4")
    ]
    assert found.lines.tolist() == [2, *[3] * 5, 4, 5, 6] and found.frame["id"].tolist() == [*"1", *"2" * 5, *"345"]
    assert found.notes[-1] == "cut into windows of 2 s: 1 of 5"
    assert len(cut_of(table, step=1.0).frame) == 3 + 9 - 1 + 3 - 1 and cut_of(table, step="none") is table
    assert cut_of(table, labelled=True) is table, "one label for a whole file says nothing of its parts"
    assert cut_of(table_of(filmed, file=["1.mp4", "3.mp4"])).frame.columns.tolist() == ["file"]


def test_a_step_cuts_rows_with_labels_as_well(filmed: Path) -> None:
    table = table_of(filmed, file=["9.mp4", "9.mp4", "9.mp4"], start=[0, 1, 5], end=[1, 5, ""], label=["a", "b", "c"])
    assert bounds(cut_of(table, labelled=True)) == [("9.mp4", "0", "1"), ("9.mp4", "1", "5"), ("9.mp4", "5", "")]
    found = cut_of(table, labelled=True, step=2.0)
    expected = [(0, 1), (1, 3), (3, 5), (5, 7), (7, 9)]
    np.testing.assert_allclose(found.frame[["start", "end"]].to_numpy(float), expected, atol=0.1)
    assert found.frame["label"].tolist() == ["a", "b", "b", "c", "c"]
    beyond = table_of(filmed, file=["9.mp4", "9.mp4"], start=[0, 8], end=[99_999, ""], label=["a", "b"])
    found = cut_of(beyond, labelled=True, step=2.0)
    assert len(found.frame) == 6 and found.frame["end"].tolist()[-1] == "", "no window begins behind the last picture"
    assert len(cut_of(table, step=2.0).frame) == 3, "who gives intervals to predict gets one answer to each"


def parsed_of(table: Table, toy: dict[str, Any], **keys: Any) -> Parsed:
    base = Base("toy", Path(toy["base"]), "local", "", "folder")
    return TASK.model_copy(update=keys).parse(table, 1000, labelled=False, base=base)


def test_each_file_is_decoded_once_and_known_again(
    filmed: Path, toy: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = list[int]()
    plain = _footage.decode

    def counted(file: Any, wanted: Any, *rest: Any) -> Any:
        calls.append(len(wanted))
        return plain(file, wanted, *rest)

    monkeypatch.setattr(_footage, "decode", counted)
    table = cut_of(table_of(filmed, file=["9.mp4", "1.mp4", "9.mp4"]))
    found = parsed_of(table, toy)
    assert not any(found.faults) and calls == [10]
    names = [str(one[0]) for one in found.inputs if one]
    assert names[:2] == ["9.mp4, 0.0–2.0 s", "9.mp4, 2.0–4.0 s"] and names[5] == "1.mp4" and names[6:] == names[:5]
    items: list[Any] = [one[0] for one in found.inputs if one]
    assert len({one.digest for one in items}) == 6 and [one.length for one in items[:5]] == [4] * 5
    again: list[Any] = [one[0] for one in parsed_of(table, toy).inputs if one]
    assert calls == [10] and [one.digest for one in again] == [one.digest for one in items]
    encoded = TASK.encode(
        [(one,) for one in items], TASK.processor(Base("toy", Path(toy["base"]), "local", "", "folder"))
    )
    stored = [row["clip"] for row in encoded.rows]
    for path in (filmed / "cache" / "decoded").rglob("*.npy"):
        path.unlink()
    anew = [row["clip"] for row in encoded.rows]
    assert all(np.array_equal(one, other) for one, other in zip(stored, anew, strict=True))


def test_intervals_that_cannot_be_have_reasons(filmed: Path, toy: dict[str, Any]) -> None:
    starts, ends = [0, 3, 5, -1, 20, "", 1], [1, 3, 4, 2, 30, "", ""]
    names = ["9.mp4"] * 6 + ["text.mp4"]
    found = parsed_of(table_of(filmed, file=names, start=starts, end=ends), toy)
    wrong = "end that is not after its start"
    assert found.faults == [None, wrong, wrong, wrong, "begins after the end of its file", None, "not a video"]
    table = table_of(filmed, file=["9.mp4"] * 2, von=["soon", 1], bis=[2, 2])
    assert parsed_of(table, toy, bounds=("von", "bis")).faults == ["start or end that is no number of seconds", None]


def test_columns_of_another_meaning(filmed: Path, toy: dict[str, Any]) -> None:
    table = table_of(filmed, file=["9.mp4"], start=["noon"], end=["dusk"])
    assert not any(parsed_of(table, toy).faults)
    with pytest.raises(InputError, match="need the name of its column 'start'"):
        cut_of(table)
    with pytest.raises(InputError, match="task.bounds: no column 'von'"):
        cut_of(table, labelled=True, bounds=("von", "bis"))


@pytest.fixture
def footage(tmp_path: Path) -> Path:
    """Five files of 8 seconds in which discs move, and bars stand, by turns of two seconds."""
    down, across = np.mgrid[:24, :32]
    rows = list[dict[str, Any]]()
    folder = tmp_path / "footage"
    folder.mkdir()
    for number in range(5):
        rng, pictures = np.random.default_rng(number), []
        for turn in range(4):
            for time in range(20):
                x = 4 + time if turn % 2 else 16
                shape = np.hypot(down - 12, across - x) < 5 if turn % 2 else abs(across - 16) < 3
                pictures.append((rng.integers(0, 40, (24, 32, 3)) + 200 * shape[..., None]).astype(np.uint8))
            rows.append(
                {"film": f"{number}.mp4", "start": 2 * turn, "end": 2 * turn + 2, "what": ("bar", "disc")[turn % 2]}
            )
        write_clip(folder / f"{number}.mp4", pictures, 10)
    pd.DataFrame(rows).to_csv(folder / "intervals.csv", index=False)
    return folder


def test_from_labelled_intervals_to_alarms_in_new_footage(
    toy: dict[str, Any], footage: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tree = toy | {"data": {"train": str(footage / "intervals.csv"), "folds": 2}}
    tree |= {"task": {"name": "video_classification", "file": "film", "label": "what", "span": 2}}
    recipe, splits = prepare(parse(tree, []))
    assert recipe.data.unit == "film" and len(splits.rows) == 20
    units = splits.rows.frame["unit"].to_numpy()
    for part in splits.parts[:-1]:
        assert not set(units[part.train]) & set(units[part.test])
    assert pipeline.run(parse(tree, []), lambda: folders.new_run_folder(tmp_path / "run", "toy", False), "ftkit train")
    run = tmp_path / "run"
    report = json.loads((run / runs.REPORT).read_text())
    assert report["scores"]["test"]["accuracy"]["value"] > 0.9
    assert main(["predict", str(run), str(footage / "3.mp4"), "--out", str(tmp_path / "out.csv")]) == 0
    assert "pictures a second" in capsys.readouterr().err
    said = pd.read_csv(tmp_path / "out.csv")
    assert list(said) == ["film", "start", "end", "prediction", "confidence"]
    assert said[["start", "end"]].to_numpy().tolist() == [[0, 2], [2, 4], [4, 6], [6, 8]]
    assert said["prediction"].tolist() == ["bar", "disc", "bar", "disc"] and set(said["film"]) == {"3.mp4"}
    pd.DataFrame({"film": ["3.mp4", "1.mp4"], "camera": ["a", "b"]}).to_json(footage / "new.json", orient="records")
    predict(run, str(footage / "new.json"), tmp_path / "out.json", changes=[("task.step", "1")])
    listed = pd.read_json(tmp_path / "out.json")
    assert len(listed) == 14 and listed["camera"].tolist() == ["a"] * 7 + ["b"] * 7
    with pytest.raises(FtkitError, match="settled for a finished run"):
        predict(run, str(footage / "new.json"), tmp_path / "no.json", changes=[("task.span", "1")])
    same = pd.read_csv(predict(run, str(footage / "intervals.csv"), tmp_path / "same.csv"))
    assert list(same)[:4] == ["film", "start", "end", "what"] and len(same) == 20


def test_parts_of_clips_that_were_trained_on_are_known(
    toy: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whether they are windows to predict, or labelled intervals to score."""
    clips = Path(toy["data"]["train"])
    tree = toy | {"task": toy["task"] | {"span": 0.25}}
    pipeline.run(parse(tree, []), lambda: folders.new_run_folder(tmp_path / "run", "toy", False), "ftkit train")
    run, names = tmp_path / "run", sorted(path.relative_to(clips).as_posix() for path in clips.glob("*/*.mp4"))[:2]
    pd.DataFrame({"file": names}).to_csv(clips / "some.csv", index=False)
    assert main(["predict", str(run), str(clips / "some.csv"), "--out", str(tmp_path / "out.csv")]) == 0
    rows = len(pd.read_csv(tmp_path / "out.csv"))
    assert rows > len(names)
    assert f"was trained on {rows} of its {rows} rows, or on files that they are parts of" in capsys.readouterr().err
    labels = [name.partition("/")[0] for name in names]
    pd.DataFrame({"file": names, "label": labels, "start": 0.5, "end": 0.75}).to_csv(clips / "parts.csv", index=False)
    assert main(["evaluate", str(run), str(clips / "parts.csv")]) == 2
    assert "trained on all" in capsys.readouterr().err


def test_scenes_go_before_files(toy: dict[str, Any], footage: Path) -> None:
    frame = pd.read_csv(footage / "intervals.csv")
    frame["scene"] = ["yard" if name < "3" else "gate" for name in frame["film"]]
    frame.to_csv(footage / "scenes.csv", index=False)
    tree = toy | {"data": {"train": str(footage / "scenes.csv"), "folds": 2}}
    tree |= {"task": {"name": "video_classification", "file": "film", "label": "what", "span": 2}}
    assert prepare(parse(tree, []))[0].data.unit == "scene"
