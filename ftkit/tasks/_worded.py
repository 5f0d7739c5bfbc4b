"""What tasks share whose rows are texts, or pairs of texts, and one answer to each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import Field

from ftkit.errors import InputError
from ftkit.tasks import Encoded, Task, _texts
from ftkit.tasks._backbone import backbone_of
from ftkit.tasks._snippet import Snippet

if TYPE_CHECKING:
    import numpy as np
    import torch

    from ftkit.bases import Base
    from ftkit.data.table import Gold, Parsed, Table


class Worded(Task):
    """Texts through an encoder or decoder of `AutoModel`; the other parent of a task says what the answers are."""

    text: str | list[str] = "auto"
    """column(s) of the text; several are joined, or taken as a pair"""
    combine: Literal["join", "pair"] = "join"
    """what several text columns become: one text, or two segments"""
    max_length: int = Field(256, ge=4)
    """tokens; what is longer is cut, and counted"""

    answer: ClassVar[str] = "label"
    """what a row without one lacks"""

    # ---- data ----

    def gold(self, table: Table) -> list[Gold]:
        """The answer to every row of a table; None where a row has none that can be read."""
        raise TypeError(f"{type(self).__name__} has no gold")

    def columns(self) -> dict[str, tuple[str, ...]]:
        """The text and label columns that the table must have."""
        named = {f"task.{key}": getattr(self, key) for key in ("text", "label")}
        return {key: (value,) if isinstance(value, str) else tuple(value) for key, value in named.items()}

    def with_columns(self, table: Table) -> Self:
        """A copy whose columns are decided from the training table, where they are `auto`."""
        keys = [key for key in ("text", "label") if getattr(self, key) == "auto"]
        if not keys:
            return self
        guess = self.recognise(table)
        task = self.model_copy(update={key: value for key, value in guess.fields.items() if key in keys})
        for key in keys:
            if getattr(task, key) == "auto":
                columns = ", ".join(map(str, table.frame.columns))
                raise InputError(f"{table.source}: which column is the {key}? It has {columns}", f"--{key} COLUMN")
        return task

    def parse(self, table: Table, max_chars: int, labelled: bool = True, base: Base | None = None) -> Parsed:
        """Texts and answers of every row; empty or oversized texts and missing answers are faults."""
        from ftkit.data.table import Parsed

        texts = _texts.inputs_of(table, self.text, self.combine)
        gold: list[Gold] = self.gold(table) if labelled else [None] * len(texts)
        missing = [f"no {self.answer}" if labelled and one is None else None for one in gold]
        faults = [_texts.fault_of(text, max_chars) or why for text, why in zip(texts, missing, strict=True)]
        kept = [text if fault is None else None for text, fault in zip(texts, faults, strict=True)]
        return Parsed(inputs=list(kept), gold=gold, faults=faults)

    # ---- model ----

    def processor(self, base: Base) -> Any:
        """The base's tokenizer."""
        return _texts.tokenizer_of(base)

    def load(self, base: Base) -> torch.nn.Module:
        """The bare backbone in fp32 and eval mode; of an encoder-decoder, the encoder."""
        return backbone_of(base)

    def encode(self, inputs: list[tuple[str, ...]], processor: Any) -> Encoded:
        """Token ids of each row, un-padded, with what was cut and what the tokenizer does not know."""
        return _texts.encode(inputs, processor, self.longest(processor))

    def longest(self, processor: Any) -> int:
        """Tokens at which a row is cut: the recipe's, or what the base has room for."""
        return int(min(self.max_length, processor.model_max_length))

    def collate(self, rows: list[dict[str, np.ndarray]], processor: Any) -> dict[str, torch.Tensor]:
        """A batch padded to its own longest row."""
        return _texts.collate(rows, processor)

    def snippet(self, processor: Any) -> Snippet:
        """Texts through the tokenizer."""
        return _texts.snippet(self.text, self.combine, self.longest(processor))
