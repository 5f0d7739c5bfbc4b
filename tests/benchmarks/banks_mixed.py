"""Rows of 100 groups labelled in mixed passes, against switching adapters group by group, with the packaged MiniLM.

They are switched by PEFT's `set_adapter`, and by ftkit's own pass, to which other weights are handed at no cost. The
bank is any that was made on MiniLM with LoRA; its general adapter, changed at random, stands for each group's:

    python tests/benchmarks/banks_mixed.py BANK texts.csv
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

GROUPS, TURNS = 100, 3


def main(bank: str, file: str) -> None:
    """Print a line of JSON for one and for four rows a group."""
    import pandas as pd

    from ftkit.bank import serving
    from ftkit.bank.stage import FINAL
    from ftkit.features.examples import Examples

    torch.set_num_threads(1)
    torch.manual_seed(0)
    served = serving.load(Path(bank))
    start = served.stage.starts[FINAL].weights
    adapters = [{name: one + 0.02 * torch.randn_like(one) for name, one in start.items()} for _ in range(GROUPS)]
    object.__setattr__(served, "adapter", lambda place: adapters[place])
    task, processor = served.stage.recipe.task, served.stage.processor
    texts = pd.read_csv(file, dtype=str)["text"].drop_duplicates().sample(4 * GROUPS, random_state=0)
    names = [f"{i:03}" for i in range(GROUPS)]
    known: Any = {name: i for i, name in enumerate(names)}
    peft = peft_model(served, adapters)
    for each in (1, 4):
        encoded = task.encode([(text,) for text in texts[: each * GROUPS]], processor)
        rows, whose = Examples(task, processor, encoded.rows), np.array(names * each)
        ways: dict[str, Callable[[], np.ndarray]] = {
            "mixed": lambda rows=rows, whose=whose: served._some(rows, whose.tolist(), known),  # type: ignore[misc]
            "switched": lambda rows=rows, whose=whose: _switched(served, rows, whose, known),  # type: ignore[misc]
            "peft": lambda rows=rows, whose=whose: _by_peft(peft, served, rows, whose, adapters),  # type: ignore[misc]
        }
        labels = {name: work().argmax(1) for name, work in ways.items()}
        turns = [{name: _seconds(work) for name, work in ways.items()} for _ in range(TURNS)]
        taken = {name: min(turn[name] for turn in turns) for name in ways}
        line: dict[str, float] = {"rows": each, "tokens": float(rows.lengths.mean())}
        line |= {f"{name}_s": seconds for name, seconds in taken.items()}
        line |= {f"times_{name}": taken[name] / taken["mixed"] for name in ("switched", "peft")}
        line |= {f"equal_{name}": float((labels["mixed"] == labels[name]).mean()) for name in ("switched", "peft")}
        sys.stdout.write(json.dumps({key: round(value, 3) for key, value in line.items()}) + "\n")


def peft_model(served: Any, adapters: list[dict[str, torch.Tensor]]) -> Any:
    """A PEFT model that holds all adapters, `a0` to `a99`."""
    from peft import PeftModel
    from transformers import AutoModel

    base = AutoModel.from_pretrained(str(served.stage.one.base.folder), dtype=torch.float32)
    folder = str(served.folder.general / "adapter")
    model = PeftModel.from_pretrained(base, folder, adapter_name="a0")
    for i in range(1, len(adapters)):
        model.add_adapter(f"a{i}", model.peft_config["a0"])
    own = dict(model.named_parameters())
    with torch.no_grad():
        for i, weights in enumerate(adapters):
            for name in served.stage.network.trainable():
                own[name.replace(".default.", f".a{i}.")].copy_(weights[name])
    return model.eval()


@torch.inference_mode()
def _by_peft(
    model: Any, served: Any, rows: Any, whose: np.ndarray, adapters: list[dict[str, torch.Tensor]]
) -> np.ndarray:
    """Logits, with `set_adapter` before the rows of each group."""
    from ftkit.bank.stage import BIAS, FINAL, WEIGHT

    pooling = served.stage.starts[FINAL].pooling
    out = np.zeros((len(rows), len(served.stage.labels)), dtype=np.float32)
    for i, weights in enumerate(adapters):
        mine = np.flatnonzero(whose == f"{i:03}")
        model.set_adapter(f"a{i}")
        batch = rows.batch(mine)
        hidden = model(**batch.inputs).last_hidden_state
        out[mine] = (pooling(hidden, batch.mask) @ weights[WEIGHT].T + weights[BIAS]).numpy()
    return out


@torch.no_grad()
def _switched(served: Any, rows: Any, whose: np.ndarray, known: dict[str, int]) -> np.ndarray:
    """Logits, one pass of the base for each group."""
    out = np.zeros((len(rows), len(served.stage.labels)), dtype=np.float32)
    for name, place in known.items():
        mine = np.flatnonzero(whose == name)
        stacked = {key: one[None] for key, one in served.adapter(place).items()}
        out[mine] = served._pass(rows, mine, stacked, np.zeros(len(mine), dtype=int)).numpy()
    return out


def _seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == "__main__":
    main(*sys.argv[1:])
