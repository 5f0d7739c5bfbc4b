"""What labels give away: ids, numbers, misspellings, too few rows, and splits that do not match."""

from __future__ import annotations

import json
import math
import re
import shlex
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping

from ftkit.data.names import many
from ftkit.data.table import Finding
from ftkit.errors import InputError
from ftkit.privacy import hidden, shown

Counts = Mapping[str, Mapping[str, int]]
"""split: label: rows"""

FEW = 5
"""training rows below which a label is hardly learnt"""
MANY_NUMBERS = 20
"""different numbers from which a label column looks like a quantity"""
UNBALANCED = 5
"""times that the commonest label outnumbers the median one"""


def refuse(counts: Counts, rows: int, classes: int) -> None:
    """Stop where the labels cannot be learnt or tested at all; `rows` are the training rows.

    `classes` are the different answers: labels, and having none where rows may carry several.
    """
    train, test = counts.get("train", {}), counts.get("test", {})
    if classes < 2:
        name = f" ({next(map(shown, train))})" if train else ""
        raise InputError(
            f"the {rows:,} training rows have one label only{name}",
            "choose another label column with --label COLUMN, or add rows of other labels",
        )
    known = sum(count for label, count in test.items() if label in train)
    if test and not known:
        raise InputError(
            f"no label of the test rows{_some(test)} occurs in training{_some(train)}",
            "check --label COLUMN, or name them alike with data.label_map",
        )
    if len(train) > rows or (not test and len(train) >= min(rows, max(10, 0.9 * rows))):
        raise InputError(
            f"nearly as many labels ({len(train):,}) as training rows ({rows:,}): they look like ids or free text",
            "choose another label column with --label COLUMN",
        )


def check(counts: Counts, rows: int, metrics: Iterable[str], merged: str | None = None) -> list[Finding]:
    """All findings on labels; `metrics` are those of the recipe, the first is the primary one.

    `merged` is the label that rare ones were joined to.
    """
    train = counts.get("train", {})
    few = _few({label: count for label, count in train.items() if label != merged})
    found = [_quantity_or_id(train, rows), _spelling(counts), few, _unbalanced(train, list(metrics))]
    found += [_unknown(counts, split) for split in ("test", "validation")]
    found.append(_untested(counts))
    return [finding for finding in found if finding is not None]


def _quantity_or_id(train: Mapping[str, int], rows: int) -> Finding | None:
    if rows >= 20 and len(train) > rows / 2:
        what = f"{len(train):,} labels on {rows:,} training rows: they look like ids or free text"
        return Finding("fault", "label column", what, "--label COLUMN")
    if len(train) > MANY_NUMBERS and all(re.fullmatch(r"[-+]?\d+([.,]\d+)?", label) for label in train):
        what = f"the labels are {len(train):,} different numbers: this looks like a number to predict"
        return Finding("warning", "label column", what, "join them to ranges with data.label_map, or --label COLUMN")
    return None


def _spelling(counts: Counts) -> Finding | None:
    """Labels that differ only in case, blanks or width; the most frequent spelling is proposed."""
    rows: dict[str, int] = defaultdict(int)
    for labels in counts.values():
        for label, count in labels.items():
            rows[label] += count
    alike: dict[str, list[str]] = defaultdict(list)
    for label in rows:
        alike["".join(unicodedata.normalize("NFKC", label).casefold().split())].append(label)
    renamed: dict[str, str] = {}
    for spellings in alike.values():
        best, *others = sorted(spellings, key=lambda label: (-rows[label], label))
        renamed |= dict.fromkeys(others, best)
    if not renamed:
        return None
    what = f"spelt unlike another one in case, blanks or width only: {many(len(renamed), 'label')}{_some(renamed)}"
    raw = all(label.isprintable() for pair in renamed.items() for label in pair)
    pasted = json.dumps(renamed, ensure_ascii=not raw)
    typed = f"--set {shlex.quote(f'data.label_map={pasted}')}, or in a recipe under data: label_map: {pasted}"
    hint = "under data: label_map" if hidden() else typed
    return Finding("warning", "label spelling", what, hint)


def _few(train: Mapping[str, int]) -> Finding | None:
    few = sorted((label for label, count in train.items() if 0 < count < FEW), key=lambda label: (train[label], label))
    if not few:
        return None
    single = sum(train[label] == 1 for label in few)
    what = f"fewer than {FEW} training rows: {many(len(few), 'label')}" + (
        f", of which {single} with one" if single else ""
    )
    hint = f"--set data.rare=merge --set data.rare_below={FEW} joins them to one label, data.rare=drop leaves them out"
    return Finding("warning" if single else "note", "rare labels", what + _some(few), hint)


def _unbalanced(train: Mapping[str, int], metrics: list[str]) -> Finding | None:
    counts = sorted(train.values())
    if (
        len(counts) < 2
        or counts[-1] < UNBALANCED * counts[(len(counts) - 1) // 2]
        or metrics[:1] in (["macro_f1"], ["span_f1"])
    ):
        return None
    share = math.floor(100 * counts[-1] / sum(counts))
    largest = max(train, key=lambda label: train[label])
    what = f"labels are unbalanced: {shown(largest)} has {counts[-1]:,} rows, {share} % of all labels"
    return Finding("warning", "balance", what, "--set evaluate.metrics=[macro_f1,accuracy]")


def _unknown(counts: Counts, split: str) -> Finding | None:
    train = counts.get("train", {})
    unknown = {label: count for label, count in counts.get(split, {}).items() if label not in train}
    if not unknown:
        return None
    where = f"{many(len(unknown), 'label')} of {many(sum(unknown.values()), f'{split} row')}"
    hint = "they score as wrong: add training rows of them, or rename them with data.label_map"
    return Finding("warning", f"labels of {split} rows", f"not in training: {where}{_some(unknown)}", hint)


def _untested(counts: Counts) -> Finding | None:
    train, test = counts.get("train", {}), counts.get("test", {})
    untested = [label for label in train if label not in test]
    if not test or not untested:
        return None
    what = f"not in the test rows: {many(len(untested), 'label')}{_some(untested)}"
    return Finding("note", "untested labels", what, "add test rows of them to --test FILE, to have them measured")


def _some(labels: Iterable[str], limit: int = 5) -> str:
    """The first labels for the end of a sentence; nothing where rows are hidden."""
    names = list(labels)
    if hidden() or not names:
        return ""
    return ": " + ", ".join(shown(name, 30) for name in names[:limit]) + (", …" if len(names) > limit else "")
