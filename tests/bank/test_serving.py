"""A bank that predicts: each row by its group's adapter, mixed in one pass, and an adapter as a folder of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from ftkit.bank import index, serving
from ftkit.bank.records import PROMOTED
from ftkit.bank.stage import FINAL
from ftkit.features.mixed import mixed
from ftkit.features.pooling import Pooling
from ftkit.verbs import banking


@pytest.fixture(scope="module")
def served(bank: Path) -> serving.Served:
    return serving.load(bank)


@pytest.fixture(scope="module")
def promoted(bank: Path) -> list[str]:
    with index.opened(bank / "index.sqlite") as found:
        names = [str(one.record.name) for one in found.all() if one.outcome == PROMOTED]
    assert names
    return names


TEXTS = [("a ripe apple and one pear",), ("hammer saw please",), ("bring the drill or the wrench today",)]


def test_mixed_rows_get_what_each_adapter_says_alone(served: serving.Served, promoted: list[str]) -> None:
    users = [*dict.fromkeys([*promoted, "user 7"]), "nobody", None]
    inputs = [text for text in TEXTS for _ in users]
    mixed_logits, used, _ = served.logits(inputs, users * len(TEXTS), lambda done: None)
    for user in users:
        alone, own, _ = served.logits(TEXTS, [user] * len(TEXTS), lambda done: None)
        here = [i for i, name in enumerate(users * len(TEXTS)) if name == user]
        assert np.allclose(mixed_logits[here], alone, atol=1e-5)
        assert [used[i] for i in here] == own
    assert used[: len(promoted)] == [serving.OWN] * len(promoted)
    assert used[len(users) - 2 : len(users)] == [serving.UNKNOWN] * 2
    stranger, _, _ = served.logits(TEXTS, [None] * 3, lambda done: None)
    own, _, _ = served.logits(TEXTS, [promoted[0]] * 3, lambda done: None)
    assert np.abs(stranger - own).max() > 0.05


@pytest.mark.parametrize("kind", ["mean", "first"])
def test_a_mixed_pass_has_the_gradients_of_separate_ones(
    served: serving.Served, promoted: list[str], kind: str
) -> None:
    """In float64, to 1e-9: what training several groups in one pass would rest on."""
    network = served.stage.network
    encoded = served.stage.recipe.task.encode(TEXTS, served.stage.processor)
    from ftkit.features.examples import Examples

    batch = Examples(served.stage.recipe.task, served.stage.processor, encoded.rows).batch(np.arange(3))
    start = served.stage.starts[FINAL].weights
    torch.manual_seed(0)
    names = list(network.trainable())
    network.backbone.double()
    try:
        several = [
            {name: (start[name].double() + torch.randn_like(start[name]).double()) for name in names} for _ in "abc"
        ]
        apart = [{name: one[name].clone().requires_grad_() for name in names} for one in several]
        stacked = {name: torch.stack([one[name] for one in several]).requires_grad_() for name in names}
        network.training(False)
        together = mixed(network, batch, stacked, torch.arange(3), Pooling(kind))
        together.pow(2).sum().backward()
        for i, one in enumerate(apart):
            own = network.pooled(batch, network(batch, one), Pooling(kind))[i]
            assert torch.allclose(own, together[i], atol=1e-9)
            own.pow(2).sum().backward()
            for name in names:
                assert torch.allclose(one[name].grad, stacked[name].grad[i], rtol=1e-9, atol=1e-9)
    finally:
        network.backbone.float()


def test_predict_keeps_the_table_and_says_whose_adapter_it_was(bank: Path, promoted: list[str], tmp_path: Path) -> None:
    table = pd.DataFrame(
        {"text": [TEXTS[0][0], TEXTS[1][0], "", TEXTS[0][0]], "user": [promoted[0], "nobody", "x", ""]}
    )
    table.to_csv(tmp_path / "new.csv", index=False)
    banking.predict(bank, str(tmp_path / "new.csv"), tmp_path / "out.csv", scores=True)
    found = pd.read_csv(tmp_path / "out.csv", keep_default_na=False)
    assert found["text"].tolist() == table["text"].tolist()
    assert found["adapter"].tolist() == ["own", serving.UNKNOWN, "", serving.UNKNOWN]
    assert set(found["prediction"]) <= {"fruit", "tool", ""}
    assert {"score.fruit", "score.tool"} <= set(found.columns)


def test_an_exported_adapter_is_plain_peft(
    bank: Path, served: serving.Served, promoted: list[str], tmp_path: Path
) -> None:
    from peft import PeftModel
    from safetensors.torch import load_file
    from transformers import AutoModel, AutoTokenizer

    out = banking.export(bank, promoted[0], tmp_path / "adapter")
    base = served.stage.one.base.folder
    model = PeftModel.from_pretrained(AutoModel.from_pretrained(base), str(out)).eval()
    head = load_file(out / "head.safetensors")
    tokens = AutoTokenizer.from_pretrained(base)([text for (text,) in TEXTS], padding=True, return_tensors="pt")
    with torch.no_grad():
        hidden = model(**tokens).last_hidden_state
    pooling = served.stage.starts[FINAL].pooling
    logits = pooling(hidden, tokens["attention_mask"]) @ head["weight"].T + head["bias"]
    ours, _, _ = served.logits(TEXTS, [promoted[0]] * 3, lambda done: None)
    assert np.allclose(logits.numpy(), ours, atol=1e-4)
