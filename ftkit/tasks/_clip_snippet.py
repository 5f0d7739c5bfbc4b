"""The lines of Python by which a clip comes to a base without ftkit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ftkit.tasks._snippet import Snippet
from ftkit.tasks.image_classification import MAPS

if TYPE_CHECKING:
    from ftkit.tasks._watching import Eye

SETUP = (
    'processor = AutoImageProcessor.from_pretrained(BASE, backend="pil")',
    "FPS, MOST = {fps!r}, {most}  # pictures a second, and of a clip",
    "",
    "",
    "def upright(frame, shape):",
    '    """(height, width, 3), turned as the camera was held; `shape` is the width of a pixel by its height."""',
    "    if shape != 1:",
    "        size = round(frame.width * max(1, shape)), round(frame.height / min(1, shape))",
    '        frame = frame.reformat(*size, "rgb24")',
    '    return np.rot90(frame.to_ndarray(format="rgb24"), round(frame.rotation / 90)).copy()',
    "",
    "",
    "def clip(path):",
    '    """What is on screen in the middle of each 1 / FPS seconds; where time stamps stand still, by the rate."""',
    "    found, shown, start, at, until = [], None, None, 0.0, 0.0",
    "    with av.open(str(path)) as video:",
    "        stream = video.streams.video[0]",
    "        shape = float(stream.sample_aspect_ratio or 1)",
    "        gap = 1 / float(stream.guessed_rate or stream.average_rate or 25)",
    "        for frame in video.decode(stream):",
    "            start = frame.time if start is None else start",
    "            time = until if frame.time is None else frame.time - start",
    "            at = time if time > at else until",
    "            until = at + (float(frame.duration * frame.time_base) if frame.duration else gap)",
    "            while shown is not None and len(found) < MOST and (len(found) + 0.5) / FPS < at:",
    "                found.append(upright(shown, shape))",
    "            shown = frame",
    "    while len(found) < MOST and ((len(found) + 0.5) / FPS < until or not found):",
    "        found.append(upright(shown, shape))",
    "    return found",
    "",
    "",
)
OPTIONS = 'input_data_format="channels_last", return_tensors="pt"'


def lines(eye: Eye) -> Snippet:
    """For a base that watches like this."""
    return Snippet(
        imports=("import av", "import numpy as np", "from transformers import AutoImageProcessor"),
        setup=tuple(line.format(fps=eye.fps, most=eye.most) if line.startswith("FPS") else line for line in SETUP),
        arguments="paths",
        rows="clips",
        batch=_at_once() if eye.at_once else _one_by_one(),
        example='["clip.mp4"]',
        model=('model = getattr(model, "vision_model", model)  # of a model of pictures and texts, one half',),
        merged=True,  # a MobileNet asks its convolutions for what peft's wrappers do not know
        masked=False,
        states="" if eye.at_once else MAPS,
        counts="" if eye.at_once else "[len(one) for one in clips]",
    )


def _one_by_one() -> tuple[str, ...]:
    return (
        "clips = [clip(path) for path in paths]",
        "pictures = [picture for one in clips for picture in one]",
        f"batch = processor(images=pictures, {OPTIONS})",
    )


def _at_once() -> tuple[str, ...]:
    return (
        "clips = [one + one[-1:] * (MOST - len(one)) for one in map(clip, paths)]  # shorter ones stand still",
        f'pixels = [processor(images=one, {OPTIONS})["pixel_values"] for one in clips]',
        'batch = {"pixel_values": torch.stack([one.flatten(0, -4) for one in pixels])}',
    )
