"""What a base makes of the rows: how much is cut, and how much it does not know."""

from __future__ import annotations

import unicodedata
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING

from ftkit.data.table import Finding

if TYPE_CHECKING:
    from ftkit.recipe import Recipe
    from ftkit.tasks import Encoded

UNKNOWN = 0.10  # share of unknown pieces from which it is the wrong base
CUT = 0.05  # share of truncated rows that is worth a word
SAMPLE = 2000  # rows whose characters are looked at
SCRIPTS = {"CJK": "Chinese", "HANGUL": "Korean", "HIRAGANA": "Japanese", "KATAKANA": "Japanese"}


def rates(encoded: Encoded) -> dict[str, float | None]:
    """Share of rows that were cut, and of pieces that the base does not know; None where rows have no pieces."""
    cut = encoded.truncated / max(1, len(encoded.rows))
    if not encoded.pieces:
        return {"truncation_rate": cut or None, "unknown_share": None}
    return {"truncation_rate": cut, "unknown_share": encoded.unknown / encoded.pieces}


def findings(recipe: Recipe, inputs: list[tuple[str, ...]], encoded: Encoded) -> tuple[Finding, ...]:
    """Warnings on text that the base cannot read, and on rows that it reads only in part."""
    found = []
    shares = {name: share or 0.0 for name, share in rates(encoded).items()}
    if shares["unknown_share"] > UNKNOWN:
        script = main_script(inputs) if recipe.task.noun == "text" else ""
        named, hint = recipe.task.pieces
        what = f"{recipe.start} does not know {shares['unknown_share']:.0%} of the {named}"
        what += f": most of its letters are {script}" if script else ""
        found.append(Finding("warning", f"unknown {recipe.task.noun}", what, hint))
    if (shares["truncation_rate"] or 0) > CUT:
        what = f"{shares['truncation_rate']:.0%} of the rows are longer than the base is shown"
        hint = f"more of them with a larger --set task.{recipe.task.cut_by}"
        found.append(Finding("warning", "truncation", what, hint))
    return tuple(found)


def main_script(inputs: list[tuple[str, ...]]) -> str:
    """Script of most letters beyond Latin, as people call it; empty where there are none."""
    count: Counter[str] = Counter()
    for texts in islice(inputs, SAMPLE):
        for character in set("".join(texts)):
            if character.isalpha() and not character.isascii():
                count[unicodedata.name(character, "unknown").split()[0]] += 1
    count.pop("LATIN", None)
    if not count:
        return ""
    first = count.most_common(1)[0][0]
    return SCRIPTS.get(first, first.capitalize())
