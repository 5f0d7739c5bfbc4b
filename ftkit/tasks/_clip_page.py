"""A clip on a page: a few of its pictures, side by side, with their times."""

from __future__ import annotations

import numpy as np

from ftkit.tasks._pictures import tag

SHOWN = 4  # pictures of a clip: enough to see what happens, and thirty clips are still a small page


def drawn(clip: np.ndarray, fps: float, name: str, start: float) -> str:
    """HTML of (frames, height, width, 3); of a clip of more pictures, some at even steps.

    It starts at `start` seconds.
    """
    places = np.unique(np.linspace(0, len(clip) - 1, min(SHOWN, len(clip))).round().astype(int))
    times = [spelled(start + (place + 0.5) / fps) for place in places]
    pictures = "".join(tag(clip[place], f"{name} at {time} s") for place, time in zip(places, times, strict=True))
    return f'<figure class="clip"><div>{pictures}</div><figcaption>at {", ".join(times)} s</figcaption></figure>'


def spelled(seconds: float) -> str:
    """
    >>> spelled(0.25), spelled(3725.25)
    ('0.25', '3725.2')
    """
    return f"{seconds:.3g}" if seconds < 100 else f"{seconds:.1f}"
