"""The page of a comparison."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any


def render_comparison(document: Mapping[str, Any]) -> str:
    """The verdict alone, until the page is drawn."""
    return f"<!doctype html><title>comparison</title><p>{html.escape(document['verdict']['sentence'])}</p>\n"
