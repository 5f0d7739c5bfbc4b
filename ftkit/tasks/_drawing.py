"""Small pictures of rows as inline SVG: colours are the page's own, and nothing runs a script."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

WIDTH, HEIGHT, LEFT = 360, 34, 64  # pixels: of a picture, of a channel, of its name
MOST_POINTS = 120
MOST_CHANNELS = 9


def channels(values: np.ndarray, names: Sequence[str], description: str) -> Markup:
    """Each channel over time (time, channels), one below the other, each on its own scale."""
    shown = values[:, :MOST_CHANNELS]
    step = max(1, len(shown) // MOST_POINTS)
    lines = [_channel(shown[::step, i], names[i], i) for i in range(shown.shape[1])]
    more = values.shape[1] - shown.shape[1]
    height = HEIGHT * shown.shape[1] + (14 if more else 0)
    if more:
        lines.append(_text(LEFT, height - 2, f"and {more} more channels", "start"))
    return Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        WIDTH, height, description, Markup("").join(lines)
    )


def _channel(line: np.ndarray, name: str, place: int) -> Markup:
    low, high = float(line.min()), float(line.max())
    span = high - low or 1.0
    top, room = HEIGHT * place + 4, HEIGHT - 8
    across = np.linspace(LEFT + 4, WIDTH - 44, len(line))
    points = " ".join(f"{x:.1f},{top + room * (1 - (y - low) / span):.1f}" for x, y in zip(across, line, strict=True))
    drawn = Markup('<polyline fill="none" stroke="var(--accent)" stroke-width="1.2" points="{}"/>').format(points)
    ends = _text(WIDTH - 40, top + 6, f"{high:.3g}", "start") + _text(WIDTH - 40, top + room, f"{low:.3g}", "start")
    return _text(LEFT, top + room / 2 + 3, name[:10], "end") + drawn + ends


def _text(x: float, y: float, said: str, anchor: str) -> Markup:
    return Markup('<text x="{:.0f}" y="{:.0f}" text-anchor="{}" font-size="9" fill="var(--quiet)">{}</text>').format(
        x, y, anchor, said
    )
