"""Series: what is recognised, what a window becomes, what is bad in a row, and what augmentation may change."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from ftkit.data.prepare import prepare
from ftkit.data.read import read
from ftkit.data.table import Splits
from ftkit.data.windows import Window
from ftkit.errors import Faults, InputError
from ftkit.recipe import Data, Recipe, parse
from ftkit.tasks._series import Scaling, augmented, scaling_for, shaped
from ftkit.tasks.series_classification import SeriesClassification
from ftkit.verbs.inferring import infer

SWINGS = {"slow": 1.0, "fast": 4.0}


def lists(path: Path, rows: int = 12, **changed: Any) -> Path:
    """One row a window, as JSON Lines; `changed` replaces cells of the first rows."""
    random = np.random.default_rng(0)
    made = []
    for number in range(rows):
        label = list(SWINGS)[number % 2]
        line = np.sin(SWINGS[label] * np.linspace(0, 6, 20)) + random.normal(0, 0.05, 20)
        times = [i * 10 for i in range(20)]
        made.append(
            {"who": f"p{number % 3}", "ax": line.tolist(), "ay": (-line).tolist(), "t_ms": times, "move": label}
        )
    for name, cells in changed.items():
        for row, cell in zip(made, cells, strict=False):
            row[name] = cell
    path.write_text("".join(json.dumps(row) + "\n" for row in made), encoding="utf-8")
    return path


def long(path: Path, users: int = 4) -> Path:
    """One row a sample, 20 Hz with an uneven clock in milliseconds."""
    random = np.random.default_rng(1)
    pieces = []
    for number in range(users):
        times = np.cumsum(random.uniform(30, 70, 200))
        label = np.where(times < times[-1] / 2, "slow", "fast")
        swing = np.where(label == "slow", np.sin(times / 500), np.sin(times / 60))
        noise = random.normal(0, 0.05, (2, 200))
        columns = {"user": f"u{number}", "time": times.round(), "ax": swing + noise[0], "ay": 9.8 + noise[1]}
        pieces.append(pd.DataFrame({**columns, "activity": label}))
    pd.concat(pieces).round(4).to_csv(path, index=False)
    return path


def prepared(recipe: Recipe) -> tuple[Recipe, Splits]:
    return prepare(recipe)


def inferred(path: Path, **changes: Any) -> Recipe:
    return infer(str(path), [(key.replace("__", "."), json.dumps(value)) for key, value in changes.items()])


def test_lists_are_recognised_and_start_from_scratch(tmp_path: Path) -> None:
    recipe = inferred(lists(tmp_path / "moves.jsonl"), task__label="move")
    assert recipe.task.name == "series_classification" and recipe.method.name == "full"
    assert not isinstance(recipe.base, str)
    recipe, splits = prepared(recipe)
    task = recipe.task
    assert isinstance(task, SeriesClassification)
    assert (task.layout, task.channels, task.time, task.time_unit) == ("lists", ["ax", "ay"], "t_ms", "ms")
    ((window,),) = splits.rows.frame["input"].iloc[:1]
    assert isinstance(window, Window) and window.values.shape == (20, 2) and str(window) == "moves.jsonl:1"
    assert not isinstance(recipe.base, str) and isinstance(recipe.base.config, dict)
    assert recipe.base.config["num_channels"] == 2 and recipe.base.config["image_size"] == (1, 20)


def test_a_long_table_is_cut_by_recording(tmp_path: Path) -> None:
    recipe, splits = prepared(inferred(long(tmp_path / "signals.csv")))
    task = recipe.task
    assert isinstance(task, SeriesClassification)
    assert (task.layout, task.channels, task.time, task.recording) == ("long", ["ax", "ay"], "time", ["user"])
    assert (task.rate, task.window, task.step, task.label) == (20, 2, 1, "activity")
    assert recipe.data.unit == "recording"
    frame = splits.rows.frame
    for part in splits.parts:
        assert set(frame["unit"].iloc[part.train]).isdisjoint(frame["unit"].iloc[part.test])
        for train, held in part.inner:
            assert set(frame["unit"].iloc[train]).isdisjoint(frame["unit"].iloc[held])
    assert any("samples cut into" in note for note in splits.report.detected)
    assert any(note.startswith("unit: recording") for note in splits.report.detected)
    again, same = prepared(recipe)
    assert again == recipe and same.rows.frame["row_id"].tolist() == frame["row_id"].tolist()


def test_one_user_after_the_other_is_left_out(tmp_path: Path) -> None:
    recipe, splits = prepared(inferred(long(tmp_path / "signals.csv"), data__folds="by user"))
    assert recipe.data.unit == "user" and splits.folds == 4
    tested = [set(splits.rows.frame["unit"].iloc[part.test]) for part in splits.parts[:-1]]
    assert tested == [{"u0"}, {"u1"}, {"u2"}, {"u3"}]
    assert len(splits.parts[-1].test) == 0


def test_numbered_columns_are_channels(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    block = random.normal(size=(30, 20))
    frame = pd.DataFrame(block, columns=[f"{name}_{i}" for name in ("ax", "ay") for i in range(10)])
    frame.assign(label=["a", "b"] * 15).round(3).to_csv(tmp_path / "wide.csv", index=False)
    recipe, splits = prepared(inferred(tmp_path / "wide.csv"))
    task = recipe.task
    assert isinstance(task, SeriesClassification) and (task.layout, task.channels) == ("wide", ["ax", "ay"])
    ((window,),) = splits.rows.frame["input"].iloc[:1]
    np.testing.assert_allclose(window.values, block[0].reshape(2, 10).T, atol=6e-4)


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"ax": [[1.0, None, 2.0] + [0.0] * 17]}, "window with a missing value (NaN)"),
        ({"ax": [[1.0, "oops"] + [0.0] * 18]}, "sample that is no number"),
        ({"ax": [[1.0] * 19]}, "channels of unequal length"),
        ({"ax": [[1.0]], "ay": [[1.0]], "t_ms": [[0]]}, "window without samples"),
        ({"t_ms": [[10, 0] + [20] * 18]}, "time stamps run backwards"),
        ({"t_ms": [[5] * 20]}, "time stamps that are all the same"),
        ({"ax": ["none"]}, "sample that is no number"),
        ({"move": [""]}, "no label"),
    ],
)
def test_bad_windows_are_counted_by_reason(tmp_path: Path, cells: dict[str, Any], reason: str) -> None:
    path = lists(tmp_path / "moves.jsonl", **cells)
    tree = {"task": {"name": "series_classification", "label": "move"}, "data": {"train": str(path)}, "method": "full"}
    with pytest.raises(Faults, match="cannot be used") as caught:
        prepared(parse(tree))
    assert reason in caught.value.faults[0].what and "moves.jsonl:1" in caught.value.faults[0].what
    _, splits = prepared(parse(tree, [("data.max_bad", "0.2")]))
    assert splits.report.dropped == {reason: 1}


def test_an_earlier_base_keeps_its_channels_and_scaling(tmp_path: Path) -> None:
    tree = SeriesClassification.toy(tmp_path)
    from toy import base_in

    task = SeriesClassification(**tree["task"])
    scaling = task.processor(base_in(tmp_path)).scaling
    assert (scaling.points, scaling.channels, scaling.normalise) == (16, 2, "none")
    with pytest.raises(InputError, match="takes 2 channels, and the data have 3"):
        task.model_copy(update={"channels": ["x", "y", "z"]}).processor(base_in(tmp_path))
    with pytest.raises(InputError, match=r"task\.normalise: toy normalises by none, not by window"):
        task.model_copy(update={"normalise": "window"}).processor(base_in(tmp_path))


@pytest.mark.parametrize(
    "config",
    [
        {
            "model_type": "vit",
            "hidden_size": 32,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "intermediate_size": 32,
        },
        {"model_type": "patchtst", "d_model": 32, "num_hidden_layers": 1, "patch_length": 5, "patch_stride": 5},
        {"model_type": "speech_to_text", "d_model": 32, "encoder_layers": 1, "encoder_attention_heads": 2},
    ],
    ids=lambda config: str(config["model_type"]),
)
def test_positions_are_those_that_the_blocks_see(tmp_path: Path, config: dict[str, Any]) -> None:
    """Passes are filled by them: a window of 100 samples in 20 patches is no row of 100 positions."""
    from ftkit import bases
    from ftkit.features.examples import Examples
    from ftkit.features.network import Network
    from ftkit.recipe import Random

    random = np.random.default_rng(0)
    windows = [Window(str(i), random.normal(size=(100, 2))) for i in range(3)]
    task = SeriesClassification(channels=["x", "y"], layout="lists", label="label")
    inputs: Any = [(one,) for one in windows]
    base = bases.resolve(Random(config=task.shape(inputs, config)))
    processor = task.processor(base)
    examples = Examples(task, processor, task.encode(inputs, processor).rows)
    network = Network(task.load(base))
    hidden = network(examples.batch(np.arange(3)))
    assert abs(hidden.shape[1] - examples.lengths[0]) <= 1 and set(examples.lengths) == {examples.lengths[0]}
    assert network.width == 32


def test_scaling_chooses_units_and_tells_no_values() -> None:
    random = np.random.default_rng(0)
    windows = [Window(str(i), random.normal([9.8, 0.01], [2.1, 0.004], (50, 2))) for i in range(20)]
    scaling = scaling_for(windows, "channel", 50)
    assert scaling.scale == (2.0, 0.00390625) and scaling.offset == (10.0, 0.01171875)
    assert scaling_for(windows[:-1], "channel", 50) == scaling, "one window more or less changes nothing"
    shown = scaling(windows[0].values)
    assert shown.dtype == np.float32 and np.abs(shown.mean(0)).max() < 1.5


def test_scaling_by_window_drops_level_and_size_but_not_shape() -> None:
    scaling, line = Scaling(30, 2, "window"), np.random.default_rng(0).normal(size=(30, 2))
    np.testing.assert_allclose(scaling(line), scaling(5 + 3 * line), atol=1e-5)
    np.testing.assert_allclose(scaling(np.ones((30, 2))), 0)
    assert np.ptp(scaling(line * [10, 1])[:, 0]) > 5 * np.ptp(scaling(line * [10, 1])[:, 1])


def test_a_config_is_filled_up_and_nothing_given_is_changed() -> None:
    scaling = Scaling(20, 3, "none")
    made = shaped({"model_type": "patchtst", "context_length": 40}, scaling)
    assert (made["num_input_channels"], made["context_length"]) == (3, 40)
    with pytest.raises(InputError, match="bert is no model of series"):
        shaped({"model_type": "bert"}, scaling)


@pytest.mark.parametrize("name", SeriesClassification.augmentations)
def test_each_augmentation_changes_rows_a_little_and_by_its_seed(name: str) -> None:
    plain = torch.sin(torch.linspace(0, 12, 100))[None, :, None].expand(8, 100, 3).clone()
    once, again, other = (augmented(plain, (name,), torch.Generator().manual_seed(seed), 1, 2) for seed in (1, 1, 2))
    assert torch.equal(once, again) and not torch.equal(once, other) and once.shape == plain.shape
    assert not torch.equal(once, plain)
    assert torch.corrcoef(torch.stack([once.flatten(), plain.flatten()]))[0, 1] > 0.5
    assert len({tuple(row.flatten().tolist()) for row in once}) > 4, "rows change apart from each other"
    image = plain.transpose(1, 2)[:, :, None]
    turned = augmented(image, (name,), torch.Generator().manual_seed(1), 3, 1)
    assert turned.shape == image.shape and not torch.equal(turned, image)


def test_a_window_is_drawn_without_scripts(tmp_path: Path) -> None:
    task = SeriesClassification(channels=["a<b", "y"], label="move")
    drawn = task.show((Window("w <1>", np.random.default_rng(0).normal(size=(50, 2))),), {}, None, (None, None))
    assert drawn.count("<polyline") == 2 and "a&lt;b" in drawn and "<1>" not in drawn and "script" not in drawn
    assert len(drawn) < 5000 and task.show(("a text",), {}, None, (None, None)) == ""


def test_tables_of_texts_are_left_to_the_other_task(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    rows = "".join(f'"a text about thing {i} and more of it",{i % 3},{"ab"[i // 20]}\n' for i in range(40))
    path.write_text("text,stars,label\n" + rows, encoding="utf-8")
    assert SeriesClassification.recognise(read(str(path), Data(train="-"))).fit == 0
