"""One number, or several, for a text or a pair of texts: a quantity, or a rating on a scale."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self, final

from pydantic import Field

from ftkit.errors import InputError
from ftkit.tasks import Encoded, Given, Guess, Snippet, _texts
from ftkit.tasks._backbone import backbone_of
from ftkit.tasks._valued import Valued

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import torch

    from ftkit.bases import Base
    from ftkit.data.table import Gold, Parsed, Table


@final
class TextRegression(Valued):
    """Texts in, numbers out, through an encoder or decoder of `AutoModel`."""

    text: str | list[str] = "auto"
    """column(s) of the text; several are joined, or taken as a pair"""
    combine: Literal["join", "pair"] = "join"
    """what several text columns become: one text, or two segments"""
    max_length: int = Field(256, ge=4)
    """tokens; what is longer is cut, and counted"""

    # ---- data ----

    @classmethod
    def recognise(cls, table: Table) -> Guess:
        """Fits a table with texts and a column of many different numbers; few whole ones may be ratings, or labels."""
        from ftkit.data.guess import guess_label, guess_number, guess_text

        texts = guess_text(table.frame)
        numbers = guess_number(table.frame, texts[0].column) if texts else []
        if not texts or not numbers:
            missing = "no column looks like text" if not texts else "no column looks like a number to predict"
            return Guess(0.0, {"text": texts[0].column} if texts else {}, missing)
        labels = guess_label(table.frame, texts[0].column)
        first = numbers[0]
        fields = {"text": texts[0].column, "label": first.column}
        why = f"text: {texts[0].why}; number: {first.why}"
        if first.ratings:
            instead = f"{first.column} holds whole numbers: --task text_regression predicts them as ratings on a scale"
            return Guess(0.3, fields, why, instead)
        worded = bool(labels) and labels[0].column not in {one.column for one in numbers}
        return Guess(0.3 if worded else 0.95, fields, why)

    def columns(self) -> dict[str, tuple[str, ...]]:
        """The text and number columns that the table must have."""
        named = {"task.text": self.text, "task.label": self.label}
        return {key: (value,) if isinstance(value, str) else tuple(value) for key, value in named.items()}

    def resolve(self, table: Table) -> Self:
        """Decide columns and scale from the training table, where they are `auto`."""
        task = self
        if "auto" in (self.text, self.label):
            guess = self.recognise(table)
            unknown = {key: value for key, value in guess.fields.items() if getattr(self, key) == "auto"}
            task = self.model_copy(update=unknown)
        for key in ("text", "label"):
            if getattr(task, key) == "auto":
                columns = ", ".join(map(str, table.frame.columns))
                raise InputError(f"{table.source}: which column is the {key}? It has {columns}", f"--{key} COLUMN")
        known = all(name in table.frame for name in task.targets_named)
        return task.model_copy(update={"scale": task.scale_of(table)}) if known else task

    def parse(self, table: Table, max_chars: int, labelled: bool = True, base: Base | None = None) -> Parsed:
        """Texts and numbers of every row; empty or oversized texts and what is no number are faults."""
        from ftkit.data.table import Parsed

        texts = _texts.inputs_of(table, self.text, self.combine)
        gold: list[Gold] = self.gold(table) if labelled else [None] * len(texts)
        missing = ["no number" if labelled and one is None else None for one in gold]
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

    def baselines(self, given: Given) -> dict[str, np.ndarray]:
        """Words and letters without pretraining."""
        from ftkit.tasks._lexical import tfidf_numbers

        texts = [" ".join(parts) for parts in given.inputs]
        read, asked = ([texts[i] for i in some] for some in (given.train, given.test))
        return {"tfidf": self.scores(tfidf_numbers(read, given.targets[given.train], asked))}

    def snippet(self, processor: Any) -> Snippet:
        """Texts through the tokenizer."""
        return _texts.snippet(self.text, self.combine, self.longest(processor))

    @classmethod
    def toy(cls, folder: Path) -> dict[str, Any]:
        """Twenty-four orders, whose price is that of their words, and a BERT of two blocks that knows these."""
        import csv

        prices = {"apple": 1.0, "pear": 2.5, "hammer": 18.0, "drill": 64.0}
        frames = ("one {0} please", "bring the {0} and a {1}", "a {1} with one {0} today")
        rows = []
        for i, first in enumerate(prices):
            for second in list(prices)[i % 2 :: 2]:
                for j, frame in enumerate(frames):
                    price = prices[first] + (prices[second] if j else 0.0)
                    rows.append((frame.format(first, second) + (" now" if first == second else ""), f"{price:g}"))
        with (folder / "toy.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("text", "label"), *rows])
        return {
            "base": _texts.toy_base(folder, [word for text, _ in rows for word in text.split()]),
            "task": {"name": "text_regression", "text": "text", "label": "label", "max_length": 16},
            "data": {"train": str(folder / "toy.csv"), "folds": 2},
        }
