"""The Python of the model card that turns rows of numbers into the encoder's input, and the encoder itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ftkit.bases import own
from ftkit.tasks._vectors import MOST

if TYPE_CHECKING:
    from ftkit.tasks._vectors import Processor

ABOUT = '    """The model\'s inputs from rows {name: number}; what was not measured is left out."""'
COLUMNS = """
def prepared(rows):
{about}
    values, heard = torch.zeros(len(rows), len(COLUMNS)), torch.zeros(len(rows), len(COLUMNS))
    for i, row in enumerate(rows):
        for place, name in enumerate(COLUMNS):
            if name in row:
                number = (row[name] - OFFSET[place % len(OFFSET)]) / SCALE[place % len(SCALE)]
                values[i, place], heard[i, place] = min(max(number, -{most}), {most}), 1.0
    return {{"values": values, "heard": heard}}
"""
SET = """
def prepared(rows):
{about}
    longest = max(map(len, rows))
    values, heard = torch.zeros(len(rows), longest), torch.zeros(len(rows), longest)
    names = torch.zeros(len(rows), longest, 2, dtype=torch.long)
    for i, row in enumerate(rows):
        for place, name in enumerate(sorted(row)):
            number = (row[name] - OFFSET[0]) / SCALE[0]
            values[i, place], heard[i, place] = min(max(number, -{most}), {most}), 1.0
            digest = hashlib.sha256(name.encode()).digest()
            codes = [int.from_bytes(part, "big") % {buckets} for part in (digest[:8], digest[8:16])]
            names[i, place] = torch.tensor(codes)
    return {{"values": values, "heard": heard, "names": names}}
"""


def floors_told(floors: Sequence[float]) -> tuple[str, ...]:
    """What `predict` says that it gives, and the lines that make it of the logits: coordinates and a floor."""
    return (
        "Coordinates in metres and the floor, (rows, targets).",
        f"floors, count = torch.tensor({list(floors)!r}, dtype=torch.float64), {len(floors)}",
        'values = logits.double() * torch.tensor(about["sd"]) + torch.tensor(about["mean"])',
        "return torch.cat([values[:, :-count], floors[values[:, -count:].argmax(1), None]], dim=1)",
    )


def lines(processor: Processor) -> list[str]:
    """Lines that define the encoder and `prepared(rows)`."""
    columns = [f"COLUMNS = {list(processor.columns)!r}"] if processor.kind != "set" else []
    scale = [f"OFFSET, SCALE = {list(processor.offset)!r}, {list(processor.scale)!r}"]
    body = SET if processor.kind == "set" else COLUMNS
    text = body.format(about=ABOUT, most=MOST, buckets=processor.buckets)
    return [*own.source(own.VECTOR).splitlines(), "", *columns, *scale, "", *text.splitlines()]
