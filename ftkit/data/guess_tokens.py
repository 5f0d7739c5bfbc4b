"""Which columns of a table hold tokens and their tags."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd

from ftkit.data.tags import is_tag

SAMPLE = 200  # rows that are looked at
SURE = 0.9  # of them, that must look the part
NAMES = ("tokens", "words", "text", "sentence")
"""what a column of tokens is often called; earlier ones first"""


def as_list(cell: Any) -> list[str] | None:
    """The items of a cell that is a list, a text of a JSON list, or a text of items with blanks between; else None."""
    if isinstance(cell, str):
        text = cell.strip()
        if not text.startswith("["):
            return text.split()
        try:
            cell = json.loads(text)
        except ValueError:
            return text.split()
    if not isinstance(cell, list | tuple | np.ndarray):
        return None
    return [item if isinstance(item, str) else str(item) for item in cell]


def guess_tokens(frame: pd.DataFrame) -> tuple[str, str] | None:
    """The columns of tokens and of tags; None where there are none."""
    sample = frame.head(SAMPLE)
    lists = {str(name): [as_list(cell) or [] for cell in sample[name]] for name in sample.columns}
    tags = [name for name, cells in lists.items() if _are_tags(cells)]
    if not tags:
        return None
    chosen = next((name for name in tags if "tag" in name.lower() or "ner" in name.lower()), tags[-1])
    lengths = [len(cell) for cell in lists[chosen]]
    alike = [
        name
        for name, cells in lists.items()
        if name not in tags
        and sum(len(cell) == length for cell, length in zip(cells, lengths, strict=True)) >= SURE * len(lengths)
        and any(length > 1 for length in lengths)
    ]
    if not alike:
        return None
    return min(alike, key=lambda name: NAMES.index(name.lower()) if name.lower() in NAMES else len(NAMES)), chosen


def _are_tags(cells: list[list[str]]) -> bool:
    """Whether nearly all cells hold tags, and some of them spans."""
    good = sum(bool(cell) and all(map(is_tag, cell)) for cell in cells)
    spans = any(item[:2] in ("B-", "I-", "S-", "U-") for cell in cells for item in cell)
    return spans and good >= SURE * len(cells) > 0
