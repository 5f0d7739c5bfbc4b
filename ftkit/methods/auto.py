"""The cheapest of probe, LoRA and full fine-tuning that held-out rows cannot tell from a better one."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, final

from pydantic import Field

from ftkit.methods import Method

if TYPE_CHECKING:
    from collections.abc import Sequence


@final
class Auto(Method):
    """Climbs a ladder inside the training part of each fold, and stops where two rungs in a row gain too little.

    Rungs: the solved head, LoRA on the last blocks, LoRA on all blocks, and every weight of the base.
    """

    rank: int = Field(8, gt=0)
    """width of the low-rank factors of both LoRA rungs"""
    last: int = Field(2, gt=0)
    """blocks that the first LoRA rung reaches, counted from the top"""

    default_epochs: ClassVar[int] = 0

    def rungs(self) -> Sequence[Method]:
        """The four methods, cheapest first."""
        from ftkit.methods.full import Full
        from ftkit.methods.head import Head
        from ftkit.methods.lora import Lora

        lora = {"name": "lora", "rank": self.rank}
        return (
            Head(name="head"),
            Lora.model_validate(lora | {"layers": f"last {self.last}"}),
            Lora.model_validate(lora | {"layers": "all"}),
            Full(name="full"),
        )
