"""The map of a bank's adapters: exact without any product being made, and alike stands by alike."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

from ftkit import runs
from ftkit.bank import similarity


def adapters(count: int, seed: int = 0) -> list[dict[str, torch.Tensor]]:
    chance = torch.Generator().manual_seed(seed)
    shapes = {"q.lora_A.default.weight": (2, 7), "q.lora_B.default.weight": (5, 2), "head.weight": (3, 5)}
    shapes |= {"head.bias": (3,)}
    return [{name: torch.randn(shape, generator=chance) for name, shape in shapes.items()} for _ in range(count)]


def test_inner_products_are_those_of_the_changes_themselves() -> None:
    some = adapters(4)
    flat = np.stack(
        [
            np.concatenate(
                [
                    2.0 * (one["q.lora_B.default.weight"] @ one["q.lora_A.default.weight"]).flatten().numpy(),
                    one["head.weight"].flatten().numpy(),
                    one["head.bias"].numpy(),
                ]
            )
            for one in some
        ]
    )
    found = similarity.products(some, 2.0)
    assert np.allclose(found, flat @ flat.T, rtol=1e-5)
    places, shares = similarity.components(found) or (np.zeros(0), (0.0, 0.0))
    _, values, axes = np.linalg.svd(flat - flat.mean(0), full_matrices=False)
    assert np.allclose(np.abs(places), np.abs((flat - flat.mean(0)) @ axes[:2].T), atol=1e-4)
    assert np.allclose(shares, (values**2 / (values**2).sum())[:2], atol=1e-6)


def test_factors_that_come_to_the_same_stand_at_one_place_and_what_all_share_moves_nobody() -> None:
    some = adapters(3)
    turned = dict(some[0])
    turned["q.lora_A.default.weight"] = 4.0 * some[0]["q.lora_A.default.weight"]
    turned["q.lora_B.default.weight"] = some[0]["q.lora_B.default.weight"] / 4.0
    places, _ = similarity.components(similarity.products([*some, turned], 1.0)) or (np.zeros(0), None)
    assert np.allclose(places[0], places[3], atol=1e-4) and np.abs(places[0] - places[1]).max() > 0.5
    moved = [one | {"head.weight": one["head.weight"] + 3.0} for one in [*some, turned]]
    again, _ = similarity.components(similarity.products(moved, 1.0)) or (np.zeros(0), None)
    assert np.allclose(places, again, atol=1e-3)


def test_adapters_that_are_all_the_same_have_no_map() -> None:
    assert similarity.components(similarity.products(adapters(1) * 3, 1.0)) is None


def test_the_halves_of_a_bank_stand_apart(bank: Path) -> None:
    """Users 0 to 3 label the other way round."""
    report = json.loads((bank / runs.REPORT).read_text())
    found = report["map"]
    promoted = {one["group"]: one["expected"] for one in report["groups"] if one["outcome"] == "promoted"}
    assert {one["group"]: one["expected"] for one in found["points"]} == promoted and found["of"] == len(promoted) >= 3
    assert 0 < found["shares"][1] <= found["shares"][0] <= 1
    place = {one["group"]: np.array([one["x"], one["y"]]) for one in found["points"]}
    others = [place[name] for name in place if int(name.split()[1]) < 4]
    same = [place[name] for name in place if int(name.split()[1]) >= 4]
    assert others and same
    within = max(float(np.linalg.norm(one - np.mean(others, axis=0))) for one in others)
    assert np.linalg.norm(np.mean(others, axis=0) - np.mean(same, axis=0)) > within
    assert 'id="map"' in (bank / "bank.html").read_text()
