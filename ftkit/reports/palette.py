"""The colours of every page, once for each theme; a test measures their contrast.

Blue carries the run, grey what it is measured against, orange what went wrong: three hues that stay
apart under the common forms of colour blindness. Shape, weight or a word always says the same.
"""

from __future__ import annotations

LIGHT = {
    "paper": "#fbfbfa",
    "card": "#ffffff",
    "sunken": "#f3f4f3",
    "ink": "#1b1f24",
    "quiet": "#5a626c",
    "line": "#e3e5e6",
    "edge": "#7d858e",
    "accent": "#17609f",
    "accent-soft": "#e6f0f8",
    "bad": "#a4470c",
    "bad-soft": "#fbeee4",
    "good": "#0b6b57",
    "good-soft": "#e2f3ee",
    "focus": "#17609f",
}
DARK = {
    "paper": "#14171a",
    "card": "#1b1f23",
    "sunken": "#22272c",
    "ink": "#e8eaec",
    "quiet": "#a3abb4",
    "line": "#31373d",
    "edge": "#77818b",
    "accent": "#79b8ee",
    "accent-soft": "#1c2f40",
    "bad": "#f0a06a",
    "bad-soft": "#3a281b",
    "good": "#62cbb0",
    "good-soft": "#18332d",
    "focus": "#9ccbf5",
}

# Six steps of a heat map as (background, text): blue for right cells, orange for wrong ones.
HEAT_LIGHT = {
    "right": ["#eaf2f9", "#d0e3f2", "#a9cce8", "#7fb1da", "#2f78b5", "#17548a"],
    "wrong": ["#fcf1e8", "#f9dfca", "#f3c39c", "#e9a26b", "#b9581a", "#8f3f0b"],
    "text": ["#1b1f24", "#1b1f24", "#1b1f24", "#1b1f24", "#ffffff", "#ffffff"],
}
HEAT_DARK = {
    "right": ["#1d2b38", "#1f3850", "#22486c", "#265a8a", "#4f97d3", "#79b8ee"],
    "wrong": ["#33271e", "#46301f", "#5f3c1f", "#7d491c", "#d98a52", "#f0a06a"],
    "text": ["#e8eaec", "#e8eaec", "#ffffff", "#ffffff", "#14171a", "#14171a"],
}
HEAT_STEPS = 6


def variables(dark: bool) -> str:
    """The CSS custom properties of one theme."""
    plain, heat = (DARK, HEAT_DARK) if dark else (LIGHT, HEAT_LIGHT)
    lines = [f"--{name}: {colour};" for name, colour in plain.items()]
    for kind, colours in heat.items():
        lines += [f"--heat-{kind}-{step}: {colour};" for step, colour in enumerate(colours)]
    return " ".join(lines)
