"""Random weights as a base: the same for the same config and seed, and refused where they make no model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ftkit import bases, environment
from ftkit.errors import Faults, InputError
from ftkit.recipe import parse
from ftkit.recipe.random import Random

TINY: dict[str, Any] = {
    "model_type": "bert",
    "vocab_size": 20,
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "max_position_embeddings": 16,
}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FTKIT_CACHE", str(tmp_path / "cache"))


def tree(base: Any) -> dict[str, Any]:
    return {"base": base, "task": "text_classification", "data": {"train": "x.csv"}, "method": "full"}


def test_config_and_seed_decide_the_weights(tmp_path: Path) -> None:
    one, same, other = (bases.resolve(Random(config=TINY), seed) for seed in (0, 0, 1))
    assert one == same and one.sha256 != other.sha256 and one.folder != other.folder
    assert (one.kind, one.name, one.run) == ("random", "random weights (bert)", None)
    wider = bases.resolve(Random(config=TINY | {"hidden_size": 32}), 0)
    assert wider.sha256 != one.sha256
    assert not list((environment.cache_folder() / "random").glob(".drawn-*")), "nothing half-made is left"
    (one.folder / "model.safetensors").unlink()
    again = bases.resolve(Random(config=TINY), 0)
    assert again.sha256 == one.sha256, "drawn again, they are the same"


def test_drawing_leaves_the_random_stream_alone() -> None:
    import torch

    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    bases.resolve(Random(config=TINY), 3)
    assert torch.equal(torch.rand(3), expected)


def test_a_folder_gives_its_config_and_its_tokenizer(tmp_path: Path) -> None:
    folder = tmp_path / "plan"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(TINY), encoding="utf-8")
    (folder / "tokenizer.json").write_text("{}", encoding="utf-8")
    (folder / "pytorch_model.bin").write_bytes(b"never read")
    base = bases.resolve(Random(config=str(folder)), 0)
    assert sorted(path.name for path in base.folder.iterdir()) == ["config.json", "model.safetensors", "tokenizer.json"]
    assert base.sha256 == bases.resolve(Random(config=TINY), 0).sha256


@pytest.mark.parametrize(
    ("config", "what"),
    [
        ({"hidden_size": 4}, "names no model_type"),
        ({"model_type": "nothing_of_that_name"}, "transformers cannot build it"),
        (TINY | {"num_attention_heads": 3}, "transformers cannot build it"),
        ("/no/such/folder", "no config.json can be read there"),
    ],
)
def test_what_makes_no_model_is_refused(config: Any, what: str) -> None:
    with pytest.raises(InputError, match=what):
        bases.resolve(Random(config=config), 0)


def test_recipes_say_it_and_read_it_back(tmp_path: Path) -> None:
    recipe = parse(tree({"config": TINY}))
    assert recipe.base == Random(config=TINY) and recipe.start == "random weights (bert)"
    (tmp_path / "recipe.yaml").write_text(recipe.to_yaml(), encoding="utf-8")
    from ftkit.recipe import read

    assert read(tmp_path / "recipe.yaml").base == recipe.base
    wider = parse(tree({"config": TINY}), [("base.config.hidden_size", "32")])
    assert wider.base == Random(config=TINY | {"hidden_size": 32})
    assert parse(tree({"config": TINY}), [("base", "minilm")]).base == "minilm"


def test_faults_of_the_block_are_named() -> None:
    with pytest.raises(Faults) as caught:
        parse(tree({"confg": TINY}))
    assert {fault.what for fault in caught.value.faults} >= {"base.confg: unknown key"}


def test_paths_of_a_config_are_relative_to_the_recipe(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(
        "base: {config: plan}\ntask: text_classification\ndata: {train: x.csv}\nmethod: full\n", encoding="utf-8"
    )
    from ftkit.recipe import read

    assert read(tmp_path / "recipe.yaml").base == Random(config=str(tmp_path / "plan"))


def test_the_default_base_is_the_tasks(tmp_path: Path) -> None:
    plain = {"data": {"train": "x.csv"}, "method": "full"}
    assert parse(plain | {"task": "text_classification"}).base == "minilm"
    assert parse(plain | {"task": "series_classification"}).start == "random weights (vit)"
