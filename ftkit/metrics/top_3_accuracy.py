"""Share of rows whose gold label is among the 3 likeliest."""

from __future__ import annotations

from typing import ClassVar

from ftkit.metrics._top_k import TopK


class Top3Accuracy(TopK):
    """Not defined for fewer than 3 labels, nor for rows that may carry several."""

    k: ClassVar[int] = 3
