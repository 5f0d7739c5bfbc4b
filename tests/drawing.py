"""Runs without page and card, for tests of other things."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def undrawn() -> Iterator[None]:
    """Write empty pages and cards: drawing takes longer than a toy run, and its engine does not outlive a fork."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("render_run", "render_card"):
            patch.setattr(f"ftkit.runs.saving.{name}", lambda *given: "")
        yield
