"""The invented clips of recipes/data/clips: twelve yards, where something crosses or nothing does.

python tests/made_clips.py recipes/data/clips
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ftkit.tasks._clip_toy import write_clip

SCENES, EACH = 12, 2  # clips of each label in a scene
HEIGHT, WIDTH, RATE, SECONDS = 48, 64, 10, 2.0
LABELS = ("crossing", "normal")
DOWN, ACROSS = np.mgrid[:HEIGHT, :WIDTH]


def clips() -> Iterator[tuple[str, str, str, list[np.ndarray]]]:
    """(file, label, scene, pictures) of each clip."""
    for scene in range(SCENES):
        yard = np.random.default_rng([7, scene])
        ground = yard.integers(60, 170) + 25 * np.sin(ACROSS / yard.uniform(4, 12)) + DOWN * yard.uniform(-0.8, 0.8)
        colour, wind = yard.uniform(0.7, 1.0, 3), yard.uniform(4, 9)
        for label in LABELS:
            for number in range(EACH):
                own = np.random.default_rng([8, scene, LABELS.index(label), number])
                name = f"yard{scene:02d}_{label}_{number}.mp4"
                yield name, label, f"yard{scene:02d}", list(_pictures(own, ground, colour, wind, label == "crossing"))


def _pictures(
    own: np.random.Generator, ground: np.ndarray, colour: np.ndarray, wind: float, crossing: bool
) -> Iterator[np.ndarray]:
    """Light that flickers, a bush that sways in the wind, and in some clips a figure that walks across."""
    bush, begins, speed = own.integers(8, 56), own.uniform(-6, 10), own.uniform(1.8, 3.0)
    row, way, dark = own.integers(26, 40), own.choice([-1, 1]), own.integers(-60, -35)
    for time in range(round(RATE * SECONDS)):
        grey = ground + own.normal(0, 2.0) + own.normal(0, 2.5, ground.shape)
        sway = bush + 3 * np.sin(time / wind)
        grey = grey - 30 * (np.hypot(DOWN - 14, ACROSS - sway) < 7)
        if crossing:
            place = (begins + speed * time) if way > 0 else WIDTH - begins - speed * time
            grey = grey + dark * ((abs(ACROSS - place) < 3) & (abs(DOWN - row) < 8))
        yield np.clip(grey[..., None] * colour, 0, 255).astype(np.uint8)


def write(folder: Path) -> None:
    """All clips, and the table that names them, in a shuffled order."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for name, label, scene, pictures in clips():
        write_clip(folder / name, pictures, RATE, "libx264", {"crf": "30"})
        lines.append(f"{name},{label},{scene}\n")
    np.random.default_rng(9).shuffle(lines)
    (folder / "clips.csv").write_text("".join(["file,label,scene\n", *lines]), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
