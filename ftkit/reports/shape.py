"""A report dict made safe to draw: every key is there, every number is finite, every text is printable.

A run that stopped half-way has no scores and a user's text holds whatever a file can hold. Both are
settled here once, so that templates and charts need no special cases.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from numbers import Integral, Real
from typing import Any

EMPTY: dict[str, Any] = {
    "schema": None,
    "status": "complete",
    "name": "run",
    "created": None,
    "command": "",
    "task": "",
    "kind": "label",
    "noun": "text",
    "method": "",
    "labels": [],
    "primary": "",
    "procedure": "",
    "folds": 0,
    "hidden": False,
    "verdict": {
        "sentence": "",
        "details": [],
        "outcome": "",
        "reference": "",
        "metric": "",
        "difference": {"value": None, "low": None, "high": None},
        "p_value": None,
        "correction": "",
        "rows": None,
        "fixed": None,
        "broken": None,
        "smallest_effect": None,
    },
    "scores": {},
    "baselines": {},
    "seeds": None,
    "slices": {},
    "per_label": [],
    "confusion": None,
    "confused": [],
    "reliability": None,
    "values": [],
    "places": None,
    "calibration": None,
    "selective": None,
    "doubtful": None,
    "history": [],
    "mistakes": [],
    "data": {
        "rows_read": None,
        "rows_used": None,
        "dropped": {},
        "examples": {},
        "split_rows": {},
        "label_counts": {},
        "distributions": {},
        "files": {},
        "findings": [],
        "detected": [],
        "folds": 0,
        "truncation_rate": None,
        "unknown_share": None,
        "trains": [],
    },
    "ladder": None,
    "rates": None,
    "curve": None,
    "choices": {},
    "cost": {
        "seconds": {},
        "peak_memory_bytes": None,
        "trainable_parameters": None,
        "total_parameters": None,
        "examples_per_second": None,
        "predictions_per_second": None,
        "frames_per_second": None,
        "adapter_bytes": None,
        "resumed": None,
        "accumulate": None,
    },
    "base": {"name": "", "revision": None, "sha256": None},
    "versions": {},
    "threads": None,
    "machine": "",
    "seed": None,
    "recipe": "",
}
ITEMS: dict[str, dict[str, Any]] = {
    "per_label": {"label": "", "rows": None, "precision": None, "recall": None, "f1": None},
    "confused": {"gold": "", "prediction": "", "rows": None},
    "mistakes": {"row_id": "", "input": [], "gold": None, "prediction": None, "confidence": None, "picture": ""},
    "values": {"target": "", "ratings": False, "rows": None, "points": [], "bins": []},
    "history": {
        "part": "",
        "member": "",
        "seed": None,
        "epoch": None,
        "step": None,
        "train_loss": None,
        "lr": None,
        "validation": None,
    },
}
FINDING = {"level": "note", "check": "", "what": "", "hint": ""}
BIN = {"confidence": None, "accuracy": None, "rows": None, "low": None, "high": None}
RUNG: dict[str, Any] = {"method": "", "label": "", "arithmetic": None, "score": None, "parts": {}}
CLIMB = {"score": None, "gain": None, "standard_error": None, "needed": None, "climbed": False, "rows": None}
SCORE: dict[str, Any] = {"value": None, "low": None, "high": None}
CONFIDENCES: dict[str, Any] = {"ece": SCORE, "brier": SCORE, "log_loss": SCORE}
CALIBRATION: dict[str, Any] = {
    "temperature": None,
    "fitted_on_rows": None,
    "why_not": "",
    "parts": {},
    "before": CONFIDENCES,
    "after": None,
    "change": None,
    "reliability": {"before": None, "after": None},
}
SELECTIVE: dict[str, Any] = {"chosen_on": "", "rows": None, "curve": [], "wanted": []}
POINT = {"coverage": None, "confidence": None, "accuracy": None, "low": None, "high": None}
WANTED: dict[str, Any] = {"wanted": None, "threshold": None, "coverage": None, "rows": None, "accuracy": None}
DOUBTFUL: dict[str, Any] = {
    "checked": None,
    "rare": None,
    "why_not": "",
    "counts": {"doubted": None, "contradicting": None},
    "doubted": [],
    "contradicting": [],
    "file": None,
}
DOUBT: dict[str, Any] = {
    "file": "",
    "line": None,
    "input": [],
    "label": None,
    "suggestion": None,
    "doubt": None,
    "why": "",
}
SEEDS: dict[str, Any] = {"seeds": [], "values": [], "mean": None, "sd": None, "delivered": None}
CURVE: dict[str, Any] = {
    "metric": "", "sentence": "", "labels": None, "rows": None, "seeds": None, "points": {}, "left_out": [],
    "outcome": "", "reason": "", "back_test": None, "trend": [], "ahead": [], "exponent": None, "limit": None,
}  # fmt: skip
SHARE: dict[str, Any] = {"labels": 1.0, "value": None, "low": None, "high": None, "values": []}
BACK_TEST = {"labels": None, "from": None, "expected": None, "low": None, "high": None, "value": None, "inside": False}

LARGEST = 1e30
"""a number beyond is an accident, and no axis can hold it"""

# Neither HTML nor SVG can hold these: control characters, lone surrogates, non-characters.
UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


def filled(report: Mapping[str, Any]) -> dict[str, Any]:
    """The report with all keys of schema 1, cleaned values, and no mistakes where rows are hidden."""
    whole = with_defaults(clean(report), EMPTY)
    for key, default in ITEMS.items():
        whole[key] = [with_defaults(item, default) for item in whole[key]]
    whole["data"] = filled_data(whole["data"])
    whole["reliability"] = _reliability(whole["reliability"])
    if whole["calibration"] is not None:
        whole["calibration"] = _calibration(whole["calibration"])
    if whole["selective"] is not None:
        whole["selective"] = with_defaults(whole["selective"], SELECTIVE)
        whole["selective"]["curve"] = [with_defaults(item, POINT) for item in whole["selective"]["curve"]]
        whole["selective"]["wanted"] = [_wanted(item) for item in whole["selective"]["wanted"]]
    if whole["seeds"] is not None:
        whole["seeds"] = with_defaults(whole["seeds"], SEEDS)
    if whole["ladder"] is not None:
        whole["ladder"] = with_defaults(whole["ladder"], {"rungs": [], "chosen": {}})
        whole["ladder"]["rungs"] = [_rung(item) for item in whole["ladder"]["rungs"]]
    if whole["rates"] is not None:
        whole["rates"] = with_defaults(whole["rates"], {"candidates": [], "scores": {}, "chosen": {}})
    if whole["doubtful"] is not None:
        whole["doubtful"] = _doubtful(whole["doubtful"], whole["hidden"])
    if whole["curve"] is not None:
        whole["curve"] = _curve(whole["curve"])
    if whole["hidden"]:
        whole["mistakes"] = []
    return whole


def _doubtful(value: Any, hidden: bool) -> dict[str, Any]:
    whole = with_defaults(value, DOUBTFUL)
    for kind in ("doubted", "contradicting"):
        whole[kind] = [] if hidden else [with_defaults(item, DOUBT) for item in whole[kind]]
    return whole


def _reliability(value: Any) -> dict[str, Any] | None:
    if value is None:
        return None
    whole = with_defaults(value, {"ece": None, "bins": []})
    return whole | {"bins": [with_defaults(item, BIN) for item in whole["bins"]]}


def _calibration(value: Any) -> dict[str, Any]:
    whole = with_defaults(value, CALIBRATION)
    whole["reliability"] = {name: _reliability(item) for name, item in whole["reliability"].items()}
    if whole["after"] is not None:
        whole["after"] = with_defaults(whole["after"], CONFIDENCES)
    if whole["change"] is not None:
        whole["change"] = with_defaults(whole["change"], SCORE | {"outcome": ""})
    return whole


def _wanted(value: Any) -> dict[str, Any]:
    whole = with_defaults(value, WANTED)
    return whole | {"accuracy": None if whole["accuracy"] is None else with_defaults(whole["accuracy"], SCORE)}


def _curve(value: Any) -> dict[str, Any]:
    """Points without a place on the axis, or without a value, are left out."""

    def placed(items: Any) -> list[dict[str, Any]]:
        filled = [with_defaults(item, SHARE) for item in items]
        known = [item for item in filled if item["value"] is not None and (item["labels"] or 0) > 0]
        return [item | {"values": [one for one in item["values"] if one is not None]} for item in known]

    curve = with_defaults(value, CURVE)
    curve |= {key: placed(curve[key]) for key in ("trend", "ahead")}
    curve["points"] = {name: placed(items) for name, items in curve["points"].items()}
    if curve["back_test"] is not None:
        curve["back_test"] = with_defaults(curve["back_test"], BACK_TEST)
    return curve


def _rung(value: Any) -> dict[str, Any]:
    rung = with_defaults(value, RUNG)
    rung["parts"] = {part: with_defaults(item, CLIMB) for part, item in rung["parts"].items()}
    return rung


def filled_data(data: Mapping[str, Any]) -> dict[str, Any]:
    """The same for the data report alone, as `ftkit check` has it."""
    whole = with_defaults(clean(data), EMPTY["data"])
    whole["findings"] = [with_defaults(item, FINDING) for item in whole["findings"]]
    return whole


def clean(value: Any) -> Any:
    """Plain lists and dicts with printable text; numbers that are not finite become None."""
    if isinstance(value, str):
        return UNPRINTABLE.sub("\ufffd", value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        number = float(value)
        return number if math.isfinite(number) and abs(number) < LARGEST else None
    if isinstance(value, Mapping):
        return {clean(str(key)): clean(item) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return clean(asdict(value))
    if isinstance(value, (list, tuple)):
        return [clean(item) for item in value]
    return clean(str(value))


def with_defaults(value: Any, default: Mapping[str, Any]) -> dict[str, Any]:
    """`value` plus the default of each key that it lacks, or that holds None where a mapping is due."""
    whole = dict(value) if isinstance(value, Mapping) else {}
    for key, fallback in default.items():
        if isinstance(fallback, Mapping):
            whole[key] = with_defaults(whole.get(key), fallback)
        elif key not in whole or (whole[key] is None and isinstance(fallback, (list, str))):
            whole[key] = list(fallback) if isinstance(fallback, list) else fallback
    return whole
