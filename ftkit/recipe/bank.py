"""The recipe's block for a bank: one adapter for each group of rows."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from ftkit.recipe.blocks import Block, percent


class Bank(Block):
    """Which column parts the rows into groups, and how each group's adapter is made from the general one."""

    by: Annotated[str | None, BeforeValidator(lambda value: str(value) if type(value) is int else value)] = None
    """column of the groups: a user, a domain, a device; without it there is no bank"""
    general: str = "train"
    """the adapter that every group starts from: train one, none (the base with its solved head), or a finished run"""
    min_rows: int = Field(default=8, ge=2)
    """rows below which a group uses the general adapter"""
    new_groups: Annotated[float, BeforeValidator(percent), Field(ge=0, lt=1)] = 0.0
    """share of the groups that the general adapter never sees, to measure the gain for new ones"""
    labels: Literal["own", "union"] = "union"
    """own: a group is only ever given labels, of tags types of spans, that its own rows carry; union: any label;
    numbers know no such list"""
    epochs: Annotated[int, Field(ge=0)] | Literal["auto"] = "auto"
    """passes over a group's rows; auto: 8, and 2 where weights of the base move on from a general adapter's"""
    lr: Annotated[float, Field(gt=0)] | Literal["default"] = "default"
    """peak learning rate of the groups; default: 3 times the general stage's of a head, 1.5 where weights of the base
    move"""
    batch: int = Field(default=8, ge=1)
    """rows in one step of a group"""
    pull: float = Field(default=1.0, ge=0)
    """strength of the pull back towards the general adapter, decoupled from the gradient (L2-SP)"""
    stack: int = Field(default=32, ge=1)
    """groups that are trained and kept together: what a crash can cost"""
    margin: float | None = Field(default=None, ge=0)
    """smallest loss that matters when a new adapter is to take the place of one in service; none: one point, and
    of errors a twentieth of that one's"""
    max_failed: Annotated[float, BeforeValidator(percent), Field(ge=0, le=1)] = 0.01
    """share of groups that may fail before the command does"""
