"""Pairs of tagged sentences: names in texts on politics, then names of other kinds in texts on other things."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pandas as pd
from pairs import Pair, Rows

LORA = {"method.name": "lora", "method.layers": "all"}
"""in place of `auto`, and with a set number of passes: choosing would cost six times as much"""
TARGETS = ("music", "ai", "literature", "science")


def domains(data: Path, repetition: int, target: str) -> Rows:
    """Sentences on politics, training and development part; of the target its official training and test part."""
    source = pd.concat([_sentences(data, "politics", part) for part in ("train", "dev")], ignore_index=True)
    return Rows(source, _sentences(data, target, "train"), _sentences(data, target, "test"))


def _sentences(data: Path, domain: str, part: str) -> pd.DataFrame:
    lines = (data / "crossner_en" / f"{domain}_{part}.jsonl").read_text(encoding="utf-8").splitlines()
    return pd.DataFrame([json.loads(line) for line in lines])[["tokens", "ner_tags"]]


def _pair(target: str) -> Pair:
    return Pair(
        name=f"names: politics → {target}",
        about="741 sentences on politics",
        rows=partial(domains, target=target),
        per_label=None,
        changes={
            "task.name": "token_classification",
            "task.text": "tokens",
            "task.label": "ner_tags",
            "task.max_length": 128,
            "train.batch": 8,
        },
        source=LORA | {"base": "minilm", "train.epochs": 3},
        target=LORA | {"train.epochs": 10, "data.validation": "none"},
    )


PAIRS = tuple(_pair(target) for target in TARGETS)
