"""A tag for each token of a sentence, such as where names begin and end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, final

import numpy as np
from pydantic import Field

from ftkit.errors import InputError
from ftkit.tasks import NO_PIECE, NO_TOKEN, PIECES, Encoded, Given, Guess, Task
from ftkit.tasks._backbone import backbone_of
from ftkit.tasks._snippet import Snippet
from ftkit.tasks._texts import collate, known_pieces, tokenizer_of, unpadded

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from ftkit.bases import Base
    from ftkit.data.table import Gold, Parsed, Table
    from ftkit.metrics import Scored

UNKNOWN = "(not in training)"
TOO_MANY = 5_000  # tokens of a row: that is no sentence


@final
class TokenClassification(Task):
    """Tokens in, spans out: the hidden state of a token's first piece, and one linear head for all tokens."""

    text: str = "auto"
    """column of the tokens, a list in each cell (or a text that blanks cut into tokens)"""
    label: str = "auto"
    """column of the tags, one for each token"""
    scheme: Literal["auto", "bio", "bioes", "bilou", "iob1"] = "auto"
    """how spans are written; they are learned as BIO, and predictions are written as they were read"""
    max_length: int = Field(256, ge=4)
    """pieces; tokens beyond get no prediction, which are counted, and O"""

    default_metrics: ClassVar[tuple[str, ...]] = ("span_f1", "token_accuracy")
    row_metric: ClassVar[str] = "row_span_f1"
    loss_metric: ClassVar[str] = "token_log_loss"

    @property
    def kind(self) -> str:
        """`tags`."""
        return "tags"

    # ---- data ----

    @classmethod
    def recognise(cls, table: Table) -> Guess:
        """Fits a table with a column of lists of tokens, and one of as many tags."""
        from ftkit.data.guess_tokens import guess_tokens

        found = guess_tokens(table.frame)
        if found is None:
            return Guess(0.0, {}, "no column holds lists of tags beside lists of as many tokens")
        tokens, tags = found
        return Guess(0.95, {"text": tokens, "label": tags}, f"{tags} holds a tag for each token of {tokens}")

    def columns(self) -> dict[str, tuple[str, ...]]:
        """The columns that the table must have."""
        return {"task.text": (self.text,), "task.label": (self.label,)}

    def resolve(self, table: Table) -> Self:
        """Decide columns and scheme from the training table, where they are `auto`."""
        from ftkit.data import tags as schemes
        from ftkit.data.guess_tokens import as_list

        task = self
        if "auto" in (self.text, self.label):
            guess = self.recognise(table)
            task = self.model_copy(update={k: v for k, v in guess.fields.items() if getattr(self, k) == "auto"})
        for key, what in (("text", "tokens"), ("label", "tags")):
            if getattr(task, key) == "auto":
                columns = ", ".join(map(str, table.frame.columns))
                asked = f"{table.source}: which column holds the {what}, a list in each cell? It has {columns}"
                raise InputError(asked, f"--{key} COLUMN")
        if task.scheme == "auto" and task.label in table.frame:
            rows = [as_list(cell) or [] for cell in table.frame[task.label]]
            found = schemes.scheme_of([row for row in rows if all(map(schemes.is_tag, row))])
            task = task.model_copy(update={"scheme": found})
        return task

    def parse(self, table: Table, max_chars: int, labelled: bool = True, base: Base | None = None) -> Parsed:
        """Tokens and tags of every row; tags of any scheme become BIO, and what was mended is counted."""
        from ftkit.data import tags as schemes
        from ftkit.data.guess_tokens import as_list
        from ftkit.data.table import Parsed

        scheme = "bio" if self.scheme == "auto" else self.scheme
        tokens = [as_list(cell) for cell in table.frame[self.text]]
        marks = [as_list(cell) for cell in table.frame[self.label]] if labelled else [None] * len(tokens)
        faults = [
            _fault(some, max_chars) or (_mismatch(some or [], given) if labelled else None)
            for some, given in zip(tokens, marks, strict=True)
        ]
        mended = Counter[str]()
        gold: list[Gold] = []
        for given, fault in zip(marks, faults, strict=True):
            found, reasons = schemes.mended(given, scheme) if given and fault is None else (None, Counter[str]())
            gold.append(found)
            mended += reasons
        kept = [None if fault else tuple(some or ()) for some, fault in zip(tokens, faults, strict=True)]
        return Parsed(inputs=list(kept), gold=gold, faults=faults, mended=mended)

    # ---- model ----

    def processor(self, base: Base) -> Any:
        """The base's tokenizer, ready for texts that are cut into tokens already."""
        tokenizer = tokenizer_of(base)
        if not tokenizer.is_fast:
            raise InputError(f"{base.name}: its tokenizer does not say which piece is of which token", "another --base")
        if hasattr(tokenizer, "add_prefix_space") and not tokenizer.add_prefix_space:  # RoBERTa's kin
            tokenizer = tokenizer_of(base, add_prefix_space=True)
        return tokenizer

    def load(self, base: Base) -> torch.nn.Module:
        """The bare backbone in fp32 and eval mode; of an encoder-decoder, the encoder."""
        return backbone_of(base)

    def encode(self, inputs: list[tuple[str, ...]], processor: Any) -> Encoded:
        """Piece ids of each row, and `pieces`: where the first piece of each token stands, or `NO_PIECE`."""
        if not inputs:
            return Encoded([], 0, 0, 0)
        longest = self.longest(processor)
        batch = processor(
            [list(tokens) for tokens in inputs], is_split_into_words=True, truncation=True, max_length=longest
        )
        rows = unpadded(batch)
        cut = unseen = 0
        for number, (row, tokens) in enumerate(zip(rows, inputs, strict=True)):
            first = np.full(len(tokens), NO_PIECE, dtype=np.int64)
            for place, token in reversed(list(enumerate(batch.word_ids(number)))):
                if token is not None:
                    first[token] = place
            row[PIECES] = first
            unseen += int((first == NO_PIECE).sum())
            cut += bool(batch.encodings[number].overflowing)
        return Encoded(rows, cut, *known_pieces(rows, processor), unseen=unseen)

    def longest(self, processor: Any) -> int:
        """Pieces at which a row is cut: the recipe's, or what the base has room for."""
        return int(min(self.max_length, processor.model_max_length))

    def collate(self, rows: list[dict[str, np.ndarray]], processor: Any) -> dict[str, torch.Tensor]:
        """A batch padded to its own longest row.

        >>> collate([{"input_ids": [2, 5, 6, 3], "pieces": [1, 2]}, {"input_ids": [2, 7, 3], "pieces": [1]}])
        {"input_ids": [[2, 5, 6, 3], [2, 7, 3, pad]], "pieces": [[1, 2], [1, -2]]}  # tensors in fact
        """
        return collate(rows, processor)

    def names(self, gold: Iterable[Gold]) -> tuple[str, ...]:
        """Begin and inside of every type of the training rows, and outside, sorted."""
        from ftkit.data.gold import labels_of
        from ftkit.data.tags import classes

        return classes({kind for item in gold for kind in labels_of(item)})

    def targets(self, gold: list[Gold], labels: tuple[str, ...]) -> np.ndarray:
        """(rows, tokens) int64: the tag's place, -1 for one that training lacks, `NO_TOKEN` where there is no token."""
        place = {label: i for i, label in enumerate(labels)}
        block = np.full((len(gold), max((len(tags or ()) for tags in gold), default=0)), NO_TOKEN, dtype=np.int64)
        for i, tags in enumerate(gold):
            block[i, : len(tags or ())] = [place.get(str(tag), -1) for tag in tags or ()]
        return block

    def loss(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Cross-entropy of each row, the mean over its tokens with a known tag: (rows,).

        So a row's loss does not depend on the rows beside it, and a batch may be run in parts; tokens of long
        sentences count a little less than those of short ones.
        """
        import torch
        from torch.nn import functional

        targets = targets[:, : logits.shape[1]]
        known = targets >= 0
        each = torch.zeros(targets.shape, dtype=logits.dtype, device=logits.device)
        each[known] = functional.cross_entropy(logits[known], targets[known], reduction="none")
        return each.sum(dim=1) / known.sum(dim=1).clamp(min=1)

    def scores(self, logits: np.ndarray) -> np.ndarray:
        """Probabilities in float64, (rows,) objects of (tokens, labels)."""
        return np.fromiter(map(_softmax, logits), dtype=object, count=len(logits))

    def scored(self, targets: np.ndarray, scores: np.ndarray, labels: tuple[str, ...]) -> Scored:
        """Tags beside tags; neighbouring tokens whose tag training lacks are a span of a type of its own."""
        from ftkit.metrics import Scored

        names = np.array([*labels, f"I-{UNKNOWN}"], dtype=object)  # place -1 is the last
        gold = [tuple(names[row[: len(one)]]) for row, one in zip(targets, scores, strict=True)]
        said = self.decode(scores, labels)
        true, guessed = (np.fromiter(rows, dtype=object, count=len(scores)) for rows in (gold, said))
        return Scored(labels, true, guessed, scores)

    def decode(self, scores: np.ndarray, labels: tuple[str, ...]) -> list[Gold]:
        """The likeliest valid sequence of tags of each row."""
        from ftkit.tasks._spans import best_path

        return [best_path(row, labels) for row in scores]

    def cell(self, gold: Gold) -> Any:
        """The tags as a list, written as the training rows were."""
        from ftkit.data.tags import written

        return list(written(_tags(gold), "bio" if self.scheme == "auto" else self.scheme))

    def confidence(self, scores: np.ndarray) -> np.ndarray:
        """(rows,) of the least certain token."""
        return np.array([row.max(axis=1).min() for row in scores])

    # ---- baselines and pages ----

    def constants(self, given: Given) -> dict[str, np.ndarray]:
        """Label shares of the training tokens for every token."""
        gold = given.targets[given.train]
        shares = np.bincount(gold[gold >= 0], minlength=given.labels) / max(1, int((gold >= 0).sum()))
        rows = (np.tile(shares, (len(given.inputs[row]), 1)) for row in given.test)
        return {"majority": np.fromiter(rows, dtype=object, count=len(given.test))}

    def baselines(self, given: Given) -> dict[str, np.ndarray]:
        """Words, shapes and what is around them, without pretraining."""
        from ftkit.tasks._shapes import token_shapes

        return {"token_shapes": token_shapes(given.inputs, given.targets, given.train, given.test, given.labels)}

    def show(
        self, input: tuple[str, ...], row: dict[str, np.ndarray], processor: Any, answer: tuple[Gold, Gold]
    ) -> str:
        """The sentence twice: with the spans of gold, and with the predicted ones."""
        from ftkit.tasks._marked import compared

        gold, prediction = answer
        return compared(input, _tags(gold), _tags(prediction))

    def snippet(self, processor: Any) -> Snippet:
        """Tokens through the tokenizer; each is judged by its first piece."""
        from ftkit.tasks._token_snippet import lines

        return lines(self.longest(processor))

    @classmethod
    def toy(cls, folder: Path) -> dict[str, Any]:
        """Twenty-four sentences with fruit and tools in them, and a BERT of two blocks that knows their words."""
        from ftkit.tasks._token_toy import sentences

        return sentences(folder)


def _tags(gold: Gold) -> tuple[str, ...]:
    return tuple(map(str, gold or ()))


def _softmax(logits: np.ndarray) -> np.ndarray:
    """(tokens, labels) probabilities; 0 for tokens that the base is not shown, whose logits are all minus infinity."""
    from scipy.special import softmax

    seen = np.isfinite(logits).any(axis=1)
    scores = np.zeros(logits.shape, dtype=np.float64)
    scores[seen] = softmax(logits[seen].astype(np.float64), axis=1)
    return scores


def _fault(tokens: list[str] | None, max_chars: int) -> str | None:
    if tokens is None:
        return "tokens that are no list"
    if not tokens:
        return "no tokens"
    if not all(token.strip() for token in tokens):
        return "an empty token"
    if len(tokens) > TOO_MANY:
        return f"over {TOO_MANY:,} tokens"
    return f"text over {max_chars:,} characters" if sum(map(len, tokens)) > max_chars else None


def _mismatch(tokens: list[str], tags: list[str] | None) -> str | None:
    from ftkit.data.tags import is_tag

    if not tags:
        return "no tags" if tags is None or tokens else None
    if len(tags) != len(tokens):
        return "not as many tags as tokens"
    return None if all(map(is_tag, tags)) else "a tag that is neither O nor B-TYPE, I-TYPE, …"
