"""Share of rows whose gold label is among the 5 likeliest."""

from __future__ import annotations

from typing import ClassVar

from ftkit.metrics._top_k import TopK


class Top5Accuracy(TopK):
    """Not defined for fewer than 5 labels, nor for rows that may carry several."""

    k: ClassVar[int] = 5
