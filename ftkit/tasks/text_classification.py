"""One label, or several, for a text or a pair of texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, final

from ftkit.tasks import Given, Guess, _texts
from ftkit.tasks._labelled import Labelled
from ftkit.tasks._worded import Worded

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from ftkit.data.table import Table


@final
class TextClassification(Labelled, Worded):
    """Texts in, label probabilities out, through an encoder or decoder of `AutoModel`."""

    # ---- data ----

    @classmethod
    def recognise(cls, table: Table) -> Guess:
        """Fits a table with a column of texts and a column of few, repeated values."""
        from ftkit.data.guess import guess_label, guess_text

        texts = guess_text(table.frame)
        labels = guess_label(table.frame, texts[0].column) if texts else []
        if not texts or not labels:
            missing = "no column looks like text" if not texts else "no column looks like a label"
            return Guess(0.0, {"text": texts[0].column} if texts else {}, missing)
        fields = {"text": texts[0].column, "label": labels[0].column}
        return Guess(0.9, fields, f"text: {texts[0].why}; label: {labels[0].why}")

    def resolve(self, table: Table) -> Self:
        """Decide columns and multi-label from the training table, where they are `auto`."""
        return self.with_columns(table).with_kind(table)

    # ---- baselines ----

    def baselines(self, given: Given) -> dict[str, np.ndarray]:
        """Words and letters without pretraining."""
        from ftkit.tasks._lexical import tfidf

        texts = [" ".join(parts) for parts in given.inputs]
        read, asked = ([texts[i] for i in some] for some in (given.train, given.test))
        return {"tfidf": tfidf(read, given.targets[given.train], given.labels, asked, given.balanced)}

    @classmethod
    def toy(cls, folder: Path) -> dict[str, Any]:
        """Twenty-four sentences on fruit and tools, and a BERT of two blocks that knows their words."""
        import csv

        kinds = {"fruit": ["apple", "pear", "plum", "cherry"], "tool": ["hammer", "saw", "drill", "wrench"]}
        frames = ("a ripe {0} and one {1}", "bring the {0} or the {1} today", "{0} {1} please")
        rows = []
        for label, words in kinds.items():
            for i, word in enumerate(words):
                rows += [(frame.format(word, words[(i + j) % 4]), label) for j, frame in enumerate(frames)]
        with (folder / "toy.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("text", "label"), *rows])
        base = _texts.toy_base(folder, [word for text, _ in rows for word in text.split()])
        return {
            "base": base,
            "task": {"name": "text_classification", "text": "text", "label": "label", "max_length": 16},
            "data": {"train": str(folder / "toy.csv"), "folds": 2},
        }
