"""Runs without page and card, or with charts that are only sketched, for tests of other things."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any
from xml.sax.saxutils import escape

import pytest


@contextmanager
def undrawn() -> Iterator[None]:
    """Write empty pages and cards: drawing takes longer than a toy run, and its engine does not outlive a fork."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("render_run", "render_card"):
            patch.setattr(f"ftkit.runs.saving.{name}", lambda *given: "")
        yield


@contextmanager
def sketched() -> Iterator[None]:
    """Let the drawing engine, which takes a second to start and 50 ms a chart, write down what it is given.

    Pages stay whole otherwise, and all that a chart could show of a row stands in them.
    """
    engine = ModuleType("vl_convert")
    vars(engine)["vegalite_to_svg"] = _sketch
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "vl_convert", engine)
        yield


@contextmanager
def drawn_once() -> Iterator[None]:
    """Let the engine draw each chart once: most tests of pages draw the same examples."""
    import vl_convert

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vl_convert, "vegalite_to_svg", _remembered(vl_convert.vegalite_to_svg))
        yield


_DRAWN: dict[str, str] = {}


def _remembered(draw: Callable[..., str]) -> Callable[..., str]:
    def known(spec: dict[str, Any], **options: Any) -> str:
        key = json.dumps([spec, options])
        if key not in _DRAWN:
            _DRAWN[key] = draw(spec, **options)
        return _DRAWN[key]

    return known


def _sketch(spec: dict[str, Any], **options: Any) -> str:
    """An SVG whose one text is the specification."""
    return f'<svg viewBox="0 0 100 100"><text>{escape(json.dumps(spec, ensure_ascii=False))}</text></svg>'
