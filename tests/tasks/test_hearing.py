"""Every way to hear: what of a batch is sound, whatever stands beside it, and the same without ftkit."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hearing_bases import WAYS, base_that_hears

from ftkit import folders, pipeline, registry, runs
from ftkit.errors import InputError
from ftkit.features.batch import Batch
from ftkit.features.network import Network
from ftkit.features.pooling import pool
from ftkit.models.architecture import blocks
from ftkit.recipe import parse
from ftkit.tasks._sound_toy import write_sounds
from ftkit.tasks.audio_classification import AudioClassification

LENGTHS = (300, 1600, 2600)  # samples at 16 kHz; the first is less than a frame
HEARD = {
    "whisper": [1, 5, 9],  # of 13 positions of 320 samples, in a window of 0.26 s
    "ast": [2 + 4, 2 + 4 * 3, 2 + 4 * 5],  # two tokens, and four bands of patches of 640 samples
    "wav2vec2": [49, 199, 324],  # after the convolutions, of 400 samples at least
    "wav2vec2 without a mask": [49, 199, 324],
}

pytestmark = pytest.mark.usefixtures("own_cache")


def task(seconds: float = 0.26) -> AudioClassification:
    return AudioClassification(name="audio_classification", max_seconds=seconds)


def rows() -> list[dict[str, np.ndarray]]:
    rng = np.random.default_rng(0)
    return [{"wave": rng.normal(0, 0.1, length).astype(np.float32)} for length in LENGTHS]


@pytest.mark.parametrize("way", WAYS)
def test_padding_is_not_pooled_and_a_row_does_not_depend_on_its_companions(way: str, tmp_path: Path) -> None:
    base = base_that_hears(way, tmp_path / "base")
    ear = task().processor(base)
    network = Network(task().load(base))

    def pooled(some: list[dict[str, np.ndarray]]) -> tuple[torch.Tensor, list[int]]:
        inputs = task().collate(some, ear)
        with torch.no_grad():
            hidden = network(Batch(inputs))
        mask = network.mask(inputs, hidden)
        assert mask is not None and mask.shape == hidden.shape[:2]
        return pool(hidden, mask, "mean"), mask.sum(1).tolist()

    together, heard = pooled(rows())
    assert heard == HEARD[way]
    for row, alone in enumerate(rows()):
        assert torch.allclose(pooled([alone])[0][0], together[row], atol=2e-5), LENGTHS[row]


@pytest.mark.parametrize("way", WAYS)
def test_training_may_start_from_a_kept_prefix(way: str, tmp_path: Path) -> None:
    base = base_that_hears(way, tmp_path / "base")
    model = task().load(base).requires_grad_(False)
    blocks(model).modules[-1].requires_grad_(True)
    network = Network(model)
    assert network.depth == len(network.blocks) - 1 > 0
    assert network.doubt(task().collate(rows(), task().processor(base))) == ""


def test_whisper_hears_a_window_as_long_as_its_sounds_and_no_longer_than_it_can(tmp_path: Path) -> None:
    base = base_that_hears("whisper", tmp_path / "base")
    for seconds, positions in ((0.26, 13), (30.0, 50), (0.001, 1)):
        model: Any = task(seconds).load(base)
        inputs = task(seconds).collate(rows()[:1], task(seconds).processor(base))
        assert inputs["input_features"].shape == (1, 16, 2 * positions)
        assert model(input_features=inputs["input_features"]).last_hidden_state.shape[1] == positions
    whole, short = (task(seconds).load(base).embed_positions.weight for seconds in (1.0, 0.26))
    assert torch.equal(whole[:13], short)  # type: ignore[index]


@pytest.mark.parametrize("way", ["whisper", "wav2vec2"])
def test_a_network_that_trains_masks_nothing_and_leaves_out_no_block(way: str, tmp_path: Path) -> None:
    """Of its own accord wav2vec 2.0 masks spans of 60 positions here, which is more than there are."""
    base = base_that_hears(way, tmp_path / "base")
    config = json.loads((base.folder / "config.json").read_text()) | {"mask_time_prob": 0.9, "mask_time_length": 60}
    still = {key: 0.0 for key in config if key.endswith("dropout")} | {"layerdrop": 0.99, "encoder_layerdrop": 0.99}
    (base.folder / "config.json").write_text(json.dumps(config | still))
    model = task().load(base)
    inputs = task().collate(rows()[:1], task().processor(base))
    inputs.pop("pooling_mask", None)
    with torch.no_grad():
        scored, trained = (model.train(on)(**inputs).last_hidden_state for on in (False, True))
    assert torch.allclose(scored, trained, atol=1e-6)


def test_what_is_cut_and_how_it_is_heard_are_part_of_what_a_row_is_known_by(tmp_path: Path) -> None:
    base = base_that_hears("whisper", tmp_path / "base")
    write_sounds(tmp_path / "sounds", each=3)
    from ftkit.data.read import read
    from ftkit.recipe import Data

    table = read(str(tmp_path / "sounds"), Data(train="-"))
    found = {}
    for seconds in (0.1, 1.0):
        one = task(seconds).resolve(table)
        encoded = one.encode(one.parse(table, 1000, base=base).inputs, one.processor(base))
        found[seconds] = (encoded.truncated, encoded.rows.hashes[0])
    assert (found[0.1][0], found[1.0][0]) == (6, 0) and found[0.1][1] != found[1.0][1]
    assert AudioClassification(name="audio_classification").resolve(table).max_seconds == 1.0


def test_bases_that_hear_nothing_are_refused(tmp_path: Path) -> None:
    text = registry.load("tasks", "text_classification").toy(tmp_path)["base"]
    base = base_that_hears("whisper", tmp_path / "sound")
    with pytest.raises(InputError, match="takes no sound") as caught:
        task().processor(type(base)("toy", Path(text), "local", "", "folder"))
    assert "--base openai/whisper-tiny" in caught.value.hint
    config = json.loads((base.folder / "config.json").read_text()) | {"model_type": "speecht5"}
    (base.folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match="in a way that ftkit does not know"):
        task().processor(base)


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("way", WAYS)
def test_the_card_gives_equal_probabilities_without_ftkit(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = base_that_hears(way, tmp_path / "base")
    write_sounds(tmp_path / "sounds", each=8)
    tree = {
        "base": str(base.folder),
        "task": {"name": "audio_classification", "file": "file", "label": "label", "max_seconds": 0.35},
        "data": {"train": str(tmp_path / "sounds"), "folds": 0, "validation": "none"},
        "method": {"name": "lora", "layers": "last 1"},
        "train": {"epochs": 1},
    }
    run, _ = pipeline.run(parse(tree), lambda: folders.new_run_folder(tmp_path / "run", "toy", False))
    kept = pd.read_parquet(run / runs.PREDICTIONS)
    mine = kept[kept["predictor"] == "adapted"]
    names = pd.read_parquet(run / runs.ROWS).set_index("row_id")["input"]
    found = re.search(r"```python\n(.*?)```", (run / runs.CARD).read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None and "ftkit" not in found[1]
    monkeypatch.chdir(run)
    (run / "sound.wav").symlink_to(tmp_path / "sounds" / "tone" / "00.flac")
    space: dict[str, Any] = {}
    exec(found[1], space)
    paths = [str(tmp_path / "sounds" / names[row_id][0]) for row_id in mine["row_id"]]
    assert len(paths) >= 2
    np.testing.assert_allclose(space["predict"](paths).numpy(), np.stack(mine["scores"].to_list()), atol=2e-5)
