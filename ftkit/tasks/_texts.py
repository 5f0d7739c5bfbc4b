"""What tasks on texts share: the tokenizer of a base, its room, and batches of token ids."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from ftkit.bases import Base

NAMES = ("input_ids", "attention_mask", "token_type_ids")
"""what a backbone of texts may take"""


def tokenizer_of(base: Base, **options: Any) -> Any:
    """The base's tokenizer, which knows how many tokens the base has room for.

    Raises InputError for a base without one, or with one that cannot be loaded.
    """
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


def _positions(base: Base) -> int:
    """Tokens that the base has positions for; many tokenizers do not say."""
    import json

    config = json.loads((base.folder / "config.json").read_text(encoding="utf-8"))
    positions = config.get("max_position_embeddings") or config.get("n_positions") or sys.maxsize
    # RoBERTa and its kin count from 2: 514 positions are 512 tokens
    return int(positions - 2 if positions % 8 == 2 else positions)


def unpadded(batch: Any) -> list[dict[str, np.ndarray]]:
    """What a tokenizer gives, row by row."""
    keys = [key for key in NAMES if key in batch]
    columns = [[np.asarray(row, dtype=np.int64) for row in batch[key]] for key in keys]
    return [dict(zip(keys, arrays, strict=True)) for arrays in zip(*columns, strict=True)]


def unknown(rows: Sequence[dict[str, np.ndarray]], tokenizer: Any) -> tuple[int, int]:
    """Pieces that the tokenizer does not know, and all pieces, special ones aside."""
    special = set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}
    pieces = np.concatenate([row["input_ids"] for row in rows])
    pieces = pieces[~np.isin(pieces, list(special))]
    return 0 if tokenizer.unk_token_id is None else int((pieces == tokenizer.unk_token_id).sum()), len(pieces)


def padded(rows: Sequence[dict[str, np.ndarray]], fill: dict[str, int]) -> dict[str, torch.Tensor]:
    """A block (rows, longest) of each array, filled up on the right with 0 or what `fill` says."""
    import torch

    batch = {}
    for key in rows[0]:
        block = np.full((len(rows), max(len(row[key]) for row in rows)), fill.get(key, 0), dtype=np.int64)
        for i, row in enumerate(rows):
            block[i, : len(row[key])] = row[key]
        batch[key] = torch.from_numpy(block)
    return batch


def toy_base(folder: Path, words: Sequence[str]) -> None:
    """A random BERT of two blocks that knows some words, at `folder / "base"`."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizer

    vocabulary = {word: i for i, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words])}
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


def tokenizer_lines(options: str = "") -> tuple[str, ...]:
    """Python that makes the tokenizer without ftkit; `options` are further arguments."""
    return (
        f"tokenizer = AutoTokenizer.from_pretrained(BASE{options})",
        "if tokenizer.pad_token_id is None:",
        "    tokenizer.pad_token_id = tokenizer.eos_token_id or 0",
        'tokenizer.padding_side = "right"',
    )
