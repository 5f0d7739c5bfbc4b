"""The cheapest of probe, LoRA and full fine-tuning that held-out rows cannot tell from a better one."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, final

from pydantic import Field

from ftkit.methods import Method

if TYPE_CHECKING:
    from collections.abc import Sequence

FEW = 1000  # rows; from there on a rung is held against another on 200 held-out rows or more


@final
class Auto(Method):
    """Climbs a ladder inside the training part of each fold, and stops where the next rung gains too little.

    Rungs: the solved head, LoRA on the last blocks, LoRA on all blocks, and every weight of the base. Of few
    rows the first and the third: all blocks are then trained in seconds, held-out rows are too few to tell how
    many blocks it takes, and every weight costs four times as much for the same accuracy.
    """

    rank: int = Field(8, gt=0)
    """width of the low-rank factors of both LoRA rungs"""
    last: int = Field(2, gt=0)
    """blocks that the first LoRA rung reaches, counted from the top"""

    default_epochs: ClassVar[int] = 0

    def rungs(self, rows: int | None = None) -> Sequence[Method]:
        """The methods, cheapest first."""
        from ftkit.methods.full import Full
        from ftkit.methods.head import Head
        from ftkit.methods.lora import Lora

        lora = {"name": "lora", "rank": self.rank}
        some, every = (Lora.model_validate(lora | {"layers": layers}) for layers in (f"last {self.last}", "all"))
        if rows is not None and rows < FEW:
            return Head(name="head"), every
        return Head(name="head"), some, every, Full(name="full")
