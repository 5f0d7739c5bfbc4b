"""The page of one run: a single HTML file that needs nothing else, neither network nor fonts."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from ftkit.reports import (
    behaviour,
    confidence,
    doubtful,
    labels_curve,
    origin,
    palette,
    places,
    predictions,
    results,
    search,
    values,
    words,
)
from ftkit.reports.shape import filled

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"
SCRIPTS = ("theme", "script", "list")
TITLES = {
    "verdict": "Verdict",
    "scores": "Scores",
    "searched": "Search",
    "seeds": "Seeds",
    "learning": "Learning curve",
    "curve": "What more labels would buy",
    "places": "Map",
    "values": "Predicted against true",
    "confusion": "Confusions",
    "reliability": "Confidence",
    "calibration": "Confidence",
    "labels": "Labels",
    "slices": "Slices",
    "mistakes": "Mistakes",
    "predictions": "Predictions",
    "doubtful": "Doubtful labels",
    "data": "Data",
    "cost": "Cost",
    "choices": "Choices",
    "origin": "Origin",
    "recipe": "Recipe",
}


def render_run(report: Mapping[str, Any], rows: Sequence[Mapping[str, Any]] | None = None) -> str:
    """The whole `report.html` of a run, from its report dict; `rows` is what the delivered adapter said of each."""
    whole = filled(report)
    parts = {
        "verdict": results.verdict(whole),
        "scores": results.scores(whole),
        "searched": search.search(whole),
        "seeds": results.seeds(whole),
        "learning": behaviour.learning(whole),
        "curve": labels_curve.section(whole),
        "places": places.places(whole),
        "values": values.values(whole),
        "confusion": behaviour.confusion(whole),
        "reliability": None if whole["calibration"] else behaviour.reliability(whole),
        "calibration": confidence.calibration(whole),
        "labels": whole["per_label"],
        "slices": results.slices(whole),
        "mistakes": behaviour.mistakes(whole),
        "predictions": predictions.predictions(whole, rows),
        "doubtful": doubtful.doubtful(whole),
        "data": origin.data(whole),
        "cost": origin.cost(whole),
        "choices": origin.choices(whole),
        "origin": origin.origin(whole),
        "recipe": whole["recipe"],
    }
    shown = {key: TITLES[key] for key, part in parts.items() if part}
    parts["selective"] = confidence.selective(whole)  # inside the section on calibration
    facts = {"subtitle": subtitle(whole), "banner": results.banner(whole)}
    return page("run.html", report=whole, part=parts, sections=shown, title=whole["name"], **facts)


def subtitle(report: Mapping[str, Any]) -> list[str]:
    """What the run was, in a few words: task, method on base, when."""
    method = words.words(report["method"])
    base = report["base"]["name"]
    made = f"{method} on {base}" if method and base else method or base
    when = words.moment(report["created"]) if report["created"] else ""
    return [fact for fact in (words.words(report["task"]), made, when) if fact]


def page(template: str, **context: Any) -> str:
    """A template of this folder as a page, with its style, its scripts and a policy that allows no others."""
    scripts = {name: _asset(f"{name}.js") for name in SCRIPTS}
    sources = " ".join(f"'sha256-{_digest(text)}'" for text in scripts.values())
    # Defence in depth: a browser loads nothing and runs only these scripts, whatever the rows hold.
    own = "img-src data:; media-src data:"  # pictures and sounds lie in the page itself
    allowed = f"style-src 'unsafe-inline'; script-src {sources}; {own}"
    policy = f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"
    shell = {name: Markup(text) for name, text in scripts.items()}
    shell |= {"style": Markup(_style()), "policy": Markup(policy)}
    return _environment().get_template(template).render(**shell, **context)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,  # a misspelt name in a template is an error, not a gap
        trim_blocks=True,
        lstrip_blocks=True,
    )
    named = (words.words, words.count, words.score, words.share, words.direction)
    environment.globals["level"] = words.LEVEL
    environment.filters.update({function.__name__: function for function in named})
    return environment


def _style() -> str:
    """The style sheet with the colours of both themes."""
    themes = {"/*light*/": palette.variables(dark=False), "/*dark*/": palette.variables(dark=True)}
    style = _asset("style.css")
    for mark, variables in themes.items():
        style = style.replace(mark, variables)
    return style


def _asset(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
