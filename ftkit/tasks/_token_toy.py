"""Sentences with marked words, small enough for a test to train on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ftkit.tasks._texts import toy_base


def sentences(folder: Path) -> dict[str, Any]:
    """Write twenty-four of them and a base that knows their words; the keys of a recipe for both."""
    kinds = {"fruit": ["apple", "pear", "plum", "red cherry"], "tool": ["hammer", "saw", "drill", "pipe wrench"]}
    frames = ("a ripe {0} and one {1}", "bring {0} or the {1} today", "{1} {0} please")
    rows = []
    for kind, names in kinds.items():
        other = next(one for one in kinds if one != kind)
        for i, name in enumerate(names):
            for j, frame in enumerate(frames):
                pair = ((name, kind), (kinds[other][(i + j) % 4], other))
                rows.append(_toy_row(frame, pair))
    lines = [json.dumps({"tokens": tokens, "tags": tags}) for tokens, tags in rows]
    (folder / "toy.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    toy_base(folder, sorted({word for tokens, _ in rows for word in tokens}))
    return {
        "base": str(folder / "base"),
        "task": {"name": "token_classification", "text": "tokens", "label": "tags", "max_length": 16},
        "data": {"train": str(folder / "toy.jsonl"), "folds": 2},
    }


def _toy_row(frame: str, pair: tuple[tuple[str, str], ...]) -> tuple[list[str], list[str]]:
    tokens, tags = [], []
    for word in frame.split():
        name, kind = pair[int(word[1])] if word.startswith("{") else (word, "")
        parts = name.split()
        tokens += parts
        tags += [f"{'I' if i else 'B'}-{kind}" if kind else "O" for i in range(len(parts))]
    return tokens, tags
