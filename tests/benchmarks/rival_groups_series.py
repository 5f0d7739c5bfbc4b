"""A rival of banks of sensors: a loop over groups with `transformers.Trainer` + PEFT, which loads the source once.

The source is a run of `ftkit train --method full` on windows: a model folder, the scale of its channels and a head.
Of each group four fifths of the takes train an adapter, and the head with it; the others score it. The modules and the
rank are those of another adapter (`--like`), such as the general one of the bank that is held against this. All windows
are shaped before the first group, libraries are loaded by then, and nothing is scored or saved during training.

ftkit makes a general adapter first, which all groups start from, and one for each fold of the rows; of a group it makes
three, so that all of its rows are scored by one that has not seen them; it keeps what they make together, judges it
against the general one, and writes bank, predictions and page. With one group this is what a script that is started
for each group takes:

    python tests/benchmarks/rival_groups_series.py rest.parquet --by who --unit take --label label \\
        --base runs/source --like runs/bank/general/adapter --groups 10

Writes one JSON line: seconds of the processor and of the clock from the start of the process, and those of each group.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from peft import LoraConfig, get_peft_model
from rival_groups import TESTED, measured
from rival_trainer import settings
from safetensors.torch import load_file
from torch import nn
from transformers import AutoModel, PrinterCallback, Trainer, set_seed

PASSES = 2
"""of a bank's groups where weights of the base move; a guide has 3"""
Rows = list[dict[str, Any]]
"""of each window `pixel_values`, (channels, 1, points), and the number of its label"""


def arguments() -> argparse.Namespace:
    """Flags of the command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("rows", type=Path, help="Parquet file of windows, one a row, each channel a list")
    made.add_argument("--base", type=Path, required=True, help="finished run of the source")
    made.add_argument("--like", type=Path, required=True, help="PEFT folder whose modules and rank are taken")
    made.add_argument("--by", required=True, help="column of the groups")
    made.add_argument("--unit", required=True, help="column of what stays on one side")
    made.add_argument("--label", default="label", help="column of the labels")
    made.add_argument("--groups", type=int, default=10, help="how many of them, the first of the file")
    made.add_argument("--epochs", type=int, default=PASSES, help="passes over the training rows")
    made.add_argument("--batch", type=int, default=8, help="rows in one step")
    made.add_argument("--lr", type=float, default=2e-3, help="peak learning rate")
    made.add_argument("--threads", type=int, default=1, help="threads of arithmetic")
    made.set_defaults(by_length=False, precision="fp32", seed=0)
    return made.parse_args()


class Classifier(nn.Module):
    """The source with its head: transformers has no class for a head on the mean of a ViT's states."""

    def __init__(self, adapter: Path) -> None:
        super().__init__()
        about, head = json.loads((adapter / "head.json").read_text("utf-8")), load_file(adapter / "head.safetensors")
        if about["kind"] != "mean" or about["normalise"]:
            raise SystemExit(f"{adapter}: its head is not on the plain mean of states, and this script knows no other")
        self.backbone = AutoModel.from_pretrained(adapter, dtype=torch.float32, add_pooling_layer=False)
        self.scaling: dict[str, Any] = self.backbone.config.series
        self.labels: list[str] = about["labels"]
        self.classifier = nn.Linear(head["weight"].shape[1], len(self.labels))
        self.classifier.load_state_dict(head)

    def forward(self, pixel_values: torch.Tensor, labels: torch.Tensor | None = None) -> dict[str, torch.Tensor]:
        """(rows, channels, 1, points) → logits (rows, labels), and with `labels` their loss."""
        logits = self.classifier(self.backbone(pixel_values=pixel_values).last_hidden_state.mean(1))
        if labels is None:
            return {"logits": logits}
        return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}


def main() -> None:
    """Train and score an adapter for each group."""
    args = arguments()
    torch.set_num_threads(args.threads)
    set_seed(args.seed)
    base, like = Classifier(args.base / "adapter"), LoraConfig.from_pretrained(args.like)
    parts = groups(args, base)
    line = measured(one_group(args, copy.deepcopy(base), like, *part) for part in parts)
    trained, tested = (sum(len(part[side]) for part in parts) for side in (0, 1))
    sys.stdout.write(json.dumps(line | {"trained_rows": trained, "tested_rows": tested}) + "\n")


def groups(args: argparse.Namespace, base: Classifier) -> list[tuple[Rows, Rows]]:
    """Training and test rows of each of the first groups."""
    frame = pd.read_parquet(args.rows)
    frame = frame[frame[args.by].isin(frame[args.by].unique()[: args.groups])]
    windows = shaped(frame, base.scaling)
    rows = [
        {"pixel_values": one, "labels": base.labels.index(gold)}
        for one, gold in zip(windows, frame[args.label], strict=True)
    ]
    found = []
    for places in frame.groupby(args.by, sort=False).indices.values():
        late = held_out(frame[args.unit].iloc[places])
        found.append(([rows[i] for i in places[~late]], [rows[i] for i in places[late]]))
    return found


def held_out(units: pd.Series) -> np.ndarray:
    """Which of a group's rows are of its last units, one of five, and one at least."""
    late = units.unique()[-max(1, round(units.nunique() / TESTED)) :]
    return units.isin(late).to_numpy()


def shaped(frame: pd.DataFrame, scaling: dict[str, Any]) -> torch.Tensor:
    """(rows, channels, 1, points) float32: windows as the source is shown them, in its scale."""
    names = [name for name in frame if isinstance(frame[name].iloc[0], np.ndarray)]
    windows = np.stack([np.stack(frame[name].to_list()) for name in names], axis=1)
    if (scaling["channels"], scaling["points"], scaling["normalise"]) != (*windows.shape[1:], "channel"):
        raise SystemExit(f"the base takes {scaling}, and the windows are of another shape")
    offset, scale = (np.array(scaling[key])[:, None] for key in ("offset", "scale"))
    return torch.from_numpy(((windows - offset) / scale).astype(np.float32))[:, :, None]


def one_group(args: argparse.Namespace, model: Classifier, like: Any, train: Rows, test: Rows) -> list[bool]:
    """Which of a group's test rows are labelled rightly by an adapter that has learnt from its others."""
    config = LoraConfig(
        r=like.r, lora_alpha=like.lora_alpha, target_modules=like.target_modules, modules_to_save=["classifier"]
    )
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(get_peft_model(model, config), settings(args, folder), train_dataset=train)
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    model.eval()
    with torch.inference_mode():
        logits = model(torch.stack([row["pixel_values"] for row in test]))["logits"]
    found: list[bool] = (logits.argmax(-1) == torch.tensor([row["labels"] for row in test])).tolist()
    return found


if __name__ == "__main__":
    main()
