"""What tasks share whose input is a text, or a pair of texts: cells, tokens and padded batches."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ftkit.tasks import NO_TOKEN, PIECES, Encoded
from ftkit.tasks._snippet import Snippet

if TYPE_CHECKING:
    import torch

    from ftkit.bases import Base
    from ftkit.data.table import Table

Input = tuple[str, ...]


def inputs_of(table: Table, text: str | list[str], combine: str) -> list[Input]:
    """One text a row, or two segments; several columns are joined unless they are a pair."""
    names = [text] if isinstance(text, str) else text
    columns = [table.frame[name].astype(str).to_list() for name in names]
    if combine == "join":
        return [(" ".join(filter(None, cells)),) for cells in zip(*columns, strict=True)]
    return [tuple(cells) for cells in zip(*columns, strict=True)]


def fault_of(text: Input, max_chars: int) -> str | None:
    """Why a text cannot be used, or None."""
    if not any(part.strip() for part in text):
        return "empty text"
    return f"text over {max_chars:,} characters" if sum(map(len, text)) > max_chars else None


def tokenizer_of(base: Base, **options: Any) -> Any:
    """The base's tokenizer, which knows how much the base has room for."""
    from transformers import AutoTokenizer

    from ftkit.bases import explain, require_tokenizer

    require_tokenizer(base)
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            base.folder, trust_remote_code=False, local_files_only=True, **options
        )
    except Exception as error:
        raise explain(error, base) from error
    if tokenizer.pad_token_id is None:  # decoders often have none; the mask hides whichever is taken
        tokenizer.pad_token_id = tokenizer.eos_token_id or 0
    tokenizer.model_max_length = min(tokenizer.model_max_length, _positions(base))
    return tokenizer


def encode(inputs: list[Input], tokenizer: Any, longest: int) -> Encoded:
    """Token ids of each row, un-padded, with what was cut and what the tokenizer does not know."""
    if not inputs:
        return Encoded([], 0, 0, 0)
    sides = [list(side) for side in zip(*inputs, strict=True)]
    batch = tokenizer(*sides, truncation=True, max_length=longest, add_special_tokens=True)
    rows = unpadded(batch)
    cut = sum(bool(encoding.overflowing) for encoding in batch.encodings or ())
    return Encoded(rows, cut, *known_pieces(rows, tokenizer))


def unpadded(batch: Any) -> list[dict[str, np.ndarray]]:
    """What a tokenizer gives, row by row."""
    keys = [key for key in ("input_ids", "attention_mask", "token_type_ids") if key in batch]
    columns = [[np.asarray(row, dtype=np.int64) for row in batch[key]] for key in keys]
    return [dict(zip(keys, arrays, strict=True)) for arrays in zip(*columns, strict=True)]


def known_pieces(rows: Sequence[dict[str, np.ndarray]], tokenizer: Any) -> tuple[int, int]:
    """Pieces that the tokenizer does not know, and all pieces, special ones aside."""
    special = set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}
    pieces = np.concatenate([row["input_ids"] for row in rows])
    pieces = pieces[~np.isin(pieces, list(special))]
    return 0 if tokenizer.unk_token_id is None else int((pieces == tokenizer.unk_token_id).sum()), len(pieces)


def collate(rows: list[dict[str, np.ndarray]], tokenizer: Any) -> dict[str, torch.Tensor]:
    """A batch padded to its own longest row.

    >>> collate([{"input_ids": [5, 6]}, {"input_ids": [7]}])  # arrays in fact
    {"input_ids": [[5, 6], [7, pad]], …}
    """
    import torch

    fill = {"input_ids": tokenizer.pad_token_id, PIECES: NO_TOKEN}
    batch = {}
    for key in rows[0]:
        block = np.full((len(rows), max(len(row[key]) for row in rows)), fill.get(key, 0), dtype=np.int64)
        for i, row in enumerate(rows):
            block[i, : len(row[key])] = row[key]
        batch[key] = torch.from_numpy(block)
    return batch


def toy_base(folder: Any, words: list[str]) -> str:
    """A random BERT of two blocks that knows these words, in `folder`/base."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizer

    vocabulary = {word: i for i, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *sorted(set(words))])}
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=32,
    )
    BertModel(config).save_pretrained(folder / "base")
    BertTokenizer(vocab=vocabulary).save_pretrained(folder / "base")
    return str(folder / "base")


def tokenizer_lines(options: str = "") -> tuple[str, ...]:
    """Python that makes the tokenizer without ftkit; `options` are further arguments."""
    return (
        f"tokenizer = AutoTokenizer.from_pretrained(BASE{options})",
        "if tokenizer.pad_token_id is None:",
        "    tokenizer.pad_token_id = tokenizer.eos_token_id or 0",
        'tokenizer.padding_side = "right"',
    )


def snippet(text: str | list[str], combine: str, longest: int) -> Snippet:
    """Of the model card: texts, or pairs of them, through the tokenizer; cut at `longest` tokens."""
    pair = combine == "pair" and isinstance(text, list)
    given = "texts, seconds" if pair else "texts"
    cut = f'padding=True, truncation=True, max_length={longest}, return_tensors="pt"'
    return Snippet(
        imports=("from transformers import AutoTokenizer",),
        setup=tokenizer_lines(),
        arguments=given,
        rows="texts",
        batch=(f"batch = tokenizer({given}, {cut})",),
        example='["A text."], ["Another."]' if pair else '["A text."]',
    )


def _positions(base: Base) -> int:
    """Tokens that the base has positions for; many tokenizers do not say."""
    config = base.config()
    positions = config.get("max_position_embeddings") or config.get("n_positions") or sys.maxsize
    # RoBERTa and its kin count from 2: 514 positions are 512 tokens
    return int(positions - 2 if positions % 8 == 2 else positions)
