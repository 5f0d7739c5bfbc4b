"""What is read off a backbone when it is put together, held against what the backbone does."""

from __future__ import annotations

import pytest
import torch
from architectures import ARCHITECTURES, tokens

from ftkit.features.batch import Batch
from ftkit.features.network import Network
from ftkit.models.assembly import causal

TEXT = [name for name, one in ARCHITECTURES.items() if one.inputs is tokens]


@torch.no_grad()
def looks_ahead(name: str) -> bool:
    """Whether the first position changes with the second one."""
    inputs = tokens(1)
    ids = inputs["input_ids"].clone()
    ids[0, 1] = 3 + (ids[0, 1] - 2) % 40
    other = {**inputs, "input_ids": ids}
    network = Network(ARCHITECTURES[name].build())
    return not torch.equal(network(Batch(inputs))[0, 0], network(Batch(other))[0, 0])


@pytest.mark.parametrize("name", TEXT)
def test_what_is_called_causal_does_not_look_ahead(name: str) -> None:
    assert causal(ARCHITECTURES[name].build()) is not looks_ahead(name)


def test_there_are_models_of_both_kinds() -> None:
    kinds = {name: looks_ahead(name) for name in TEXT}
    assert sum(kinds.values()) >= 8 and len(kinds) - sum(kinds.values()) >= 5
