"""One number, or several, for a text or a pair of texts: a quantity, or a rating on a scale."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self, final

from ftkit.tasks import Given, Guess, _texts
from ftkit.tasks._valued import Valued
from ftkit.tasks._worded import Worded

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from ftkit.data.table import Table


@final
class TextRegression(Valued, Worded):
    """Texts in, numbers out, through an encoder or decoder of `AutoModel`."""

    answer: ClassVar[str] = "number"

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

    def resolve(self, table: Table) -> Self:
        """Decide columns and scale from the training table, where they are `auto`."""
        task = self.with_columns(table)
        known = all(name in table.frame for name in task.targets_named)
        return task.model_copy(update={"scale": task.scale_of(table)}) if known else task

    # ---- baselines ----

    def baselines(self, given: Given) -> dict[str, np.ndarray]:
        """Words and letters without pretraining."""
        from ftkit.tasks._lexical import tfidf_numbers

        texts = [" ".join(parts) for parts in given.inputs]
        read, asked = ([texts[i] for i in some] for some in (given.train, given.test))
        return {"tfidf": self.scores(tfidf_numbers(read, given.targets[given.train], asked))}

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
