"""A comparison's document made safe to draw, as `shape` does it for a run's report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ftkit.reports.shape import clean, with_defaults

DIFFERENCE: dict[str, Any] = {"value": None, "low": None, "high": None}
EMPTY: dict[str, Any] = {
    "schema": None,
    "created": None,
    "command": "",
    "task": "",
    "kind": "label",
    "labels": [],
    "hidden": False,
    "primary": "",
    "metrics": [],
    "margin": {},
    "family": None,
    "pairs": "first",
    "subject": "",
    "entries": [],
    "rows": {"compared": None, "left_out": [], "units": None, "clustered_by": None},
    "scores": {},
    "comparisons": [],
    "by_fold": [],
    "verdict": {"sentence": "", "outcome": "", "details": []},
    "flips": [],
    "flips_left_out": 0,
    "slices": [],
    "cost": [],
    "gate": {"require": "", "met": None, "failed": []},
    "findings": [],
}
COMPARISON: dict[str, Any] = {
    "a": "",
    "b": "",
    "metric": "",
    "value": None,
    "reference": None,
    "difference": DIFFERENCE,
    "corrected": None,
    "correction": "",
    "test": "",
    "rows": None,
    "fixed": None,
    "broken": None,
    "smallest_effect": None,
    "rows_needed": None,
    "margin": None,
    "outcome": "",
    "sentence": "",
    "note": "",
}
FLIP: dict[str, Any] = {
    "a": "",
    "b": "",
    "input": [],
    "gold": None,
    "prediction_a": None,
    "prediction_b": None,
    "confidence_a": None,
    "confidence_b": None,
    "kind": "",
    "slices": {},
}
ENTRY = {"name": "", "run": "", "predictor": "", "method": "", "base": "", "seeds": [], "folds": 0, "reference": False}
ITEMS: dict[str, Mapping[str, Any]] = {
    "metrics": {"name": "", "higher_is_better": True},
    "entries": ENTRY,
    "comparisons": COMPARISON,
    "by_fold": {"a": "", "b": "", "metric": "", "folds": [], "meaning": ""},
    "flips": FLIP,
    "slices": {"column": "", "values": [], "worst_tenth": {}},
    "cost": {
        "name": "",
        "seconds": None,
        "adapter_bytes": None,
        "trainable_parameters": None,
        "predictions_per_second": None,
        "score": None,
        "pareto": False,
    },
    "findings": {"level": "info", "text": ""},
}
FOLD = {"fold": None, "rows": None, "difference": None}
SLICE: dict[str, Any] = {"value": "", "rows": None, "scores": {}, "against": {}}
HARM: dict[str, Any] = {"difference": DIFFERENCE, "corrected": None, "harms": False}
WORST: dict[str, Any] = {"values": [], "rows": None, "score": {}}
MATRIX: dict[str, Any] = {"metric": "", "sets": [], "cells": [], "summary": [], "meaning": []}
SET = {"name": "", "file": "", "rows": None}
AGAINST: dict[str, Any] = {"entry": "", "set": "", "difference": DIFFERENCE, "corrected": None, "outcome": ""}
CELL: dict[str, Any] = {
    "entry": "",
    "set": "",
    "score": {},
    "rows": None,
    "left_out": None,
    "origin": "",
    "home": False,
    "against": None,
}
SUMMARY: dict[str, Any] = {"entry": "", "gain": None, "forgetting": None, "note": ""}


def filled(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with all keys of schema 1 and cleaned values; without rows where they are hidden."""
    whole = with_defaults(clean(document), EMPTY)
    for key, default in ITEMS.items():
        whole[key] = [with_defaults(item, default) for item in whole[key]]
    for pair in whole["by_fold"]:
        pair["folds"] = [with_defaults(item, FOLD) for item in pair["folds"]]
    whole["slices"] = [_slice(item) for item in whole["slices"]]
    whole["matrix"] = _matrix(whole["matrix"]) if whole.get("matrix") else None
    if whole["hidden"]:
        whole["flips"] = []
    return whole


def _slice(column: dict[str, Any]) -> dict[str, Any]:
    values = [with_defaults(item, SLICE) for item in column["values"]]
    for value in values:
        value["against"] = {name: with_defaults(item, HARM) for name, item in value["against"].items()}
    worst = {name: with_defaults(item, WORST) for name, item in column["worst_tenth"].items()}
    return column | {"values": values, "worst_tenth": worst}


def _matrix(found: Any) -> dict[str, Any]:
    whole = with_defaults(found, MATRIX)
    whole["sets"] = [with_defaults(item, SET) for item in whole["sets"]]
    whole["cells"] = [_against(with_defaults(item, CELL), "against") for item in whole["cells"]]
    whole["summary"] = [_against(with_defaults(item, SUMMARY), "gain", "forgetting") for item in whole["summary"]]
    return whole


def _against(item: dict[str, Any], *keys: str) -> dict[str, Any]:
    return item | {key: with_defaults(item[key], AGAINST) if item[key] else None for key in keys}
