"""Documents of comparisons that look like real ones, and the odd ones that no page should break on."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from functools import cache
from typing import Any

from report_examples import HOSTILE, SUPPORT, TEXTS

from ftkit.reports.comparison import render_comparison

Document = dict[str, Any]

OUTCOMES = ("better", "worse", "equivalent", "not worse", "cannot tell")
SETS = ("kitchen", "books", "electronics")


def make_document(variant: str = "small", seed: int = 0) -> Document:
    """A document; see VARIANTS for the names."""
    return VARIANTS[variant](random.Random(seed))


@cache
def page_of(variant: str) -> str:
    """The page of a variant, drawn once for all tests."""
    return render_comparison(make_document(variant))


def small(rng: random.Random) -> Document:
    """Two runs, one metric, nothing else."""
    return _document(rng, ("head", "lora"), ("accuracy",))


def everything(rng: random.Random) -> Document:
    """Four entries, three metrics, folds, slices, cost, data sets, rows left out and findings."""
    document = _document(rng, ("head", "lora", "all-blocks", "lora:tfidf"), ("accuracy", "macro_f1", "log_loss"))
    for entry in document["entries"]:
        entry["folds"] = 5
    document["entries"][1]["seeds"] = [1, 2, 3, 4, 5]
    document["rows"] |= {"units": 61, "clustered_by": "user_id"}
    document["rows"]["left_out"] = [
        {"why": "in the training rows of lora", "rows": 38},
        {"why": "not a test row of all-blocks", "rows": 4},
        {"why": "the gold labels differ", "rows": 0},
    ]
    return document | {
        "verdict": {
            "sentence": "lora is better than head: accuracy 0.871 against 0.846, a difference of +2.5 points "
            "(95 % interval +0.6 to +4.4).",
            "outcome": "better",
            "details": [
                "Of 3 compared with head, 1 is better, 1 cannot be told from it and 1 is worse.",
                "The verdict is on these adapters with one seed each, not on their recipes.",
            ],
        },
        "by_fold": [
            {
                "a": name, "b": "head", "metric": "accuracy", "meaning": "A fold's models share training rows.",
                "folds": [{"fold": fold, "rows": 82, "difference": rng.uniform(-0.03, 0.05)} for fold in range(5)],
            }
            for name in ("lora", "all-blocks")
        ],
        "flips": _flips(rng, "lora", "head", 40) + _flips(rng, "all-blocks", "head", 30),
        "flips_left_out": 12,
        "slices": [_slice(rng, document, "team", ("billing desk", "field crew", "night shift", "web shop"))],
        "cost": _cost(document),
        "matrix": _matrix(rng, document),
        "gate": {
            "require": "not-worse", "met": False, "failed": [{"a": "lora:tfidf", "b": "head", "outcome": "worse"}],
        },
        "findings": [
            {"level": "info", "text": "head was trained with ftkit 0.1.0, lora with 0.2.0"},
            {"level": "warning", "text": "user_id looks like users; without --cluster intervals may be too narrow"},
        ],
    }  # fmt: skip


def hidden(rng: random.Random) -> Document:
    """Private rows: names are stand-ins already; texts that were forgotten must not show all the same."""
    document = everything(rng) | {"hidden": True, "labels": [f"label {i + 1}" for i in range(8)]}
    document["flips"] = [flip | {"input": ["PLANTED-MARKER"], "row_id": "PLANTED-ROW"} for flip in document["flips"]]
    return document


def many_flips(rng: random.Random) -> Document:
    """3,000 rows that changed."""
    return small(rng) | {"flips": _flips(rng, "lora", "head", 3000)}


def all_pairs(rng: random.Random) -> Document:
    """Ten runs, each against each: more pairs than a chart has room for."""
    names = tuple(f"run-{place}" for place in range(10))
    document = _document(rng, names, ("accuracy", "macro_f1"))
    pairs = [(a, b) for place, a in enumerate(names) for b in names[:place]]
    comparisons = [_comparison(rng, a, b, metric) for metric in ("accuracy", "macro_f1") for a, b in pairs]
    return document | {"pairs": "all", "comparisons": comparisons, "cost": _cost(document)}


def untested(rng: random.Random) -> Document:
    """Too few rows for an interval, a p-value or a margin."""
    document = small(rng)
    one = document["comparisons"][0]
    one |= dict.fromkeys(("p_value", "corrected", "smallest_effect", "rows_needed", "margin"))
    one |= {"outcome": "cannot tell", "note": "fewer than 10 units", "correction": "", "test": ""}
    one["difference"] |= {"low": None, "high": None}
    for scores in document["scores"].values():
        scores["accuracy"] |= {"low": None, "high": None, "note": "fewer than 10 units"}
    return document | {
        "verdict": {"sentence": "Nobody can tell lora from head.", "outcome": "cannot tell", "details": []}
    }


def broken_numbers(rng: random.Random) -> Document:
    """nan, infinity and None wherever a number is due."""

    def spoil(value: Any) -> Any:
        if isinstance(value, float):
            return rng.choice([math.nan, math.inf, -math.inf, None])
        if isinstance(value, dict):
            return {key: spoil(item) for key, item in value.items()}
        return [spoil(item) for item in value] if isinstance(value, list) else value

    spoilt: Document = spoil(everything(rng))
    return spoilt


def hostile(rng: random.Random) -> Document:
    """Markup, template code and control characters in every text that a user can choose."""
    names = HOSTILE[:3]
    document = _document(rng, names, ("accuracy", "<b>my</b> metric.py"))
    document["rows"]["left_out"] = [{"why": text, "rows": 2} for text in HOSTILE]
    document["rows"]["clustered_by"] = HOSTILE[0]
    flips = _flips(rng, names[1], names[0], 8)
    for flip, text in zip(flips, HOSTILE, strict=True):
        flip |= {"input": [text, HOSTILE[0]], "gold": text, "prediction_a": text, "slices": {text: text}}
    text = "".join(HOSTILE)
    return document | {
        "labels": list(HOSTILE), "flips": flips, "slices": [_slice(rng, document, HOSTILE[0], HOSTILE)],
        "verdict": {"sentence": text, "outcome": "better", "details": list(HOSTILE)}, "command": text,
        "findings": [{"level": "warning", "text": text}], "cost": _cost(document),
        "matrix": _matrix(rng, document, HOSTILE),
    }  # fmt: skip


def bare(rng: random.Random) -> Document:
    """No key at all."""
    return {}


VARIANTS: dict[str, Callable[[random.Random], Document]] = {
    "small": small, "everything": everything, "hidden": hidden, "many_flips": many_flips, "all_pairs": all_pairs,
    "untested": untested, "broken_numbers": broken_numbers, "hostile": hostile, "bare": bare,
}  # fmt: skip


def _document(rng: random.Random, names: tuple[str, ...], metrics: tuple[str, ...]) -> Document:
    first, *others = names
    comparisons = [
        _comparison(rng, name, first, metric, place) for metric in metrics for place, name in enumerate(others)
    ]
    scores = {name: {metric: _score(rng, metric) for metric in metrics} for name in names}
    for one in comparisons:
        if one["metric"] != "log_loss":
            for name, value in ((one["a"], one["value"]), (first, one["reference"])):
                scores[name][one["metric"]] = {"value": value, "low": value - 0.03, "high": value + 0.03}
    return {
        "schema": 1, "created": "2026-03-03T14:05:12+00:00", "command": f"ftkit compare {' '.join(names)}",
        "task": "text_classification", "kind": "label", "labels": list(SUPPORT), "hidden": False,
        "primary": metrics[0],
        "metrics": [{"name": name, "higher_is_better": name != "log_loss"} for name in metrics],
        "margin": {name: None if name == "log_loss" else 0.01 for name in metrics}, "family": len(others),
        "pairs": "first", "subject": "adapters",
        "entries": [
            {"name": name, "run": f"runs/{name}", "predictor": "tfidf" if name.endswith("tfidf") else "adapted",
             "method": "lora", "base": "minilm", "seeds": [7], "folds": 0, "reference": name == first}
            for name in names
        ],
        "rows": {"compared": 412, "left_out": [], "units": None, "clustered_by": None},
        "scores": scores, "comparisons": comparisons,
        "by_fold": [], "flips": [], "flips_left_out": 0, "slices": [], "cost": [], "matrix": None, "findings": [],
        "verdict": {
            "sentence": f"{others[0]} is better than {first}: accuracy 0.874 against 0.851 (p = 0.021).",
            "details": ["The verdict is on these adapters with one seed each."], "outcome": "better",
        },
    }  # fmt: skip


def _score(rng: random.Random, metric: str) -> Document:
    value = rng.uniform(0.4, 0.5) if metric == "log_loss" else rng.uniform(0.82, 0.88)
    return {"value": value, "low": value - 0.03, "high": value + 0.03}


def _comparison(rng: random.Random, a: str, b: str, metric: str, place: int | None = None) -> Document:
    outcome = rng.choice(OUTCOMES) if place is None else ("better", "cannot tell", "worse")[place % 3]
    middle = {"better": 0.025, "worse": -0.06, "equivalent": 0.001, "not worse": 0.012, "cannot tell": 0.004}[outcome]
    gap = middle + rng.uniform(-0.002, 0.002)
    half = 0.006 if outcome == "equivalent" else 0.019
    value = 0.851 + gap
    return {
        "a": a, "b": b, "metric": metric, "value": value, "reference": 0.851,
        "difference": {"value": gap, "low": gap - half, "high": gap + half}, "p_value": 0.011, "corrected": 0.033,
        "correction": "Holm", "test": "exact McNemar" if metric == "accuracy" else "paired permutation of rows",
        "rows": 412, "units": None, "fixed": 19, "broken": 9, "smallest_effect": 0.031, "rows_needed": 3100,
        "margin": None if metric == "log_loss" else 0.01, "outcome": outcome,
        "sentence": f"{a} is {outcome} than {b}, or so it seems, by {metric}.", "note": "",
    }  # fmt: skip


def _flips(rng: random.Random, a: str, b: str, many: int) -> list[Document]:
    flips = []
    for place in range(many):
        kind, gold = ("broken" if place % 3 == 2 else "fixed"), SUPPORT[place % len(SUPPORT)]
        wrong = SUPPORT[(place + 1 + place % 2) % len(SUPPORT)]
        flips.append({
            "a": a, "b": b, "row_id": f"{place:032x}", "input": [f"{TEXTS[place % len(TEXTS)]} #{place}"], "gold": gold,
            "prediction_a": gold if kind == "fixed" else wrong, "prediction_b": wrong if kind == "fixed" else gold,
            "confidence_a": 0.5 + 0.5 * rng.random(), "confidence_b": 0.3 + 0.6 * rng.random(), "kind": kind,
            "slices": {"team": ("billing desk", "field crew")[place % 2]},
        })  # fmt: skip
    return flips


def _slice(rng: random.Random, document: Document, column: str, values: tuple[str, ...]) -> Document:
    names = [entry["name"] for entry in document["entries"]]
    found = []
    for place, value in enumerate(values):
        scores = {
            name: {"value": 0.92 - 0.05 * place + rng.uniform(-0.03, 0.03), "low": None, "high": None} for name in names
        }
        for score in scores.values():
            score |= {"low": score["value"] - 0.07, "high": score["value"] + 0.07}
        against = {}
        for name in names[1:]:
            gap = scores[name]["value"] - scores[names[0]]["value"]
            harms = place == 3 and name == names[-1]
            gap = -0.11 if harms else gap
            against[name] = {
                "difference": {"value": gap, "low": gap - 0.05, "high": gap + 0.05},
                "corrected": 0.2,
                "harms": harms,
            }
        found.append({"value": value, "rows": 140 - 10 * place, "scores": scores, "against": against})
    worst = {name: {"values": [values[-1]], "rows": 110, "score": found[-1]["scores"][name]} for name in names}
    return {"column": column, "values": found, "worst_tenth": worst}


def _cost(document: Document) -> list[Document]:
    lines = []
    for place, entry in enumerate(document["entries"]):
        baseline = entry["predictor"] != "adapted"
        lines.append({
            "name": entry["name"], "seconds": None if baseline else 2.2 * 6.0**place % 4000,
            "adapter_bytes": None if baseline else 12_900 * (4 * place + 1),
            "trainable_parameters": None if baseline else 3_080 * (20 * place + 1),
            "predictions_per_second": None if baseline else 410.0 - 3 * place,
            "score": document["scores"][entry["name"]][document["primary"]]["value"], "pareto": place in (0, 1),
        })  # fmt: skip
    return lines


def _matrix(rng: random.Random, document: Document, sets: tuple[str, ...] = SETS) -> Document:
    names = [entry["name"] for entry in document["entries"]]
    cells, summary = [], []
    for row, name in enumerate(names):
        for column, found in enumerate(sets):
            value = 0.92 - 0.06 * (row != column) - 0.04 * rng.random()
            gap = rng.uniform(-0.05, 0.05)
            against = {"entry": names[0], "difference": {"value": gap, "low": gap - 0.02, "high": gap + 0.02},
                       "corrected": 0.04, "outcome": OUTCOMES[(row + column) % 5]}  # fmt: skip
            cells.append({
                "entry": name, "set": found, "score": {"value": value, "low": value - 0.03, "high": value + 0.03},
                "rows": 400, "left_out": 12 * (row == column), "origin": "test rows" if row == column else "evaluation",
                "home": row == column, "against": None if row == 0 else against,
            })  # fmt: skip
        change = {"entry": "linear_probe", "set": sets[row % len(sets)], "corrected": 0.01, "outcome": "better",
                  "difference": {"value": 0.031, "low": 0.012, "high": 0.05}}  # fmt: skip
        lost = {"entry": "base", "set": sets[0], "corrected": 0.02, "outcome": "worse",
                "difference": {"value": -0.024, "low": -0.04, "high": -0.01}}  # fmt: skip
        summary.append({"entry": name, "gain": change, "forgetting": lost if row else None, "note": ""})
    about = [{"name": name, "file": f"{name}.csv", "rows": 400} for name in sets]
    meaning = ["Forgetting: what the adapted model lost on the source against its base."]
    return {"metric": document["primary"], "sets": about, "cells": cells, "summary": summary, "meaning": meaning}
