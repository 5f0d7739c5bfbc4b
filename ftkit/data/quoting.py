"""Whether double quotes in a delimited text are quotes, or plain characters as in prose."""

from __future__ import annotations

import re

SAMPLE = 1 << 20  # bytes in which the labels of other rows are looked for


def quotes_against(text: bytes, offset: int, delimiter: str, whole: bool = True) -> int:
    """How many cells speak for double quotes being plain characters; 0 where as many speak for quotes.

    Against: a quote that opens a cell and does not close before a delimiter or line end, or that closes lines
    later with whole rows between. For: a quoted cell that holds a delimiter or a line end as prose has them.
    """
    mark = delimiter.encode()
    ends = rb"[%b\r\n]" % re.escape(mark)
    pattern = re.compile(rb'(?<!%b)"((?:[^"]++|"")*+)("(?=%b|\Z))?' % (ends.replace(b"[", b"[^", 1), ends))
    against = needed = 0
    edges: tuple[set[bytes], set[bytes]] | None = None
    for match in pattern.finditer(text, offset):
        content, closed = match.groups()
        spread = b"\n" in content or b"\r" in content
        if not closed:
            against += whole or match.end() < len(text)
        elif mark and mark in content:
            swallowed = False
            if spread:
                edges = edges or _edges(text[offset : offset + SAMPLE], mark)
                swallowed = mark in b"\t|" or _holds_rows(content, mark, edges)
            against, needed = against + swallowed, needed + (not swallowed)
        elif spread:
            needed += 1
    return against if against >= needed else 0


def _edges(text: bytes, mark: bytes) -> tuple[set[bytes], set[bytes]]:
    """The first cells, and the last ones, of lines without quotes: labels are among one of them."""
    rows = [line.split(mark) for line in text.splitlines() if mark in line and b'"' not in line]
    return {row[0] for row in rows}, {row[-1] for row in rows}


def _holds_rows(content: bytes, mark: bytes, edges: tuple[set[bytes], set[bytes]]) -> bool:
    """Whether lines inside a cell begin or end with a cell that other rows begin or end with."""
    *whole, rest = content.splitlines()
    heads = {line.partition(mark)[0] for line in (*whole[1:], rest) if mark in line}
    tails = {line.rpartition(mark)[2] for line in whole if mark in line}
    return bool(heads & edges[0] or tails & edges[1])
