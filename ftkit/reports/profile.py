"""The page of `--profile`: where the seconds of a run went, drawn as bars."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ftkit.reports import words
from ftkit.reports.page import page

SECTIONS = {"phases": "Phases", "training": "Inside training", "operators": "Operators"}
Bars = list[tuple[str, float, str]]
"""name, share of the longest, value as text"""


def render_profile(name: str, document: Mapping[str, Any]) -> str:
    """The whole `profile.html` of a run from its `profile.json`."""
    training = document["training"]
    notes = [f"{key}: {value}" for key, value in document["facts"].items()]
    if training["steps"]:
        notes.append(f"{words.count(round(training['rows_per_second']))} rows a second in training")
        notes.append(f"{words.share(training['padding'])} of padding")
    reading = document["reading"]
    notes.append(f"{words.count(reading['computed'])} of {words.count(reading['rows'])} rows read by the base")
    bars = {
        "phases": _bars({key: value for key, value in document["seconds"].items() if key != "total"}),
        "training": _bars(training["seconds"]),
        "operators": _bars({one["name"]: one["seconds"] for one in document["operators"]}),
    }
    shown = {key: title for key, title in SECTIONS.items() if bars[key]}
    return page("profile.html", title=name, subtitle=notes, sections=shown, bars=bars)


def _bars(seconds: Mapping[str, float]) -> Bars:
    """Largest first; without what took no time."""
    longest = max(seconds.values(), default=0.0)
    known = sorted(seconds.items(), key=lambda item: -item[1])
    return [(key, value / longest, words.seconds(value)) for key, value in known if value > 0]
