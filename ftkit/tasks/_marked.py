"""A sentence with its spans as HTML: what gold says, and what was predicted."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ftkit.data.tags import Span, spans

MOST = 200  # tokens that are shown


def compared(tokens: Sequence[str], gold: Sequence[str], said: Sequence[str]) -> str:
    """Two lines: spans of gold, found or missed, and predicted ones, right or wrong. A sign says what a colour says."""
    true, guessed = spans(gold), spans(said)
    lines = (("gold", true, guessed), ("predicted", guessed, true))
    shown = [f'<p dir="auto"><b>{name}</b> {_marked(tokens, mine, {*other})}</p>' for name, mine, other in lines]
    return f'<div class="spans">{"".join(shown)}</div>'


def described(tokens: Sequence[str], tags: Sequence[str]) -> list[str]:
    """Every span as a text: `Ada Byron (person)`."""
    return [f"{' '.join(tokens[start:end])} ({kind})" for kind, start, end in spans(tags)]


def _marked(tokens: Sequence[str], mine: Sequence[Span], other: set[Span]) -> str:
    """The tokens with the spans of one side marked by whether the other side has them."""
    starts = {span[1]: span for span in mine}
    pieces, place, last = [], 0, min(len(tokens), MOST)
    while place < last:
        if place not in starts:
            pieces.append(escape(tokens[place]))
            place += 1
            continue
        kind, start, end = starts[place]
        same = starts[place] in other
        sign = "✓" if same else "✗"
        text = escape(" ".join(tokens[start:end]))
        pieces.append(f'<mark class="{"good" if same else "bad"}">{text} <small>{sign} {escape(kind)}</small></mark>')
        place = end
    more = f" … ({len(tokens) - last:,} more tokens)" if len(tokens) > last else ""
    return " ".join(pieces) + more
