"""What a run is made of: its data, what it cost, what it chose, and what it ran on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ftkit.reports import charts, words
from ftkit.reports.charts import Row

Report = Mapping[str, Any]
Section = dict[str, Any]
Fact = tuple[str, str]

LEVELS = {"fault": 0, "warning": 1, "note": 2}
PHASES = {"read": "reading", "features": "features", "train": "training", "baselines": "baselines", "report": "report"}


def data(report: Report) -> Section | None:
    """Rows, what was dropped and why, findings, label counts and files."""
    found = report["data"]
    facts = data_facts(found)
    if not (facts or found["findings"] or found["files"] or found["label_counts"]):
        return None
    return {
        "facts": facts,
        "findings": by_weight(found["findings"]),
        "dropped": [
            {"reason": reason, "rows": rows, "places": ", ".join(found["examples"].get(reason, []))}
            for reason, rows in sorted(found["dropped"].items(), key=lambda item: -(item[1] or 0))
        ],
        "splits": list(found["label_counts"]),
        "labels": label_rows(found["label_counts"]),
        "numbers": number_rows(found["distributions"]),
        "files": list(found["files"].items()),
        "detected": found["detected"],
    }


def by_weight(findings: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Faults first, then warnings, then notes; within these, as they were found."""
    return sorted(findings, key=lambda finding: LEVELS.get(finding["level"], 1))


def label_rows(counts: Mapping[str, Mapping[str, int]]) -> list[Section]:
    """One line a label, with its rows in each split; the most frequent first."""
    labels = dict.fromkeys(label for split in counts.values() for label in split)
    lines: list[Section] = [
        {"label": label, "rows": [split.get(label) or 0 for split in counts.values()]} for label in labels
    ]
    most = max((max(line["rows"]) for line in lines), default=1) or 1
    for line in lines:
        line["share"] = round(line["rows"][0] / most, 3)
    return sorted(lines, key=lambda line: -sum(line["rows"]))


def number_rows(spread: Mapping[str, Any]) -> tuple[list[str], list[tuple[str, list[str]]]] | None:
    """How numbers to predict are spread: names of the figures, and a line for each split and target."""
    lines = {(split, target): one for split, targets in spread.items() for target, one in targets.items()}
    if not lines:
        return None
    alone = len({target for _, target in lines}) == 1
    return [words.words(name) for name in next(iter(lines.values()))], [
        (split if alone else f"{split}: {target}", [_figure(name, value) for name, value in one.items()])
        for (split, target), one in lines.items()
    ]


def _figure(name: str, value: float | None) -> str:
    return words.count(value) if name == "rows" else words.score(value)


def data_facts(found: Mapping[str, Any]) -> list[Fact]:
    """Counts of rows, and how much of the texts the base can read."""
    dropped = sum(rows or 0 for rows in found["dropped"].values())
    facts = [("rows read", words.count(found["rows_read"])), ("rows used", words.count(found["rows_used"]))]
    facts += [("rows dropped", words.count(dropped))] if found["rows_read"] is not None else []
    facts += [(f"{split} rows", words.count(rows)) for split, rows in found["split_rows"].items()]
    facts.append(("rows cut to the longest length", words.share(found["truncation_rate"])))
    facts.append(("tokens unknown to the base", words.share(found["unknown_share"])))
    return [fact for fact in facts if fact[1] != words.NONE]


def cost(report: Report) -> Section | None:
    """Seconds by phase, memory, and how much of the model moved."""
    found = report["cost"]
    seconds = {name: value for name, value in found["seconds"].items() if name != "total" and value is not None}
    total = found["seconds"].get("total") or sum(seconds.values())
    rows = [
        Row(PHASES.get(name, words.words(name)), value, text=words.seconds(value), main=True,
            tip=f"{PHASES.get(name, words.words(name))}: {words.seconds(value)}"
                + (f", {words.share(value / total)} of the time" if total else ""))
        for name, value in seconds.items()
    ]  # fmt: skip
    facts = _cost_facts(found, total if seconds or total else None)
    if not (rows or facts):
        return None
    said = "; ".join(row.tip for row in rows)
    return {"facts": facts, "chart": charts.bars(rows, f"Seconds by phase. {said}.")}


def _cost_facts(found: Mapping[str, Any], total: float | None) -> list[Fact]:
    trained, whole = found["trainable_parameters"], found["total_parameters"]
    weights = words.magnitude(trained)
    if trained is not None and whole:
        weights += f" of {words.magnitude(whole)} ({words.share(trained / whole)})"
    speed = words.count(found["examples_per_second"])
    facts = [
        ("time in total", words.seconds(total)), ("peak memory", words.size(found["peak_memory_bytes"])),
        ("trained weights", weights), ("adapter on disk", words.size(found["adapter_bytes"])),
        ("rows per second in training", speed),
        ("rows per second in prediction", words.count(found["predictions_per_second"])),
        ("pictures per second in prediction", words.count(found["frames_per_second"])),
        ("taken up again", words.count(found["resumed"] or None, "time")),
        ("a batch was run in", words.count(found["accumulate"] if (found["accumulate"] or 1) > 1 else None, "part")),
    ]  # fmt: skip
    return [fact for fact in facts if fact[1] != words.NONE]


def choices(report: Report) -> Section | None:
    """What the run decided by itself, and on what."""
    found = report["choices"]
    facts = [(words.words(name), choice(value)) for name, value in found.items() if value is not None]
    about = "What the run decided by itself, on validation rows only."
    if found.get("validation_rows") == 0:
        about = "Nothing was chosen on validation rows: this is what the recipe, and the defaults of auto, say."
    return {"about": about, "facts": facts} if facts else None


def choice(value: Any) -> str:
    """A chosen value in words: `yes`, `0.001`, `fold 1: 3; fold 2: 4`."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {choice(item)}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(choice(item) for item in value)
    return words.NONE if value is None else str(value)


def origin(report: Report) -> list[tuple[str, list[Fact]]]:
    """Base, versions and machine, as three short lists."""
    base = [(key, choice(value)) for key, value in report["base"].items() if value]
    versions = [(key, choice(value)) for key, value in report["versions"].items() if value]
    machine = [("machine", report["machine"]), ("threads", choice(report["threads"])), ("seed", choice(report["seed"])),
               ("command", report["command"]), ("made", words.moment(report["created"]))]  # fmt: skip
    lists = [("Base", base), ("Versions", versions)]
    lists.append(("Machine", [(name, value) for name, value in machine if value and value != words.NONE]))
    return [(name, facts) for name, facts in lists if facts]
