"""The model card's lines load the run without ftkit and give the same probabilities."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from filmed import clip, even, video_encoder
from PIL import Image
from transformers import CLIPConfig, CLIPModel

from ftkit import folders, pipeline, registry, runs
from ftkit.data.read import read
from ftkit.models.assembly import load_run
from ftkit.recipe import Data, parse

TEXTS = ["a ripe plum", "bring the hammer today", "please"]
METHODS = registry.names("methods")


def made(folder: Path, method: str, task: str = "text_classification", **keys: Any) -> Path:
    """A toy run."""
    tree = registry.load("tasks", task).toy(folder)
    tree["task"] |= {key: value for key, value in keys.items() if key != "base"}
    tree |= {"base": keys.get("base", tree["base"]), "method": method, "train": {"epochs": 2}}
    tree["data"]["folds"] = 0
    return pipeline.run(parse(tree), lambda: folders.new_run_folder(folder / "run", "toy", False))[0]


def code(run: Path) -> str:
    """The snippet in the card."""
    found = re.search(r"```python\n(.*?)```", (run / runs.CARD).read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    assert "ftkit" not in found[1]
    return found[1]


def expected(run: Path, inputs: list[tuple[str, ...]]) -> np.ndarray:
    model = load_run(run)
    return model.recipe.task.scores(model.logits(inputs)[0])


def one_of(names: Sequence[str], quick: str) -> list[Any]:
    """All names, of which every change tries one; the slow tier tries the others."""
    return [name if name == quick else pytest.param(name, marks=pytest.mark.slow) for name in names]


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("method", one_of(METHODS, "lora"))
def test_it_gives_equal_probabilities(method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = made(tmp_path, method)
    monkeypatch.chdir(run)
    space: dict[str, Any] = {}
    exec(code(run), space)
    np.testing.assert_allclose(space["predict"](TEXTS).numpy(), expected(run, [(text,) for text in TEXTS]), atol=1e-5)
    assert space["labels"] == ["fruit", "tool"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("scale", ["none", (10.0, 30.0)])
def test_it_gives_equal_numbers(scale: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = made(tmp_path, "head", "text_regression", scale=scale)
    monkeypatch.chdir(run)
    space: dict[str, Any] = {}
    exec(code(run), space)
    found = space["predict"](TEXTS).numpy()
    np.testing.assert_allclose(found, expected(run, [(text,) for text in TEXTS]), atol=1e-4)
    assert len(np.unique(found)) > 1 and (scale == "none" or (found >= 10).all())


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_pair_of_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registry.load("tasks", "text_classification").toy(tmp_path)
    rows = (tmp_path / "toy.csv").read_text().splitlines()
    (tmp_path / "toy.csv").write_text("\n".join([f"more,{rows[0]}", *(f"and a saw,{row}" for row in rows[1:])]))
    run = made_pair(tmp_path)
    monkeypatch.chdir(run)
    space: dict[str, Any] = {}
    exec(code(run), space)
    found = space["predict"](TEXTS, TEXTS[::-1]).numpy()
    np.testing.assert_allclose(found, expected(run, list(zip(TEXTS, TEXTS[::-1], strict=True))), atol=1e-5)


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("method", one_of(["head", "lora", "freeze", "full"], "full"))
def test_pictures_of_all_kinds(method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = made(tmp_path, method, "image_classification")
    paths = sorted((tmp_path / "toy").glob("*/0[0-3].png"))
    Image.new("CMYK", (30, 20), (0, 255, 255, 0)).save(paths[0].with_name("ink.jpg"))
    Image.fromarray(np.arange(600, dtype=np.uint16).reshape(20, 30) * 100).save(paths[0].with_name("deep.png"))
    Image.linear_gradient("L").convert("RGBA").rotate(30).save(paths[0].with_name("clear.webp"))
    exif = Image.Exif()
    exif[274] = 8
    Image.linear_gradient("L").crop((0, 0, 90, 200)).save(paths[0].with_name("turned.jpg"), exif=exif)
    paths += [paths[0].with_name(name) for name in ("ink.jpg", "deep.png", "clear.webp", "turned.jpg")]
    model = load_run(run)
    table = read(str(tmp_path / "toy"), Data(train="-"))
    parsed = model.recipe.task.parse(table, 1000, labelled=False, base=model.base)
    inputs = {item[0]: item for item in parsed.inputs if item}
    monkeypatch.chdir(run)
    lines = code(run).replace('print(labels, predict(["picture.jpg"]))', "")
    assert "print(" not in lines
    space: dict[str, Any] = {}
    exec(lines, space)
    found = space["predict"](paths).numpy()
    mine = expected(run, [inputs[path.relative_to(tmp_path / "toy").as_posix()] for path in paths])
    np.testing.assert_allclose(found, mine, atol=1e-5)
    assert len(found) == 12 and space["labels"] == ["bar", "disc"]


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("method", one_of(["lora", "full"], ""))
def test_the_half_for_pictures_of_a_model_of_both(method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = registry.load("tasks", "image_classification").toy(tmp_path)
    small = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}
    seen = small | {"image_size": 16, "patch_size": 4}
    torch.manual_seed(0)
    CLIPModel(CLIPConfig(text_config=small | {"vocab_size": 20}, vision_config=seen)).save_pretrained(tree["base"])
    tree |= {"method": method, "train": {"epochs": 1}}
    tree["data"]["folds"] = 0
    run, _ = pipeline.run(parse(tree), lambda: folders.new_run_folder(tmp_path / "run", "toy", False))
    model = load_run(run)
    table = read(str(tmp_path / "toy"), Data(train="-"))
    inputs = model.recipe.task.parse(table, 1000, labelled=False, base=model.base).inputs
    monkeypatch.chdir(run)
    space: dict[str, Any] = {}
    exec(code(run).replace('print(labels, predict(["picture.jpg"]))', ""), space)
    paths = [tmp_path / "toy" / one[0] for one in inputs]
    np.testing.assert_allclose(space["predict"](paths).numpy(), expected(run, inputs), atol=1e-5)


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize(
    ("method", "kind"),
    [
        ("lora", "pictures"),
        *(pytest.param(method, "pictures", marks=pytest.mark.slow) for method in ("head", "freeze", "full")),
        *(pytest.param("lora", kind, marks=pytest.mark.slow) for kind in ("videomae", "timesformer")),
    ],
)
def test_clips_of_all_clocks(method: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {} if kind == "pictures" else {"base": str(tmp_path / "encoder")}
    if kind != "pictures":
        video_encoder(kind, tmp_path / "encoder")
    run = made(tmp_path, method, "video_classification", **keys)
    paths = sorted((tmp_path / "toy").glob("*/0[0-2].mp4"))
    for name, raw in {
        "jumps.mp4": clip([0, 0.1, 0.2, 0.3, 1.3, 1.4, 1.5]),
        "long.mkv": clip(even(12, 10), "mkv"),
        "still.avi": clip([0.0], "avi"),
    }.items():
        paths.append(paths[0].with_name(name))
        paths[-1].write_bytes(raw)
    model = load_run(run)
    table = read(str(tmp_path / "toy"), Data(train="-"))
    parsed = model.recipe.task.parse(table, 1000, labelled=False, base=model.base)
    inputs = {item[0]: item for item in parsed.inputs if item}
    monkeypatch.chdir(run)
    space: dict[str, Any] = {}
    exec(code(run).replace('print(labels, predict(["clip.mp4"]))', ""), space)
    mine = expected(run, [inputs[path.relative_to(tmp_path / "toy").as_posix()] for path in paths])
    np.testing.assert_allclose(space["predict"](paths).numpy(), mine, atol=1e-5)
    assert len(mine) == 9 and space["labels"] == ["normal", "passing"]


def made_pair(folder: Path) -> Path:
    """A toy run on the two columns that are in the folder's table."""
    tree: dict[str, Any] = {
        "base": str(folder / "base"),
        "task": {"name": "text_classification", "text": ["text", "more"], "combine": "pair", "label": "label"},
        "data": {"train": str(folder / "toy.csv"), "folds": 0},
        "method": "lora",
        "train": {"epochs": 1},
    }
    tree["task"]["max_length"] = 16
    return pipeline.run(parse(tree), lambda: folders.new_run_folder(folder / "run", "toy", False))[0]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_run_on_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "first").mkdir()
    (tmp_path / "second").mkdir()
    first = made(tmp_path / "first", "lora")
    run = made(tmp_path / "second", "ia3", base=str(first))
    monkeypatch.chdir(run)
    space: dict[str, Any] = {}
    exec(code(run), space)
    np.testing.assert_allclose(space["predict"](TEXTS).numpy(), expected(run, [(text,) for text in TEXTS]), atol=1e-5)


@pytest.mark.slow
def test_a_process_that_cannot_import_ftkit(tmp_path: Path) -> None:
    run = made(tmp_path, "lora")
    blocked = "import sys\nsys.modules['ftkit'] = None\n"
    more = f"\nimport json\nprint(json.dumps(predict({TEXTS!r}).tolist()))\n"
    done = subprocess.run([sys.executable, "-c", blocked + code(run) + more], cwd=run, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = np.array(json.loads(done.stdout.splitlines()[-1]))
    np.testing.assert_allclose(found, expected(run, [(text,) for text in TEXTS]), atol=1e-5)
