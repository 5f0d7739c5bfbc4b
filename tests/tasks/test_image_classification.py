"""Pictures from folders and tables: what the model sees, what is refused, and that each file is decoded once."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
import transformers
from drawn import folder_of, noise, raw
from PIL import Image

from ftkit import folders, pipeline, registry, runs
from ftkit.bases import Base
from ftkit.cli import main
from ftkit.data import decoded
from ftkit.data.embedded import Embedded
from ftkit.data.read import read
from ftkit.data.row_groups import Whole
from ftkit.errors import FtkitError, InputError
from ftkit.features.examples import Examples
from ftkit.recipe import Data, Recipe, parse
from ftkit.tasks import _pictures
from ftkit.tasks._seeing import placed
from ftkit.tasks.image_classification import ImageClassification
from ftkit.verbs.predicting import predict

TASK = ImageClassification(name="image_classification", file="file", label="label", multi_label=False)

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture
def toy(tmp_path: Path) -> dict[str, Any]:
    """The toy's recipe."""
    return registry.load("tasks", "image_classification").toy(tmp_path) | {
        "method": {"name": "lora", "layers": "last 1"},
        "train": {"epochs": 2, "batch": 8},
    }


def base_of(tree: dict[str, Any]) -> Base:
    return Base("toy", Path(tree["base"]), "local", "", "folder")


def carry_out(tree: dict[str, Any], folder: Path, **changes: Any) -> tuple[Path, dict[str, Any]]:
    recipe: Recipe = parse(tree, [(key, json.dumps(value)) for key, value in changes.items()])
    return pipeline.run(recipe, lambda: folders.new_run_folder(folder, "toy", False), "ftkit train toy")


# ---- what the model sees ----

PROCESSORS: dict[str, dict[str, Any]] = {
    "ViTImageProcessorPil": {"size": {"height": 32, "width": 32}},
    "MobileNetV2ImageProcessorPil": {"size": {"shortest_edge": 40}, "crop_size": {"height": 32, "width": 32}},
    "ConvNextImageProcessorPil": {"size": {"shortest_edge": 32}, "crop_pct": 0.8},
    "MobileViTImageProcessorPil": {"size": {"shortest_edge": 40}, "crop_size": {"height": 32, "width": 32}},
    "EfficientNetImageProcessorPil": {"size": {"height": 32, "width": 32}, "include_top": True},
    "CLIPImageProcessorPil": {"size": {"shortest_edge": 32}, "crop_size": {"height": 32, "width": 32}},
    "BitImageProcessorPil": {"size": {"shortest_edge": 32}, "crop_size": {"height": 32, "width": 32}},
    "SiglipImageProcessorPil": {"size": {"height": 32, "width": 32}},
}


@pytest.mark.parametrize("name", PROCESSORS)
def test_kept_pictures_become_what_the_plain_processor_gives(name: str) -> None:
    processor = getattr(transformers, name)(**PROCESSORS[name])
    pictures = [noise(70, 50, seed=1), noise(40, 90, seed=2), noise(33, 33, seed=3)]
    rows = [{"pixel_values": placed(processor, np.asarray(one))} for one in pictures]
    assert {row["pixel_values"].dtype for row in rows} == {np.dtype(np.uint8)}
    found = TASK.collate(rows, processor)["pixel_values"]
    plain = processor(images=pictures, return_tensors="pt")["pixel_values"]
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found.numpy(), plain.numpy(), atol=2e-6)
    outline = TASK.outline(np.array([32, 32, 32]), processor)["pixel_values"]
    assert outline.shape == found.shape and outline.dtype == found.dtype


def test_a_table_a_folder_and_a_parquet_file_are_the_same_rows(
    toy: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads, plain = list[int](), Embedded.read

    def counted(cell: Embedded) -> bytes | None:
        reads.append(cell.row)
        return plain(cell)

    monkeypatch.setattr(Embedded, "read", counted)
    base, root = base_of(toy), Path(toy["data"]["train"])
    folder = read(str(root), Data(train="-"))
    names = folder.frame["file"].tolist()
    pd.DataFrame({"file": names, "label": folder.frame["label"]}).to_csv(root / "labels.csv", index=False)
    held = [{"bytes": (root / name).read_bytes(), "path": name} for name in names]
    pd.DataFrame({"file": held, "label": folder.frame["label"]}).to_parquet(tmp_path / "held.parquet")
    tables = [folder, *(read(str(one), Data(train="-")) for one in (root / "labels.csv", tmp_path / "held.parquet"))]
    parsed = [TASK.parse(table, 1000, base=base) for table in tables]
    digests = [[one[0].digest for one in some.inputs] for some in parsed]
    assert digests[0] == digests[1] == digests[2] and len(set(digests[0])) == 24
    assert all(some.gold == parsed[0].gold and not any(some.faults) for some in parsed)
    assert [one[0] for one in parsed[2].inputs] == names
    assert reads == list(range(24)), "to see whether a cell holds a file is to read it"


def test_what_a_table_is_about_is_recognised(toy: dict[str, Any]) -> None:
    table = read(toy["data"]["train"], Data(train="-"))
    assert ImageClassification.recognise(table).fields == {"file": "file", "label": "label"}
    others = {name: registry.load("tasks", name).recognise(table).fit for name in registry.names("tasks")}
    assert max(others, key=lambda name: others[name]) == "image_classification"
    text = pd.DataFrame({"text": ["a ripe plum", "a saw"] * 9, "label": ["fruit", "tool"] * 9})
    assert ImageClassification.recognise(type(table)(text, np.arange(18), "t.csv", "")).fit == 0


# ---- what is refused ----


def faults_of(toy: dict[str, Any], root: Path, names: list[Any]) -> list[str | None]:
    frame = pd.DataFrame({"file": names, "label": ["x"] * len(names)})
    table = read(str(root), Data(train="-"))
    made = type(table)(frame, np.arange(1, len(names) + 1), str(root / "labels.csv"), "")
    return TASK.parse(made, 1000, base=base_of(toy)).faults


def stored(raw: bytes | None, name: str = "") -> Embedded:
    """A cell of Parquet."""
    return Embedded(Whole(pa.chunked_array([pa.array([{"bytes": raw, "path": name}])])), 0, name)


def test_bad_files_have_reasons(toy: dict[str, Any], tmp_path: Path) -> None:
    root = Path(toy["data"]["train"])
    (root / "cut.jpg").write_bytes(raw(noise(200, 200), "jpeg")[:-400])
    (root / "nothing.png").write_bytes(b"")
    (root / "letter.png").write_text("dear reader")
    (tmp_path / "outside.png").write_bytes(raw(noise()))
    (root / "link.png").symlink_to(tmp_path / "outside.png")
    names = ["bar/00.png", "cut.jpg", "nothing.png", "letter.png", "../outside.png", str(tmp_path / "outside.png")]
    names += ["link.png", "bar/99.png", "bar", "", "bar/00.png/../00.png\0", stored(b""), stored(None, "bar/01.png")]
    assert faults_of(toy, root, names) == [
        None,
        "truncated picture",
        "empty file",
        "no JPEG, PNG or WebP picture",
        "path leaves the data folder",
        "path leaves the data folder",
        "path leaves the data folder",
        "no such file",
        "not a file",
        "no file named",
        "no file named",
        "empty file",
        None,
    ]


def test_too_many_bad_files_stop_before_training(
    toy: dict[str, Any], workdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = Path(toy["data"]["train"])
    (root / "disc" / "zz.jpg").write_bytes(raw(noise(200, 200), "jpeg")[:-400])
    assert main(["train", str(root), "--base", toy["base"], "--out", "run"]) == 2
    said = capsys.readouterr().err
    assert "1 of 25 rows cannot be used" in said and "truncated picture" in said and "'disc/zz.jpg'" in said
    assert not Path("run").exists()


def test_a_missing_file_among_thousands_is_counted_and_named(toy: dict[str, Any]) -> None:
    root = Path(toy["data"]["train"])
    names = [f"bar/{i % 12:02}.png" for i in range(3000)]
    names[1234] = "bar/gone.png"
    pd.DataFrame({"file": names, "label": ["x", "y"] * 1500}).to_csv(root / "labels.csv", index=False)
    table = read(str(root / "labels.csv"), Data(train="-"))
    parsed = TASK.parse(table, 1000, base=base_of(toy))
    assert [i for i, fault in enumerate(parsed.faults) if fault] == [1234]
    assert parsed.faults[1234] == "no such file" and parsed.names and parsed.names[1234] == "bar/gone.png"


def test_what_was_changed_is_noted_in_the_report(toy: dict[str, Any], tmp_path: Path) -> None:
    root = Path(toy["data"]["train"])
    Image.new("CMYK", (20, 20), (0, 200, 200, 0)).save(root / "disc" / "ink.jpg")
    Image.fromarray(np.full((20, 20), 30_000, np.uint16)).save(root / "disc" / "deep.png")
    _, report = carry_out(toy, tmp_path / "run", **{"method": "head", "data.folds": 0})
    notes = [one["what"] for one in report["data"]["findings"] if one["check"] == "changed rows"]
    assert notes == ["1 row: 16 bits of grey, brought to 8", "1 row: CMYK, turned into RGB"]


def test_without_a_base_the_message_says_which_to_type(
    toy: dict[str, Any], workdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", toy["data"]["train"]]) == 2
    said = capsys.readouterr().err
    assert "base: missing" in said and "--base google/vit-base-patch16-224-in21k" in said
    with pytest.raises(FtkitError, match="base: missing"):
        parse({key: value for key, value in toy.items() if key != "base"})


def test_a_base_for_texts_is_refused(toy: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "text").mkdir()
    base = registry.load("tasks", "text_classification").toy(tmp_path / "text")["base"]
    with pytest.raises(InputError, match="has no image processor"):
        carry_out(toy | {"base": base}, tmp_path / "run")


def test_a_processor_that_leaves_pictures_of_several_shapes_is_refused(toy: dict[str, Any]) -> None:
    path = Path(toy["base"]) / "preprocessor_config.json"
    path.write_text(json.dumps({"image_processor_type": "MobileNetV2ImageProcessor", "do_center_crop": False}))
    with pytest.raises(InputError, match="different shapes"):
        TASK.processor(base_of(toy))


# ---- each file once ----


def test_no_file_is_decoded_twice_neither_in_a_run_nor_in_the_next(
    toy: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bytes] = []

    def counted(raw: bytes, plain: Any = _pictures.rgb) -> np.ndarray:
        seen.append(raw)
        return np.asarray(plain(raw))

    monkeypatch.setattr(_pictures, "rgb", counted)
    monkeypatch.setattr(_pictures, "thumbnail", lambda raw, name: "")  # a page decodes the few that it shows
    carry_out(toy, tmp_path / "run")
    assert len(seen) == len(set(seen)) == 24
    carry_out(toy, tmp_path / "again", **{"train.epochs": 1})
    assert len(seen) == 24


def test_memory_does_not_grow_with_the_number_of_files(toy: dict[str, Any], tmp_path: Path) -> None:
    """One picture as the model takes it has 150,528 bytes; 160 of them would be 24 MB."""
    processor = transformers.ViTImageProcessorPil()
    processor.save_pretrained(toy["base"])
    peaks = []
    for each in (10, 80):
        table = read(str(folder_of(tmp_path / str(each), each)), Data(train="-"))
        tracemalloc.start()
        parsed = TASK.parse(table, 1000, base=base_of(toy))
        rows = TASK.encode(parsed.inputs, processor).rows
        examples = Examples(TASK, processor, rows)
        assert len(examples.hashes) == 2 * each
        for start in range(0, 2 * each, 10):
            examples.batch(np.arange(start, start + 10))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 1_000_000
    assert isinstance(rows, decoded.Decoded)


# ---- training ----


def test_what_is_scored_is_never_augmented(
    toy: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that pass through augmentation are those of training steps, and no others."""
    rows: list[int] = []
    plain = ImageClassification.augment

    def counted(self: Any, batch: Any, names: Any, generator: Any) -> Any:
        rows.append(len(batch["pixel_values"]))
        return plain(self, batch, names, generator)

    monkeypatch.setattr(ImageClassification, "augment", counted)
    changes = {"train.augment": ["flip", "crop", "colour"], "data.folds": 0, "data.validation": "none"}
    run, report = carry_out(toy, tmp_path / "run", **changes)
    trained = report["data"]["split_rows"]["train"]
    rehearsed = 16  # what looks for room in memory: passes of at most 8 rows that are never scored
    assert 2 * trained <= sum(rows) <= 2 * trained + 3 * rehearsed
    assert report["choices"]["prefix_cached"] is False
    monkeypatch.undo()
    kept = pd.read_parquet(run / runs.PREDICTIONS)
    mine = kept[kept["predictor"] == "adapted"]
    out = predict(run, toy["data"]["train"], tmp_path / "out.csv", scores=True)
    said = pd.read_csv(out).set_index("file")
    shown = pd.read_parquet(run / runs.ROWS).set_index("row_id")["input"]
    for row_id, scores in zip(mine["row_id"], mine["scores"], strict=True):
        line = said.loc[shown[row_id][0]]
        np.testing.assert_allclose([line["score.bar"], line["score.disc"]], scores, atol=2e-6)


def test_an_unknown_augmentation_is_a_fault(toy: dict[str, Any]) -> None:
    with pytest.raises(FtkitError, match="no augmentation 'flop'"):
        parse(toy | {"train": {"augment": ["flop"]}})


# ---- what a run shows ----


def test_a_flat_folder_and_a_table_are_predicted(toy: dict[str, Any], tmp_path: Path) -> None:
    run, _ = carry_out(toy, tmp_path / "run", **{"method": "head"})
    flat = tmp_path / "new"
    flat.mkdir()
    for number, path in enumerate(sorted(Path(toy["data"]["train"]).glob("*/*.png"))):
        (flat / f"{number:02}.png").write_bytes(path.read_bytes())
    (flat / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    found = pd.read_csv(predict(run, str(flat), tmp_path / "flat.csv"), keep_default_na=False)
    assert found.columns.tolist() == ["file", "prediction", "confidence"]
    assert found["prediction"].tolist()[24] == "" and set(found["prediction"].tolist()[:24]) == {"bar", "disc"}
    nested = pd.read_csv(predict(run, toy["data"]["train"], tmp_path / "nested.csv"))
    assert found["prediction"].tolist()[:24] == nested["prediction"].tolist()
    pd.DataFrame({"file": ["03.png", "20.png"], "who": ["a", "b"]}).to_csv(flat / "some.csv", index=False)
    some = pd.read_csv(predict(run, str(flat / "some.csv"), tmp_path / "some.csv"))
    assert some["prediction"].tolist() == found["prediction"].iloc[[3, 20]].tolist() and some["who"].tolist() == [
        "a",
        "b",
    ]


def test_mistakes_are_shown_as_thumbnails_and_the_page_stays_small(toy: dict[str, Any], tmp_path: Path) -> None:
    root = Path(toy["data"]["train"])
    for number in range(3):  # labels that are surely wrong
        (root / "bar" / f"wrong{number}.png").write_bytes((root / "disc" / f"{number:02}.png").read_bytes() + b"\0")
    run, report = carry_out(toy, tmp_path / "run", **{"method": "head"})
    page = (run / runs.PAGE).read_text(encoding="utf-8")
    assert page.count('<img src="data:image/png;base64,') == len(report["mistakes"]) >= 3
    assert "img-src data:" in page
    assert all(f'alt="{one["input"][0]}"' in page for one in report["mistakes"])
    assert set(report["baselines"]) == {
        *("majority", "raw_neighbour", "from_scratch", "nearest_neighbour", "linear_probe")
    }
    assert len(page) < 400_000


def test_hidden_rows_leave_no_picture_and_no_name(
    toy: dict[str, Any], workdir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FTKIT_ROWS", "hide")
    root = Path(toy["data"]["train"])
    for label in ("bar", "disc"):
        (root / label).rename(root / f"xq7{label}")
    for path in list(root.glob("*/*.png")):
        path.rename(path.with_name(f"xq7{path.name}"))
    (root / "xq7disc" / "xq7bad.png").write_bytes(b"x")
    keys = ["--base", toy["base"], "--epochs", "1", "--set", "data.max_bad=0.5", "--out", "run"]
    assert main(["train", str(root), *keys]) == 0
    said = capsys.readouterr()
    assert "xq7" not in said.out + said.err
    for path in Path("run").rglob("*"):
        if path.is_file() and runs.ADAPTER not in path.parts:
            text = pd.read_parquet(path).to_json() if path.suffix == ".parquet" else path.read_text(errors="replace")
            assert "xq7" not in text and "<img" not in text, path
    assert not list((workdir / "cache").rglob("*.npy"))


def test_pictures_inside_a_table_give_the_same_run(toy: dict[str, Any], tmp_path: Path) -> None:
    """Scores, baselines, thumbnails and predictions of files, and of the same files in Parquet."""
    root = Path(toy["data"]["train"])
    names = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.png"))
    held = [{"bytes": (root / name).read_bytes(), "path": name} for name in names]
    table = pd.DataFrame({"file": held, "label": [name.partition("/")[0] for name in names]})
    table.to_parquet(tmp_path / "held.parquet", row_group_size=5)
    stored = toy | {"data": toy["data"] | {"train": str(tmp_path / "held.parquet")}}
    (_, plain), (run, report) = carry_out(toy, tmp_path / "plain"), carry_out(stored, tmp_path / "run")
    assert report["scores"] == plain["scores"] and report["baselines"] == plain["baselines"]
    assert (run / runs.PAGE).read_text().count("data:image/") == (tmp_path / "plain" / runs.PAGE).read_text().count(
        "data:image/"
    )
    said = pd.read_parquet(predict(run, str(tmp_path / "held.parquet"), tmp_path / "out.parquet"))
    assert said["file"].tolist() == held and list(said) == ["file", "label", "prediction", "confidence"]
    listed = pd.read_csv(predict(run, str(root), tmp_path / "out.csv"))
    alone = pd.read_csv(predict(run, str(root / names[0]), tmp_path / "alone.csv"))
    assert alone["file"].tolist() == ["00.png"] and alone["prediction"].tolist() == listed["prediction"].tolist()[:1]
    assert listed.set_index("file")["prediction"].to_dict() == dict(zip(names, said["prediction"], strict=True))
