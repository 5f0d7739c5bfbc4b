"""A task's part of the model card's Python, which loads a run without ftkit."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Snippet:
    """What a task adds to the Python of the model card, which loads a run without ftkit."""

    imports: tuple[str, ...]
    """lines, beside those of json, pathlib, torch, safetensors and `AutoModel`"""
    setup: tuple[str, ...]
    """lines after `BASE` is known: what turns rows into a batch"""
    arguments: str
    """of `predict`, such as `texts`"""
    rows: str
    """what they are, in its docstring"""
    batch: tuple[str, ...]
    """lines that make `batch`, the arguments of the model, from them"""
    example: str
    """arguments of a call, in Python"""
    model: tuple[str, ...] = ()
    """lines after `model` is loaded, where only a part of it is used, or a shorter one"""
    merged: bool = False
    """whether adapters are merged into the model before it is used"""
    masked: bool = True
    """whether there is a `mask` for the positions of the model's last hidden states"""
    mask: str = 'batch["attention_mask"]'
    """(rows, positions) of 0 and 1, in Python"""
    states: str = ""
    """a line that brings `hidden` into the shape (rows, positions, width) where the model gives another"""
    counts: str = ""
    """how many of the batch's pictures are of each row, in Python, where rows are several"""
    last: tuple[str, ...] = ()
    """what `predict` gives, for its docstring, and its last lines, where that is not what logits of the kind come to"""
    predict: tuple[str, ...] = ()
    """all lines from `predict` on, where it gives more than one row of probabilities for each input"""
