"""Tags of tokens: schemes, their mistakes and how they are mended, and the spans that tags stand for.

A span is a run of tokens with a type. Files write spans in several schemes (Ramshaw and Marcus 1995 for IOB1, Tjong
Kim Sang and Veenstra 1999 for the others). Here every scheme is read into BIO (IOB2), which is what models learn and
scores are of; predictions are written in the scheme of the file.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal

from ftkit.data.table import Tags

Scheme = Literal["bio", "bioes", "bilou", "iob1"]
Span = tuple[str, int, int]
"""type, first token, token after the last"""

OUTSIDE = "O"
TAG = re.compile(r"O|[BIESLU]-.+", re.DOTALL)
NO_BEGIN = "I- without a B- before it"
OTHER_TYPE = "I- of another type than the span before it"
NO_SPAN = "an end without a span before it"
NO_END = "a span without its end"
_ENDS, _SINGLES = "EL", "SU"


def is_tag(text: str) -> bool:
    """Whether a cell is a tag of any scheme: O, or a letter, a hyphen and a type."""
    return TAG.fullmatch(text) is not None


def scheme_of(rows: Iterable[Sequence[str]]) -> Scheme:
    """The scheme that tags are most likely written in; BIO where nothing speaks against it.

    IOB1 marks a begin only where a span follows another of its type, so there B- stands nowhere else.
    """
    letters: Counter[str] = Counter()
    bare = apart = 0  # spans that I- begins; B- that IOB1 would not write
    for tags in rows:
        before = OUTSIDE
        for tag in tags:
            letters[tag[0]] += 1
            same = before != OUTSIDE and tag != OUTSIDE and before[2:] == tag[2:]
            bare += tag[0] == "I" and not same
            apart += tag[0] == "B" and not same
            before = tag
    if letters["L"] or letters["U"]:
        return "bilou"
    if letters["E"] or letters["S"]:
        return "bioes"
    return "iob1" if bare and not apart else "bio"


def mended(tags: Sequence[str], scheme: Scheme) -> tuple[Tags, Counter[str]]:
    """The same spans in BIO, and what was mended on the way: reason -> tags.

    Nothing is thrown away: a tag that continues no span begins one, as CoNLL's own scorer has it.
    """
    found, reasons = [], Counter[str]()
    strict = scheme in ("bioes", "bilou")
    kind: str | None = None  # of the span that is open
    for tag in tags:
        letter, name = tag[0], tag[2:]
        begins = letter in ("B", *_SINGLES) or (letter != "O" and name != kind)
        if strict and kind is not None and (begins or letter == "O"):
            reasons[NO_END] += 1
        if begins and letter in ("I", *_ENDS) and scheme != "iob1":
            reasons[NO_SPAN if letter != "I" else NO_BEGIN if kind is None else OTHER_TYPE] += 1
        found.append(OUTSIDE if letter == "O" else f"{'B' if begins else 'I'}-{name}")
        kind = None if letter == "O" or letter in (*_ENDS, *_SINGLES) else name
    if strict and kind is not None:
        reasons[NO_END] += 1
    return Tags(found), reasons


def spans(tags: Sequence[str]) -> list[Span]:
    """The spans of tags in BIO; an I- that continues nothing begins one."""
    found: list[Span] = []
    start, kind = 0, ""  # of the span that is open, if `kind` is not empty
    for place, tag in enumerate([*tags, OUTSIDE]):
        if kind and (tag[0] != "I" or tag[2:] != kind):
            found.append((kind, start, place))
            kind = ""
        if tag != OUTSIDE and not kind:
            start, kind = place, tag[2:]
    return found


def tagged(found: Iterable[Span], length: int) -> Tags:
    """Tags in BIO of spans that do not overlap."""
    tags = [OUTSIDE] * length
    for kind, start, end in found:
        tags[start:end] = [f"B-{kind}"] + [f"I-{kind}"] * (end - start - 1)
    return Tags(tags)


def written(tags: Sequence[str], scheme: Scheme) -> tuple[str, ...]:
    """Tags in BIO as another scheme writes the same spans."""
    if scheme == "bio":
        return tuple(tags)
    last, single = ("L", "U") if scheme == "bilou" else ("E", "S")
    result, end_before, kind_before = [OUTSIDE] * len(tags), -1, ""
    for kind, start, end in spans(tags):
        if scheme == "iob1":
            first = "B" if end_before == start and kind_before == kind else "I"
            result[start:end] = [f"{first}-{kind}"] + [f"I-{kind}"] * (end - start - 1)
        elif end - start == 1:
            result[start] = f"{single}-{kind}"
        else:
            result[start:end] = [f"B-{kind}"] + [f"I-{kind}"] * (end - start - 2) + [f"{last}-{kind}"]
        end_before, kind_before = end, kind
    return tuple(result)


def types_of(tags: Iterable[str]) -> tuple[str, ...]:
    """The types of some tags, sorted."""
    return tuple(sorted({tag[2:] for tag in tags if tag != OUTSIDE}))


def classes(types: Iterable[str]) -> tuple[str, ...]:
    """What a model tells apart, sorted: outside, and begin and inside of every type."""
    return tuple(sorted([OUTSIDE, *(f"{letter}-{kind}" for kind in types for letter in "BI")]))


def are_classes(labels: Sequence[str]) -> bool:
    """Whether the labels of a model are tags."""
    return OUTSIDE in labels and all(map(is_tag, labels))


def renamed(tags: Tags, names: dict[str, str]) -> Tags:
    """Types under other names."""
    return Tags(tag if tag == OUTSIDE else f"{tag[:2]}{names.get(tag[2:], tag[2:])}" for tag in tags)
