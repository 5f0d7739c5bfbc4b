"""Report dicts that look like those of real runs, and the odd ones that no run should break on."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from functools import cache
from typing import Any

from ftkit.reports.page import render_run

Report = dict[str, Any]

METRICS = ("accuracy", "macro_f1", "micro_f1", "precision", "recall", "matthews", "roc_auc", "log_loss", "ece", "brier")
BASELINES = ("majority", "tfidf", "nearest_neighbour", "linear_probe")
QUALITY = {"adapted": 0.874, "majority": 0.131, "tfidf": 0.781, "nearest_neighbour": 0.806, "linear_probe": 0.851}
MINILM = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
SUPPORT = ("billing", "cancel", "delivery", "login", "other", "praise", "refund", "technical fault")
TEXTS = (
    "hi, i was charged twice for order #88213 in march, pls sort it out",
    "Parcel says delivered. It is not. Neighbour hasn't got it either, and the photo shows a blue door (ours is red).",
    "app logs me out evry time i open it since the update???",
    "Thanks to whoever picked up the phone on Tuesday, you saved our opening night!",
    "code E-417 on the display, restarted it 3x, still E-417",
    "I want my money back and I want to close the account. In that order.",
    "how do i change the card that you charge",
    "ok",
    "We moved. New address is on the invoice but not on the parcel label, so it went to the old place again, and "
    "the old place is a building site now. Could somebody please change it everywhere at once, and tell us when the "
    "parcel turns up? This is the third time that I write, each time to another address that your site gave me.",
)
HOSTILE = (
    "<script>alert(1)</script>",
    "</textarea><img src=x onerror=alert(2)>",
    '"><svg onload=alert(3)>',
    "{{ 7 * 7 }} {% raw %} ${7*7} `x`",
    "</style></script><!--",
    "line\none\ttab \x00\x07 \ud800 \u202eright to left",
    "[link](javascript:alert(4)) | pipe | *star* _under_ # hash",
    "javascript:alert(5)",
)


def make_report(variant: str = "support", seed: int = 0) -> Report:
    """A report dict; see VARIANTS for the names."""
    return VARIANTS[variant](random.Random(seed))


def make_rows(report: Report, seed: int = 0) -> list[Report]:
    """What the adapter said of each test row, as many of each kind as the report's confusions count."""
    rng = random.Random(seed)
    found = report.get("confusion") or {"labels": ["praise", "refund"], "counts": [[9, 1], [2, 8]]}
    names, counts = found["labels"], found["counts"]
    texts = HOSTILE if HOSTILE[0] in names else TEXTS
    pairs = [(i, j) for i, row in enumerate(counts) for j, rows in enumerate(row) for _ in range(rows)]
    rng.shuffle(pairs)
    several = report.get("kind") == "labels"
    return [
        {
            "row_id": f"{place:032x}",
            "input": [texts[place % len(texts)]],
            "gold": [names[i], "praise"] if several else names[i],
            "prediction": [names[j]] if several else names[j],
            "confidence": 0.4 + 0.6 * rng.random() if i == j else 0.3 + 0.6 * rng.random(),
            "slices": {column: list(values)[place % len(values)] for column, values in report["slices"].items()},
        }
        for place, (i, j) in enumerate(pairs)
    ]


@cache
def page_of(variant: str) -> str:
    """The page of a variant, drawn once for all tests."""
    report = make_report(variant)
    return render_run(report, make_rows(report) if report.get("scores") else None)


def support(rng: random.Random) -> Report:
    """About 400 short messages in 8 labels, cross-fitted, one seed: the everyday run."""
    report = _run(rng, SUPPORT, 412, "out_of_fold", ("accuracy", "macro_f1", "log_loss", "ece"))
    for scores in (report["scores"]["test"], *report["baselines"].values()):
        for entry in scores.values():
            entry["note"] = "out of fold: of the procedure in 5 folds, not of one adapter"
    report["baselines"]["tfidf"]["ece"]["note"] += "; bins are few"
    return report | {
        "slices": _slices(rng, "team", ("billing desk", "field crew", "night shift", "web shop")),
        "mistakes": _mistakes(rng, SUPPORT, 24),
        "ladder": _ladder(),
        "rates": _rates(),
        "calibration": _calibration(rng, 412),
        "selective": _selective(412),
        "doubtful": _doubtful(SUPPORT, TEXTS),
        "curve": _curve(rng),
    }


def banking(rng: random.Random) -> Report:
    """77 labels, 3,080 test rows, three seeds, every metric: the widest usual page."""
    names = [f"{verb}_{thing}" for verb in ("card", "top_up", "transfer", "cash", "exchange", "pin", "country")
             for thing in ("arrival", "failed", "not_working", "fee_charged", "pending", "reverted", "lost_or_stolen",
                           "limits", "wrong_amount", "declined", "supported")]  # fmt: skip
    report = _run(rng, names, 3080, "held_out", METRICS)
    report["verdict"] |= {
        "sentence": "The adapted model and the linear probe are equivalent in accuracy: less than 1 point apart.",
        "outcome": "equivalent", "difference": {"value": 0.0016, "low": -0.0058, "high": 0.009}, "p_value": 0.72,
        "fixed": 61, "broken": 56, "smallest_effect": 0.011,
        "details": ["Three seeds were trained; the one with the median validation score is delivered."],
    }  # fmt: skip
    report["scores"]["test"] = _scores(rng, 0.8526, 3080, METRICS)
    seeds = {"seeds": [7, 8, 9], "values": [0.848, 0.853, 0.851], "mean": 0.8507, "sd": 0.0025, "delivered": 9}
    report["history"] = _history(rng, [("final", f"inner {i}", s) for i in (1, 2, 3) for s in (7, 8, 9)])
    return report | {"name": "b77", "seeds": seeds, "mistakes": _mistakes(rng, names, 30), "slices": {}} | {
        "calibration": _calibration(rng, 3080), "selective": _selective(3080)
    }  # fmt: skip


def multi_label(rng: random.Random) -> Report:
    """Several labels a row: no confusion matrix, lists of labels in the mistakes."""
    report = support(rng) | {"kind": "labels", "confusion": None, "confused": [], "primary": "micro_f1"}
    for mistake in report["mistakes"]:
        mistake["gold"] = [mistake["gold"], "praise"]
        mistake["prediction"] = []
    report["scores"] = {"test": _scores(rng, 0.81, 412, ("micro_f1", "macro_f1"))}
    report["baselines"] = {n: _scores(rng, QUALITY[n], 412, ("micro_f1", "macro_f1")) for n in BASELINES}
    report["verdict"]["metric"] = "micro_f1"
    report["calibration"] |= {"reliability": {"before": None, "after": None}}
    for row in report["doubtful"]["doubted"]:
        row |= {"label": [row["label"]], "suggestion": []}
    return report


def hidden(rng: random.Random) -> Report:
    """Private rows: names are stand-ins already; a forgotten mistake must not show all the same."""
    names = [f"label {i + 1}" for i in range(8)]
    report = _run(rng, names, 412, "out_of_fold", ("accuracy", "macro_f1"))
    leaked = {"row_id": "x", "input": ["PLANTED-MARKER"], "gold": "label 1", "prediction": "label 2", "confidence": 0.9}
    slices = _slices(rng, "team", ("slice 1", "slice 2"))
    doubtful = _doubtful(names, ("PLANTED-MARKER",) * 9) | {"file": None}
    return report | {"hidden": True, "mistakes": [leaked], "slices": slices, "doubtful": doubtful}


def worse(rng: random.Random) -> Report:
    """A base that does not know the script: the model without pretraining wins, and says so first."""
    report = _run(rng, ("差评", "好评"), 600, "out_of_fold", ("accuracy", "log_loss"))
    report["verdict"] |= {
        "sentence": "A model without pretraining wins: TF-IDF gets 0.831, the adapted model 0.655 (accuracy).",
        "outcome": "worse", "reference": "tfidf", "difference": {"value": -0.176, "low": -0.21, "high": -0.14},
        "p_value": 1e-9, "fixed": 31, "broken": 137,
        "details": ["The adapted model is better than the linear probe, by 1.5 points, but neither reads this script."],
    }  # fmt: skip
    qualities = {"adapted": 0.655, "majority": 0.52, "tfidf": 0.831, "nearest_neighbour": 0.6, "linear_probe": 0.64}
    scored = {name: _scores(rng, quality, 600, ("accuracy", "log_loss")) for name, quality in qualities.items()}
    report["scores"], report["baselines"] = {"test": scored.pop("adapted")}, scored
    report["data"]["unknown_share"] = 0.74
    why = {"temperature": None, "why_not": "fold 1: only 24 validation rows, and a temperature takes 30"}
    report["calibration"] = _calibration(rng, 600) | why | {"after": None, "change": None}
    report["selective"] = _selective(600) | {"chosen_on": "test"}
    what = "74 % of the characters (Han) are unknown to this base"
    hint = "choose a base that knows the script: --base HUB_ID"
    report["data"]["findings"].insert(0, {"level": "warning", "check": "unknown tokens", "what": what, "hint": hint})
    report["mistakes"] = [
        {
            "row_id": "1",
            "input": ["机子很卡 建议大家慎重 还不给退货！"],
            "gold": "差评",
            "prediction": "好评",
            "confidence": 0.9,
        }
    ]
    return report


def partial(rng: random.Random) -> Report:
    """Interrupted in the third fold: data, cost and history, but no scores."""
    report = support(rng)
    lost: tuple[str, ...] = ("verdict", "scores", "baselines", "per_label", "confusion", "confused")
    lost += ("reliability", "calibration", "selective", "doubtful", "mistakes", "slices", "curve")
    return {key: value for key, value in report.items() if key not in lost} | {"status": "partial"}


def failed(rng: random.Random) -> Report:
    """Nothing but a name and a status."""
    return {"schema": 1, "status": "failed", "name": "reviews-2"}


def bare(rng: random.Random) -> Report:
    """No key at all."""
    return {}


def one_label(rng: random.Random) -> Report:
    """One label, one row, one epoch, no intervals."""
    report = _run(rng, ("only",), 1, "held_out", ("accuracy",))
    for scores in (report["scores"]["test"], *report["baselines"].values()):
        for entry in scores.values():
            entry |= {"low": None, "high": None, "note": "too few rows for an interval"}
    report["history"] = report["history"][:1]
    report["verdict"] |= {"outcome": "cannot tell", "sentence": "One row cannot tell anything.", "p_value": None}
    report["verdict"]["difference"] = {"value": 0.0, "low": None, "high": None}
    return report


def many_labels(rng: random.Random) -> Report:
    """150 labels with long names."""
    names = [f"a rather long label name number {i} with a tail that goes on and on" for i in range(150)]
    return _run(rng, names, 3000, "held_out", METRICS) | {"mistakes": _mistakes(rng, names, 30)}


def broken_numbers(rng: random.Random) -> Report:
    """nan, infinity and None wherever a number is due."""

    def spoil(value: Any) -> Any:
        if isinstance(value, float):
            return rng.choice([math.nan, math.inf, -math.inf, None])
        if isinstance(value, dict):
            return {key: spoil(item) for key, item in value.items()}
        return [spoil(item) for item in value] if isinstance(value, list) else value

    spoilt: Report = spoil(support(rng))
    return spoilt


def hostile(rng: random.Random) -> Report:
    """Markup, template code and control characters in every text that a user can choose."""
    report = _run(rng, HOSTILE, 400, "out_of_fold", ("accuracy", "<b>my</b> metric.py"))
    report["mistakes"] = _mistakes(rng, HOSTILE, 8)
    for mistake, text in zip(report["mistakes"], HOSTILE, strict=True):
        mistake["input"] = [text, HOSTILE[0]]
    data = report["data"]
    data["files"] = {text: "0" * 64 for text in HOSTILE}
    data["dropped"] = dict.fromkeys(HOSTILE, 3)
    data["examples"] = {text: list(HOSTILE) for text in HOSTILE}
    data["findings"] = [{"level": "warning", "check": text, "what": text, "hint": text} for text in HOSTILE]
    data["detected"] = list(HOSTILE)
    report["slices"] = _slices(rng, HOSTILE[0], HOSTILE[1:])
    report["doubtful"] = _doubtful(HOSTILE, HOSTILE)
    text = "".join(HOSTILE)
    report["verdict"] |= {"sentence": text, "details": list(HOSTILE)}
    return report | {"name": text, "recipe": text, "command": text, "machine": text, "versions": {text: text}}


VARIANTS: dict[str, Callable[[random.Random], Report]] = {
    "support": support, "banking": banking, "multi_label": multi_label, "hidden": hidden, "worse": worse,
    "partial": partial, "failed": failed, "bare": bare, "one_label": one_label, "many_labels": many_labels,
    "broken_numbers": broken_numbers, "hostile": hostile,
}  # fmt: skip


def _run(rng: random.Random, labels: Any, rows: int, procedure: str, metrics: tuple[str, ...]) -> Report:
    labels = list(labels)
    folds = 5 if procedure == "out_of_fold" else 0
    parts = [f"fold {i + 1}" for i in range(folds)] + ["final"]
    keys = [(part, member, 7) for part in parts for member in ("inner 1", "inner 2", "fit")]
    return {
        "schema": 1, "status": "complete", "name": "reviews-1", "created": "2026-03-03T14:05:12+00:00",
        "command": "ftkit train messages.csv", "task": "text_classification", "kind": "label", "method": "lora",
        "labels": labels, "primary": metrics[0], "procedure": procedure, "folds": folds, "hidden": False,
        "verdict": {
            "sentence": "The adapted model is better than the linear probe: accuracy 0.874 against 0.851.",
            "details": [
                "The difference is 2.3 points, with a 95 % interval from 0.4 to 4.2 points (McNemar test, p = 0.021).",
                "Of 412 rows, it mends 19 that the probe gets wrong and breaks 9 that it gets right.",
                "One seed: the verdict is on this adapter, not on the recipe.",
            ],
            "outcome": "better", "reference": "linear_probe", "metric": metrics[0],
            "difference": {"value": 0.023, "low": 0.004, "high": 0.042}, "p_value": 0.021, "rows": rows, "fixed": 19,
            "broken": 9, "smallest_effect": 0.031,
        },
        "scores": {"test": _scores(rng, QUALITY["adapted"], rows, metrics)},
        "baselines": {name: _scores(rng, QUALITY[name], rows, metrics) for name in BASELINES},
        "seeds": None, "slices": {}, "mistakes": [], "history": _history(rng, keys),
        "reliability": {"ece": 0.041, "bins": _bins(rng, rows)},
        "data": _data(rng, labels, rows, folds),
        "choices": {
            "pooling": "mean", "normalise": True, "probe_c": 10.0, "lr": 0.001,
            "epochs": {f"{part}, seed 7": 3 + rng.randrange(3) for part in parts},
        },
        "cost": {
            "seconds": {"read": 0.41, "features": 6.2, "train": 48.9, "baselines": 3.7, "report": 1.1, "total": 60.3},
            "peak_memory_bytes": 1_134_000_000, "trainable_parameters": 77_192, "total_parameters": 22_790_000,
            "examples_per_second": 291.4, "predictions_per_second": 612.7, "adapter_bytes": 309_800,
        },
        "base": {"name": "minilm", "revision": "0.1.0", "sha256": MINILM},
        "versions": {"ftkit": "0.1.0", "python": "3.11.7", "torch": "2.13.0+cpu", "transformers": "5.23.0"},
        "threads": 2, "machine": "Linux x86_64, 2 cores, 24 GB", "seed": 7, "recipe": RECIPE,
    } | _by_label(rng, labels, rows)  # fmt: skip


RECIPE = """base: minilm
task:
  name: text_classification
  text: message
  label: category
  max_length: 128
data:
  train: messages.csv
  validation: auto
  folds: 5
method:
  name: lora
  rank: 8
  layers: last 2
train:
  epochs: 10
  lr: 0.001
seed: 7
"""


def _scores(rng: random.Random, quality: float, rows: int, metrics: tuple[str, ...]) -> Report:
    scores = {}
    for name in metrics:
        value = {"log_loss": 2.2 * (1.05 - quality), "ece": 0.05, "brier": 1.4 * (1 - quality)}.get(name, quality)
        value = value + rng.uniform(-0.004, 0.004) if name != metrics[0] else value
        half = 1.96 * math.sqrt(max(value * (1 - value), 0.01) / max(rows, 1))
        scores[name] = {"value": value, "low": value - half, "high": value + half}
    return scores


def _by_label(rng: random.Random, labels: list[str], rows: int) -> Report:
    size = len(labels)
    counts = [[0] * size for _ in range(size)]
    for row in range(rows):
        gold = row % size
        right = rng.random() < 0.87 or size == 1
        counts[gold][gold if right else (gold + rng.choice([1, 1, 1, 2, 3, size // 2])) % size] += 1
    pairs: list[Report] = [
        {"gold": labels[i], "prediction": labels[j], "rows": counts[i][j]}
        for i in range(size) for j in range(size) if i != j and counts[i][j]
    ]  # fmt: skip
    per_label = []
    for i, label in enumerate(labels):
        precision = counts[i][i] / max(sum(counts[j][i] for j in range(size)), 1)
        recall = counts[i][i] / max(sum(counts[i]), 1)
        f1 = 2 * precision * recall / max(precision + recall, 1e-9)
        per_label.append({"label": label, "rows": sum(counts[i]), "precision": precision, "recall": recall, "f1": f1})
    pairs.sort(key=lambda pair: -pair["rows"])
    return {"confusion": {"labels": labels, "counts": counts}, "confused": pairs[:20], "per_label": per_label}


def _calibration(rng: random.Random, rows: int) -> Report:
    def scores(ece: float, brier: float, loss: float) -> Report:
        values = {"ece": ece, "brier": brier, "log_loss": loss}
        return {name: {"value": value, "low": value * 0.9, "high": value * 1.1} for name, value in values.items()}

    return {
        "temperature": 0.733, "fitted_on_rows": 158, "why_not": "",
        "parts": {f"fold {i}": {"temperature": 0.6 + i / 20, "rows": 120} for i in range(1, 6)},
        "before": scores(0.096, 0.33, 0.69), "after": scores(0.049, 0.31, 0.64),
        "change": {"value": 0.055, "low": 0.03, "high": 0.08, "outcome": "better", "note": ""},
        "reliability": {when: {"ece": 0.05, "bins": _bins(rng, rows)} for when in ("before", "after")},
    }  # fmt: skip


def _selective(rows: int) -> Report:
    curve = [
        {"coverage": i / 20, "confidence": 1 - i / 30, "accuracy": 1 - i / 120, "low": 0.95 - i / 110, "high": 1.0}
        for i in range(1, 21)
    ]
    score = {"value": 0.961, "low": 0.93, "high": 0.98}
    wanted: list[Report] = [
        {"wanted": 0.9, "threshold": 0.4312, "coverage": 0.83, "rows": int(0.83 * rows), "accuracy": score},
        {"wanted": 0.95, "threshold": 0.7029, "coverage": 0.6, "rows": int(0.6 * rows), "accuracy": score},
        {"wanted": 0.99, "threshold": None, "coverage": None, "rows": None, "accuracy": None},
    ]
    return {"chosen_on": "validation", "rows": 158, "curve": curve, "wanted": wanted}


def _doubtful(labels: Any, texts: tuple[str, ...]) -> Report:
    rows: list[Report] = [
        {
            "row_id": str(i), "file": "messages.csv", "line": 10 * i + 2, "input": [text],
            "label": labels[i % len(labels)], "suggestion": labels[(i + 1) % len(labels)], "doubt": 0.99 - i / 20,
            "why": "doubted by a cross-validated linear probe",
        }
        for i, text in enumerate(texts)
    ]  # fmt: skip
    other = {"suggestion": None, "doubt": None, "why": f"near-equal to messages.csv:7, which is labelled {labels[0]}"}
    counts = {"doubted": len(rows) + 11, "contradicting": 1}
    return {
        "checked": 412, "rare": 3, "why_not": "", "counts": counts, "file": "label_review.csv",
        "doubted": rows, "contradicting": [rows[0] | other],
    }  # fmt: skip


def _curve(rng: random.Random) -> Report:
    """Halvings up to the 330 labels that each fold trains on, and what lies ahead."""

    def law(labels: float) -> float:
        return 1 - 0.45 * (labels / 20.6) ** -0.45

    def at(labels: float, half: float) -> Report:
        return {"labels": labels, "value": law(labels), "low": law(labels) - half, "high": law(labels) + half}

    def points(less: float) -> list[Report]:
        found = []
        for back in (16, 8, 4, 2, 1):
            values = [law(330 / back) - less + rng.uniform(-0.2, 0.2) / (330 / back) ** 0.5 for _ in range(3)]
            mean = sum(values) / 3
            found.append(
                {"labels": 330 / back, "value": mean, "low": mean - 0.04, "high": mean + 0.04, "values": values}
            )
        return found

    gain = {"value": law(660) - law(330), "low": 0.012, "high": 0.049}
    return {
        "metric": "accuracy", "labels": 412, "rows": 412, "seeds": 3, "left_out": [], "outcome": "gain", "reason": "",
        "sentence": "Twice the labels to train on (660 instead of 330) would be expected to bring accuracy from about "
        "0.870 to 0.905 (0.870 to 0.935), a gain of +3.5 points (+1.2 to +4.9).",
        "points": {"adapted": points(0), "linear_probe": points(0.03)},
        "trend": [at(20.625 * 2 ** (step / 4), 0.03 + 0.001 * step) for step in range(25)],
        "ahead": [at(660, 0.05) | {"gain": gain}, at(1320, 0.054) | {"gain": gain}],
        "exponent": {"value": 0.45, "low": 0.2, "high": 0.8}, "limit": {"value": 0.98, "low": 0.9, "high": 1.0},
        "back_test": {"labels": 330, "from": 165, "expected": 0.871, "low": 0.83, "high": 0.91, "value": 0.868,
                      "inside": True},
    }  # fmt: skip


def _ladder() -> Report:
    """Five folds: four climb one rung and leave the next, one stays at the bottom."""
    labels = (("head", "head", 0.0), ("lora", "lora, last 2 blocks", 3.1e11), ("lora", "lora, all blocks", 1.9e12))
    gains = {1: (0.021, 0.016, 0.03, 0.004, 0.018), 2: (0.004, -0.001, 0.002, None, 0.003)}
    rungs: list[Report] = []
    for place, (method, label, arithmetic) in enumerate(labels):
        parts: Report = {}
        for fold in range(5):
            before = rungs[-1]["parts"].get(f"fold {fold + 1}") if rungs else None
            gain = gains[place][fold] if place else None
            if place and gain is None:
                continue
            score = 0.84 + 0.008 * fold if before is None else before["score"] + gain
            needed = 0.0068 + 0.0002 * fold if place else None
            parts[f"fold {fold + 1}"] = {
                "score": score, "gain": gain, "standard_error": 0.0141 if place else None, "needed": needed,
                "climbed": bool(gain is not None and needed is not None and gain > needed), "rows": 165 - fold,
            }  # fmt: skip
        pooled = sum(one["score"] for one in parts.values()) / len(parts)
        rungs.append({"method": method, "label": label, "arithmetic": arithmetic, "parts": parts, "score": pooled})
    chosen = {f"fold {fold}": "head" if fold == 4 else "lora, last 2 blocks" for fold in range(1, 6)}
    return {"rungs": rungs, "chosen": chosen | {"final": "lora, last 2 blocks"}}


def _rates() -> Report:
    scores = {f"fold {i}": {"0.0003": 0.853, "0.001": 0.862, "0.003": 0.849 + 0.004 * i} for i in range(1, 6)}
    chosen: Report = {
        part: max(map(float, found), key=lambda rate, at=found: at[str(rate)]) for part, found in scores.items()
    }
    return {"candidates": [0.0003, 0.001, 0.003], "scores": scores, "chosen": chosen | {"final": 0.001}}


def _history(rng: random.Random, keys: list[tuple[str, str, int]]) -> list[Report]:
    steps = []
    for part, member, seed in keys:
        epochs = 6 + rng.randrange(4)
        shift = rng.uniform(-0.02, 0.02)
        for epoch in range(epochs + 1):
            gain = 0.03 * (1 - math.exp(-epoch / 2)) - 0.002 * max(0, epoch - 4)
            loss = 0.62 * math.exp(-epoch / 4) + 0.05 + abs(shift)
            held = {"accuracy": 0.85 + shift + gain + rng.uniform(-0.004, 0.004)}
            held["log_loss"] = 0.55 - 5 * gain + 0.012 * max(0, epoch - 3) + shift
            steps.append({
                "part": part, "member": member, "seed": seed, "epoch": epoch, "step": epoch * 13,
                "train_loss": loss if epoch else None, "lr": 1e-3 * (1 - epoch / 10),
                "validation": held if member != "fit" else None,
            })  # fmt: skip
    return steps


def _bins(rng: random.Random, rows: int) -> list[Report]:
    bins = []
    for place in range(10):
        confidence = 0.05 + place / 10
        right = min(1.0, max(0.0, confidence - 0.04 + rng.uniform(-0.05, 0.05)))
        bins.append({"confidence": confidence, "accuracy": right, "rows": int(rows * 0.02 * (place + 1) ** 1.2 / 5),
                     "low": max(0.0, right - 0.12), "high": min(1.0, right + 0.1)})  # fmt: skip
    return bins


def _slices(rng: random.Random, column: str, values: Any) -> Report:
    found = {}
    for place, value in enumerate(values):
        quality = 0.92 - 0.05 * place
        found[value] = {"rows": 140 - 20 * place} | _scores(rng, quality, 140 - 20 * place, ("accuracy", "macro_f1"))
    return {column: found}


def _mistakes(rng: random.Random, labels: Any, many: int) -> list[Report]:
    labels = list(labels)
    return [
        {"row_id": f"{i:032x}", "input": [TEXTS[i % len(TEXTS)]], "gold": labels[i % len(labels)],
         "prediction": labels[(i + 1) % len(labels)], "confidence": 0.99 - 0.013 * i}
        for i in range(many)
    ]  # fmt: skip


def _data(rng: random.Random, labels: list[str], rows: int, folds: int) -> Report:
    per = max(rows // len(labels), 1)
    counts = {"train": {label: max(per - 3 * place, 1) for place, label in enumerate(labels)}}
    if not folds:
        counts["test"] = {label: per for label in labels}
    return {
        "rows_read": rows + 9, "rows_used": rows, "dropped": {"empty text": 6, "no label": 3},
        "examples": {"empty text": ["messages.csv:14", "messages.csv:88"], "no label": ["messages.csv:203"]},
        "split_rows": {"train": rows} if folds else {"train": 770, "test": rows}, "label_counts": counts,
        "files": {"messages.csv": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"},
        "findings": [
            {"level": "warning", "check": "conflicts", "what": "4 texts carry more than one label",
             "hint": "settle them in the file, or name the annotator column: --set data.annotator=COLUMN"},
            {"level": "note", "check": "near duplicates", "what": "11 rows differ from another only in case or blanks",
             "hint": ""},
            {"level": "warning", "check": "spelling of labels", "what": "2 labels differ only in case",
             "hint": "data:\n  label_map:\n    Billing: billing"},
        ],
        "detected": ["delimiter: comma", "encoding: utf-8", "text column: message", "label column: category"],
        "truncation_rate": 0.0024, "unknown_share": 0.0031,
    }  # fmt: skip
