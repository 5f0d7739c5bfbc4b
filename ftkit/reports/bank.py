"""The page of a bank: whom an adapter of one's own helped, whom it would have harmed, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def render_bank(report: Mapping[str, Any]) -> str:
    """The whole `bank.html`."""
    return ""
