"""Hashes that rows are known by: near-equal content, identity, and a fixed place in [0, 1).

Nothing here depends on the order of the rows, on the machine or on Python's own hash seed, so that
a row falls into the same split in every run.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache

import numpy as np
import pandas as pd

from ftkit.data.items import identity

HEX_DIGITS = 32
"""of a hash as text: 128 bits, so that a collision in 10^9 rows is out of the question"""


def content_key(input: tuple[str, ...]) -> str:
    """Hash of what the input says: blanks, punctuation, case and width do not count.

    Symbols and emoji do count, because "great 😀" and "great 😡" are not the same message. A text
    without anything else stands for itself: "???" and "!!!" differ. What is no text stands for its content.
    """
    return _hex("\x1f".join([identity(text) or _normalised(text) for text in input]))


def content_keys(inputs: Iterable[tuple[str, ...]]) -> pd.Series:
    """`content_key` of each input, as one compact text column."""
    return pd.Series([content_key(item) for item in inputs], dtype="str")


def row_ids(inputs: Sequence[tuple[str, ...]], units: Sequence[str | None], groups: Sequence[str | None]) -> list[str]:
    """What a row is known by in comparisons: its exact inputs, unit, group and occurrence number.

    Of equal rows the first in file order is number 0, the next number 1, and so on.
    """
    rows = zip(inputs, units, groups, strict=True)
    ids = pd.Series([_hex(_spelled(item, unit, group)) for item, unit, group in rows], dtype="str")
    occurrence = ids.groupby(ids, sort=False).cumcount().to_numpy()
    again = np.flatnonzero(occurrence)
    listed: list[str] = ids.tolist()
    for position in again:
        listed[position] = _hex(f"{listed[position]}#{occurrence[position]}")
    return listed


def fraction(key: str, seed: int, salt: str) -> float:
    """The fixed place of a key in [0, 1); another seed or salt gives an independent one."""
    digest = hashlib.sha256(f"{salt}\x1f{seed}\x1f{key}".encode("utf-8", "surrogatepass")).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53


def fractions(keys: Iterable[str], seed: int, salt: str) -> np.ndarray:
    """`fraction` of each key, (keys,) float64."""
    return np.array([fraction(key, seed, salt) for key in keys], dtype=np.float64)


@cache
def _dropped() -> dict[int, None]:
    """Code points of blanks, punctuation and control or format marks, as `str.translate` takes them.

    The planes above 0x20000 hold none that occur in text.
    """
    categories = {point: unicodedata.category(chr(point)) for point in range(0x20000)}
    return {point: None for point, kind in categories.items() if kind[0] in "PZ" or kind in ("Cc", "Cf")}


def _normalised(text: str) -> str:
    # punctuation goes first: NFKC then finds most Chinese text untouched, and skips it (8 µs a row)
    bare = text.translate(_dropped()).casefold()
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", bare).casefold())
    # "㈱" turns into "(株)": what normalising brings in goes too
    return (plain if plain == bare else plain.translate(_dropped())) or text


def _spelled(item: tuple[str, ...], unit: str | None, group: str | None) -> str:
    """Lengths before texts, so that no two different rows are spelled alike."""
    said = [identity(part) or part for part in item]
    parts = [*said, "-" if unit is None else f"u{unit}", "-" if group is None else f"g{group}"]
    return "".join([f"{len(part)}:{part}" for part in parts])


def _hex(text: str) -> str:
    # JSON may hold half of a surrogate pair, which plain UTF-8 refuses
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:HEX_DIGITS]
