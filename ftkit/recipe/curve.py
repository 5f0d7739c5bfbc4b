"""The recipe's block for a learning curve over labels."""

from __future__ import annotations

from pydantic import Field, field_validator

from ftkit.recipe.blocks import Block

FEWEST = 4
"""points that anything can be said of"""


class Curve(Block):
    """Whether the run is repeated on growing shares of its labels, to see what more of them would buy."""

    points: int = 0
    """shares of the training rows, the last is all of them; 0: no curve"""
    seeds: int = Field(default=3, ge=2)
    """repetitions of every share, each with a draw of rows of its own"""

    @field_validator("points")
    @classmethod
    def _enough(cls, value: int) -> int:
        if value < 0 or 0 < value < FEWEST:
            raise ValueError(f"expected 0, or at least {FEWEST}")
        return value
