"""Sounds from folders and tables: what is refused, that each file is decoded once, and what a run shows of them."""

from __future__ import annotations

import json
import re
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile

from ftkit import folders, pipeline, registry, runs
from ftkit.bases import Base
from ftkit.cli import main
from ftkit.data import decoded
from ftkit.data.read import read
from ftkit.errors import FtkitError, InputError
from ftkit.features.examples import Examples
from ftkit.recipe import Data, parse
from ftkit.tasks import _sound
from ftkit.tasks._sound_page import PLAYED, drawn
from ftkit.tasks.audio_classification import AudioClassification
from ftkit.verbs.predicting import predict

TASK = AudioClassification(name="audio_classification", file="file", label="label", multi_label=False, max_seconds=1.0)

pytestmark = pytest.mark.usefixtures("own_cache")


def base_of(tree: dict[str, Any]) -> Base:
    return Base("toy", Path(tree["base"]), "local", "", "folder")


def carry_out(tree: dict[str, Any], folder: Path, **changes: Any) -> tuple[Path, dict[str, Any]]:
    recipe = parse(tree, [(key, json.dumps(value)) for key, value in changes.items()])
    return pipeline.run(recipe, lambda: folders.new_run_folder(folder, "toy", False), "ftkit train toy")


# ---- data ----


def test_a_table_a_folder_and_a_parquet_file_are_the_same_rows(toy: dict[str, Any], tmp_path: Path) -> None:
    base, root = base_of(toy), Path(toy["data"]["train"])
    folder = read(str(root), Data(train="-"))
    names = folder.frame["file"].tolist()
    pd.DataFrame({"sound": names, "digit": folder.frame["label"]}).to_csv(root / "metadata.csv", index=False)
    held = [{"bytes": (root / name).read_bytes(), "path": name} for name in names]
    pd.DataFrame({"audio": held, "digit": folder.frame["label"]}).to_parquet(tmp_path / "held.parquet")
    tables = [folder, *(read(str(one), Data(train="-")) for one in (root / "metadata.csv", tmp_path / "held.parquet"))]
    guessed = [AudioClassification(name="audio_classification").resolve(table) for table in tables]
    assert [(one.file, one.label) for one in guessed] == [("file", "label"), ("sound", "digit"), ("audio", "digit")]
    assert {one.max_seconds for one in guessed} == {1.0}
    parsed = [one.parse(table, 1000, base=base) for one, table in zip(guessed, tables, strict=True)]
    digests = [[one[0].digest for one in some.inputs if one] for some in parsed]
    assert digests[0] == digests[1] == digests[2] and len(set(digests[0])) == 24
    assert all(some.gold == parsed[0].gold and not any(some.faults) for some in parsed)


def test_what_a_table_is_about_is_recognised(toy: dict[str, Any]) -> None:
    table = read(toy["data"]["train"], Data(train="-"))
    fits = {name: registry.load("tasks", name).recognise(table).fit for name in registry.names("tasks")}
    assert max(fits, key=lambda name: fits[name]) == "audio_classification"


def test_bad_files_have_reasons_and_silence_a_note(toy: dict[str, Any], tmp_path: Path) -> None:
    root = Path(toy["data"]["train"])
    whole = (root / "tone" / "01.flac").read_bytes()
    soundfile.write(root / "nothing.wav", np.zeros(0), 8000)
    soundfile.write(root / "silence.wav", np.zeros(900), 8000)
    (root / "cut.flac").write_bytes(whole[: len(whole) // 2])
    (root / "empty.wav").write_bytes(b"")
    (root / "letter.wav").write_text("dear listener")
    (tmp_path / "outside.flac").write_bytes(whole)
    names = [
        "tone/01.flac",
        "nothing.wav",
        "silence.wav",
        "cut.flac",
        "empty.wav",
        "letter.wav",
        "../outside.flac",
        "x.wav",
    ]
    frame = pd.DataFrame({"file": names, "label": ["x"] * len(names)})
    table = type(read(str(root), Data(train="-")))(frame, np.arange(1, 9), str(root / "labels.csv"), "")
    parsed = TASK.parse(table, 1000, base=base_of(toy))
    assert parsed.faults[:5] == [None, "no samples", None, "truncated sound", "empty file"]
    assert str(parsed.faults[5]).startswith("not a sound (")
    assert parsed.faults[6:] == ["path leaves the data folder", "no such file"]
    assert dict(parsed.notes) == {"silence only": 1}


def test_too_many_bad_files_stop_before_training(
    toy: dict[str, Any], workdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    soundfile.write(Path(toy["data"]["train"]) / "tone" / "zz.wav", np.zeros(0), 8000)
    assert main(["train", toy["data"]["train"], "--base", toy["base"], "--out", "run"]) == 2
    said = capsys.readouterr().err
    assert "1 of 25 rows cannot be used" in said and "no samples" in said and "'tone/zz.wav'" in said
    assert not Path("run").exists()


def test_without_a_base_or_the_libraries_one_line_says_what_to_type(
    toy: dict[str, Any], workdir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["train", toy["data"]["train"]]) == 2
    said = capsys.readouterr().err
    assert "base: missing" in said and "--base openai/whisper-tiny" in said and "facebook/wav2vec2-base" in said
    monkeypatch.setitem(sys.modules, "soxr", None)
    assert main(["train", toy["data"]["train"], "--base", toy["base"]]) == 2
    assert 'pip install "ftkit[audio]"' in capsys.readouterr().err


# ---- each file once ----


def test_no_file_is_decoded_twice_neither_in_a_run_nor_in_the_next(
    toy: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bytes] = []
    plain = _sound.decode

    def counted(raw: bytes, rate: int, seconds: float) -> np.ndarray:
        seen.append(raw)
        return plain(raw, rate, seconds)

    monkeypatch.setattr(_sound, "decode", counted)
    tree = toy | {"method": {"name": "lora", "layers": "last 1"}, "train": {"epochs": 2}}
    _mislabel(Path(toy["data"]["train"]))  # so that mistakes are drawn
    _, report = carry_out(tree, tmp_path / "run", **{"data.folds": 0})
    assert len(seen) == len(set(seen)) == 27
    assert report["choices"]["prefix_cached"] is True
    carry_out(tree, tmp_path / "again", **{"method": "head"})
    assert len(seen) == 27


def test_memory_does_not_grow_with_the_number_of_files(toy: dict[str, Any], tmp_path: Path) -> None:
    """A second as it is kept has 64,000 bytes; 160 of them would be 10 MB."""
    processor = TASK.processor(base_of(toy))
    peaks = []
    for each in (10, 80):
        (tmp_path / str(each) / "noise").mkdir(parents=True)
        for number in range(2 * each):
            wave = np.random.default_rng(number).normal(0, 0.1, 8000)
            soundfile.write(tmp_path / str(each) / "noise" / f"{number:03}.wav", wave, 8000)
        table = read(str(tmp_path / str(each)), Data(train="-"))
        tracemalloc.start()
        rows = TASK.encode(TASK.parse(table, 1000, base=base_of(toy)).inputs, processor).rows
        examples = Examples(TASK, processor, rows)
        assert len(examples.hashes) == 2 * each
        for start in range(0, 2 * each, 10):
            examples.batch(np.arange(start, start + 10))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 1_000_000
    assert isinstance(rows, decoded.Decoded)


# ---- training ----


def test_what_is_scored_is_never_changed(toy: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[int] = []
    plain = AudioClassification.augment

    def counted(self: Any, batch: Any, names: Any, generator: Any) -> Any:
        rows.append(len(batch["input_features"]))
        return plain(self, batch, names, generator)

    monkeypatch.setattr(AudioClassification, "augment", counted)
    tree = toy | {"method": {"name": "lora", "layers": "last 1"}, "train": {"epochs": 2, "batch": 8}}
    changes = {"train.augment": ["noise", "shift"], "data.folds": 0, "data.validation": "none"}
    run, report = carry_out(tree, tmp_path / "run", **changes)
    trained = report["data"]["split_rows"]["train"]
    rehearsed = 16  # what looks for room in memory: passes of at most 8 rows that are never scored
    assert 2 * trained <= sum(rows) <= 2 * trained + 3 * rehearsed
    monkeypatch.undo()
    kept = pd.read_parquet(run / runs.PREDICTIONS)
    mine = kept[kept["predictor"] == "adapted"].set_index("row_id")["scores"]
    said = pd.read_csv(predict(run, toy["data"]["train"], tmp_path / "out.csv", scores=True)).set_index("file")
    shown = pd.read_parquet(run / runs.ROWS).set_index("row_id")["input"]
    for row_id, scores in mine.items():
        line = said.loc[shown[row_id][0]]
        np.testing.assert_allclose([line["score.click"], line["score.tone"]], scores, atol=2e-6)


@pytest.mark.parametrize(("said", "meant"), [("auto", "auto"), ("2.5", 2.5)])
def test_how_long_a_sound_may_be(toy: dict[str, Any], said: str, meant: object) -> None:
    assert parse(toy, [("task.max_seconds", said)]).task.model_dump()["max_seconds"] == meant
    for wrong in ("-1", "0", ".inf", "long"):
        with pytest.raises(FtkitError, match="task.max_seconds: expected"):
            parse(toy, [("task.max_seconds", wrong)])


def test_an_unknown_change_is_a_fault(toy: dict[str, Any]) -> None:
    with pytest.raises(FtkitError, match="no augmentation 'flip'"):
        parse(toy | {"train": {"augment": ["flip"]}})


# ---- what a run shows ----


def _mislabel(root: Path) -> None:
    """Three tones among the clicks."""
    for number in range(3):
        wave, rate = soundfile.read(root / "tone" / f"{number:02}.flac", always_2d=True)
        soundfile.write(root / "click" / f"<i>wrong{number}.wav", wave, rate)


def test_mistakes_can_be_seen_and_heard_and_the_page_stays_small(toy: dict[str, Any], tmp_path: Path) -> None:
    _mislabel(Path(toy["data"]["train"]))
    run, report = carry_out(toy, tmp_path / "run")
    page = (run / runs.PAGE).read_text(encoding="utf-8")
    count = len(report["mistakes"])
    assert count >= 3 and set(report["baselines"]) == {
        "majority",
        "raw_neighbour",
        "from_scratch",
        "nearest_neighbour",
        "linear_probe",
    }
    for mark in ('src="data:image/png;base64,', 'src="data:audio/mpeg;base64,', 'aria-label="Waveform"'):
        assert page.count(mark) == count, mark
    assert "media-src data:" in page and "&lt;i&gt;wrong0.wav" in page and "<i>wrong" not in page
    assert len(page) < 400_000


def test_of_a_long_sound_the_beginning_can_be_played_and_that_is_said() -> None:
    wave = np.random.default_rng(0).normal(0, 0.1, 30 * 16000).astype(np.float32)
    html = drawn(wave, 16000, "long.wav")
    assert f"30.0 s, spectrogram up to 8 kHz; the first {PLAYED:g} s can be played" in html
    assert len(html) < 60_000  # thirty of the longest and noisiest sounds: less than 2 MB
    assert drawn(wave[:800], 16000, "short.wav").count("can be played") == 0
    assert html == drawn(wave, 16000, "long.wav")


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 44100, 96000])
def test_sounds_of_every_rate_can_be_drawn(rate: int) -> None:
    html = drawn(np.sin(np.arange(300) / 3).astype(np.float32), rate, "a.wav")
    assert len(re.findall(r"base64,[A-Za-z0-9+/=]{80,}", html)) == 2


def test_hidden_rows_leave_no_sound_and_no_name(
    toy: dict[str, Any], workdir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FTKIT_ROWS", "hide")
    root = Path(toy["data"]["train"])
    for path in list(root.glob("*/*.flac")):
        path.rename(path.with_name(f"xq7{path.name}"))
    for label in ("click", "tone"):
        (root / label).rename(root / f"xq7{label}")
    (root / "xq7tone" / "xq7bad.wav").write_bytes(b"x")
    keys = ["--base", toy["base"], "--method", "head", "--set", "data.max_bad=0.5", "--out", "run"]
    assert main(["train", str(root), *keys]) == 0
    said = capsys.readouterr()
    assert "xq7" not in said.out + said.err
    for path in Path("run").rglob("*"):
        if path.is_file() and runs.ADAPTER not in path.parts:
            text = pd.read_parquet(path).to_json() if path.suffix == ".parquet" else path.read_text(errors="replace")
            assert "xq7" not in text and "base64," not in text, path
    assert not list((workdir / "cache").rglob("*.npy"))


def test_a_flat_folder_and_a_table_are_predicted(toy: dict[str, Any], tmp_path: Path) -> None:
    run, _ = carry_out(toy, tmp_path / "run", **{"data.folds": 0})
    flat = tmp_path / "new"
    flat.mkdir()
    for number, path in enumerate(sorted(Path(toy["data"]["train"]).glob("*/*.flac"))):
        (flat / f"{number:02}.flac").write_bytes(path.read_bytes())
    (flat / "broken.wav").write_bytes(b"RIFF")
    found = pd.read_csv(predict(run, str(flat), tmp_path / "flat.csv"), keep_default_na=False)
    assert found["prediction"].tolist() == ["click"] * 12 + ["tone"] * 12 + [""]
    pd.DataFrame({"file": ["03.flac", "20.flac"], "who": ["a", "b"]}).to_csv(flat / "some.csv", index=False)
    some = pd.read_csv(predict(run, str(flat / "some.csv"), tmp_path / "some.csv"))
    assert some["prediction"].tolist() == ["click", "tone"] and some["who"].tolist() == ["a", "b"]


def test_a_base_for_texts_is_refused(toy: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "text").mkdir()
    base = registry.load("tasks", "text_classification").toy(tmp_path / "text")["base"]
    with pytest.raises(InputError, match="takes no sound"):
        carry_out(toy | {"base": base}, tmp_path / "run")
