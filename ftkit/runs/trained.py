"""Which rows an earlier run was trained or tuned on, so that nothing is scored on them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ftkit import runs
from ftkit.errors import InputError
from ftkit.privacy import Mask
from ftkit.runs.masking import machine_key


def seen_by(run: Path, row_ids: Sequence[str], input_hashes: Sequence[str], files: Sequence[str] = ()) -> np.ndarray:
    """(rows,) bool: whether the run, or the run that was its base, was trained on the row.

    A row is known by its id (the text itself), by what the model sees of it (which may be cut elsewhere), or as a
    part of a file that was a row as a whole; `files` are the input hashes of those files.
    Raises InputError where the run's hashes are keyed with a secret that is not here.
    """
    mask = _mask_of(run)
    known = pd.read_parquet(run / runs.SPLITS)
    known = known[known["trained"]]
    ids, hashes = set(known["row_id"]), set(known["input_hash"])
    pairs = zip(row_ids, input_hashes, strict=True)
    seen = np.array([mask.digest(row) in ids or mask.digest(one) in hashes for row, one in pairs], dtype=bool)
    return seen | np.array([mask.digest(one) in hashes for one in files], dtype=bool) if len(files) else seen


def _mask_of(run: Path) -> Mask:
    """The mask that the run was written with."""
    wanted = json.loads((run / runs.REPORT).read_text(encoding="utf-8")).get("row_key")
    if wanted is None:
        return Mask(on=False)
    mask = Mask(on=True, key=machine_key())
    if mask.fingerprint != wanted:
        what = f"{run}: its rows are hidden with the key of another machine or user, so none can be recognised"
        raise InputError(what, "evaluate it where it was trained")
    return mask
