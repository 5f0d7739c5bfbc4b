"""What is said to train is what trains."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ftkit import registry
from ftkit.models.assembly import assemble
from ftkit.models.moving import moving
from ftkit.recipe import parse
from ftkit.reports.text import check_lines
from ftkit.verbs.checking import check

TASKS = ["text_classification", "image_classification"]


@pytest.mark.parametrize("task", TASKS)
def test_each_method_says_its_blocks_modules_and_weights(task: str, tmp_path: Path) -> None:
    tree = registry.load("tasks", task).toy(tmp_path)

    def said(method: Any) -> list[dict[str, Any]]:
        return moving(parse(tree | {"method": method}))

    (head,), (full,) = said("head"), said("full")
    assert (head["weights"], head["blocks"], head["modules"]) == (0, [], [])
    assert full["weights"] == full["of"] and full["blocks"] == [1, 2] and full["outside"]
    (lora,) = said({"name": "lora", "layers": "last 1", "rank": 4})
    ends = {name.rpartition(".")[2] for name in lora["modules"]}
    assert ends in ({"query", "value"}, {"q_proj", "v_proj"}) and lora["blocks"] == [2] and not lora["outside"]
    network = assemble(parse(tree | {"method": {"name": "lora", "layers": "last 1", "rank": 4}})).network
    assert lora["weights"] == sum(p.numel() for p in network.trainable().values()) == 2 * 2 * 4 * 32
    assert [one["method"] for one in said("auto")] == ["head", "lora, last 2 blocks", "lora, all blocks", "full"]


def test_check_says_it_in_a_line(tmp_path: Path) -> None:
    tree = registry.load("tasks", "image_classification").toy(tmp_path)
    lines = check_lines(check(parse(tree | {"method": {"name": "lora", "layers": "last 1"}})))
    (line,) = [line for line in lines if line.startswith("trains, ")]
    assert line.startswith("trains, lora, last 1 block: attention.q_proj, attention.v_proj in 1 of 2 blocks")
    assert "1,024 weights" in line
