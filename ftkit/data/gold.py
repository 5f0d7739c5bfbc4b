"""What a row's gold holds: labels, or numbers."""

from __future__ import annotations

from collections.abc import Iterable

from ftkit.data.table import Gold, Tags
from ftkit.data.tags import types_of


def labels_of(item: Gold) -> tuple[str, ...]:
    """The labels of a row: none, one or several; of tags, the types of their spans. Numbers are no labels."""
    if isinstance(item, Tags):
        return types_of(item)
    return (item,) if isinstance(item, str) else tuple(one for one in item or () if isinstance(one, str))


def numbers_of(item: Gold) -> tuple[float, ...]:
    """The numbers of a row; a label is none."""
    return tuple(one for one in item or () if isinstance(one, float))


def are_numbers(gold: Iterable[Gold]) -> bool:
    """Whether rows carry numbers to predict, judged by the first that carries anything."""
    first = next((item for item in gold if item), None)
    return isinstance(first, tuple) and isinstance(first[0], float)
