"""The model card of a run: a README.md that the hub, and a person, can read.

A card is what gets published, so label names are the only words of the user's data in it, and not
even those where rows are hidden: file names, columns and findings stay in `report.html`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any

import yaml

from ftkit.reports import origin, results, search, words
from ftkit.reports.confidence import PREDICT
from ftkit.reports.shape import filled

Report = Mapping[str, Any]

MOST_LABELS = 100
PIPELINES = (
    *("text_classification", "token_classification"),
    *("image_classification", "audio_classification", "video_classification"),
)
"""tasks that the hub knows by their name"""
WITHOUT_PEFT = frozenset({"head", "freeze", "full"})
"""methods that write no PEFT folder"""
PUBLISHED = {
    "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db": "sentence-transformers/all-MiniLM-L6-v2",
}
"""sha256 of weights that come from elsewhere: the hub id under which they were published"""
HUB_ID = re.compile(r"[\w.-]{1,96}(/[\w.-]{1,96})?")
COMMIT = re.compile(r"[0-9a-f]{40}")
MARKUP = re.compile(r"([\\`*_\[\]<>|#~&])")
SAFE_BLOCKS = ("base", "task", "data", "method", "train", "evaluate", "seed", "seeds")


def render_card(report: Mapping[str, Any], snippet: str) -> str:
    """The whole `README.md`; `snippet` is Python that loads the adapter without ftkit."""
    whole = filled(report)
    sections = [
        ("", _what(whole)),
        ("Verdict", _verdict(whole)),
        ("Scores", _scores(whole)),
        ("How to load it", fence(snippet, "python")),
        ("Data", _data(whole)),
        ("Limits", bullets(_limits(whole))),
        ("Cost", bullets(f"{name}: {value}" for name, value in (origin.cost(whole) or {"facts": []})["facts"])),
        ("How to reproduce it", _recipe(whole)),
    ]
    body = "\n\n".join((f"## {title}\n\n" if title else "") + text for title, text in sections if text)
    front = yaml.safe_dump(_front(whole), sort_keys=False, allow_unicode=True)
    return f"---\n{front}---\n\n# {plain(whole['name'])}\n\n{body}\n".replace(words.SPACE, " ")


def _front(report: Report) -> dict[str, Any]:
    """What the hub reads: only keys that are known, no guess of language or data set."""
    base, method = report["base"], report["method"]
    peft = method not in WITHOUT_PEFT
    tags = ["ftkit", report["task"].replace("_", "-"), *(["peft"] if peft else []), PurePath(method).stem]
    front: dict[str, Any] = {}
    if known := hub_id(base):
        front["base_model"] = known
    front["library_name"] = "peft" if peft else "transformers"
    front["pipeline_tag"] = report["task"].replace("_", "-") if report["task"] in PIPELINES else "text-classification"
    front["tags"] = list(dict.fromkeys(tag for tag in tags if tag))
    front["metrics"] = [PurePath(name).stem for name in report["scores"].get("test", {})]
    return {key: value for key, value in front.items() if value}


def hub_id(base: Mapping[str, Any]) -> str | None:
    """The base's id on the hub, where it certainly has one: the hub refuses a card that names a folder."""
    if base["sha256"] in PUBLISHED:
        return PUBLISHED[base["sha256"]]
    name = str(base["name"]).partition("@")[0]
    pinned = base.get("kind") == "hub" or COMMIT.fullmatch(str(base["revision"] or ""))
    return name if pinned and HUB_ID.fullmatch(name) else None


def _what(report: Report) -> str:
    """One paragraph: method, base, task and labels."""
    base = hub_id(report["base"]) or PurePath(report["base"]["name"]).name
    method = words.words(PurePath(report["method"]).stem)
    numbers = report["kind"] == "values"
    kind = {"labels": "several labels a row", "values": "numbers"}.get(report["kind"], "one label a row")
    text = f"{words.sentence(words.words(report['task']) or 'a model')}, {kind}: "
    text += f"{plain(method)} on {code(base)}, trained with ftkit." if base else "trained with ftkit."
    names = report["labels"]
    if not names:
        return text
    many = words.count(len(names), "number" if numbers else "label")
    if report["hidden"]:
        return f"{text}\n\n{many}; their names are private."
    more = f" and {len(names) - MOST_LABELS} more" if len(names) > MOST_LABELS else ""
    return f"{text}\n\n{many}: {', '.join(code(name) for name in names[:MOST_LABELS])}{more}."


def _verdict(report: Report) -> str:
    found = report["verdict"]
    if not found["sentence"]:
        return "This run has no scores, and so no verdict."
    details = bullets(plain(line) for line in found["details"])
    return f"**{plain(found['sentence'])}**" + (f"\n\n{details}" if details else "")


def _scores(report: Report) -> str:
    """The score table, each value with its interval."""
    found = results.scores(report, drawn=False)
    if not found:
        return ""
    header = ["metric", *(line["name"] for line in found["lines"])]
    lines = [
        [plain(words.words(name)), *(_score(line["cells"][place]) for line in found["lines"])]
        for place, name in enumerate(found["metrics"])
    ]
    rows = [header, ["---"] + ["---:"] * len(found["lines"]), *lines]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    remark = f"In brackets: {words.LEVEL} intervals. The best of a line is bold."
    chosen = plain(" ".join(search.sentences(report)))
    return "\n\n".join(part for part in (found["procedure"], chosen, table, remark) if part)


def _score(cell: Mapping[str, Any]) -> str:
    value = f"**{cell['value']}**" if cell["best"] else cell["value"]
    return f"{value} ({cell['interval']})" if cell["interval"] else str(value)


def _data(report: Report) -> str:
    """Counts only: file names and findings may hold a user's words."""
    found = report["data"]
    facts = origin.data_facts(found)
    facts += [("sha256 of an input file", code(digest)) for digest in found["files"].values()]
    return bullets(f"{name}: {value}" for name, value in facts)


def _limits(report: Report) -> list[str]:
    """What the scores do not say."""
    known = "these labels" if report["labels"] else "its labels"
    limits = [
        f"It knows {known} and no others, and answers any {report['noun']}, however far from its training data."
        if report["kind"] != "values"
        else f"It gives a number for any {report['noun']}, however far from its training data, "
        "and does not say how sure it is.",
        f"The scores hold for {report['noun']}s like those that it was scored on; measure it again on others.",
    ]
    seeds = report["seeds"]
    if not seeds:
        limits.append("One seed was trained: the intervals cover the choice of rows, not the luck of training.")
    elif seeds["sd"] is not None:
        limits.append(f"{words.sentence(results.spread(report))}.")
    unknown = report["data"]["unknown_share"]
    if unknown is not None and unknown > 0.1:
        hardly = "of the tokens are unknown to its base: it hardly reads these texts."
        if report["noun"] != "text":
            hardly = "of what was measured is unknown to its base, by name: it makes little of that."
        limits.append(f"{words.share(unknown)} {hardly}")
    limits += _weakest(report)
    if report["reliability"] and report["reliability"]["ece"] is not None:
        limits.append(f"Its confidence is off by {words.score(report['reliability']['ece'])} on average (ECE).")
        limits += _calibrated(report)
    return limits


def _calibrated(report: Report) -> list[str]:
    """What the temperature makes of that, where there is one."""
    found = report["calibration"]
    if not found or found["temperature"] is None or not found["after"] or found["after"]["ece"]["value"] is None:
        return []
    ece = words.score(found["after"]["ece"]["value"])
    return [f"With its logits divided by {words.score(found['temperature'])}, as `{PREDICT}` does, by {ece}."]


def _weakest(report: Report) -> list[str]:
    scored = [line for line in report["per_label"] if line["f1"] is not None and line["rows"]]
    if len(scored) < 2:
        return []
    worst = min(scored, key=lambda line: line["f1"])
    name = "" if report["hidden"] else f" {code(worst['label'])}"
    return [f"Its weakest label{name} has F1 {words.score(worst['f1'])} on {words.count(worst['rows'], 'row')}."]


def _recipe(report: Report) -> str:
    """What is in the recipe without paths, columns and label maps, which are in `recipe.yaml`."""
    text = "`ftkit train recipe.yaml`, with the recipe beside this card and the same data."
    try:
        tree = yaml.safe_load(report["recipe"])
    except yaml.YAMLError:
        tree = None
    settings = _settings(tree) if isinstance(tree, dict) else {}
    versions = ", ".join(plain(f"{name} {value}") for name, value in report["versions"].items() if value)
    parts = [text]
    if settings:
        dumped = yaml.safe_dump(settings, sort_keys=False, allow_unicode=True)
        parts += ["Its settings, without names of files and columns:", fence(dumped.rstrip(), "yaml")]
    if versions:
        parts.append(f"Made with {versions}.")
    return "\n\n".join(parts)


def _settings(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers, switches and names of ftkit's own; `task`, `data` and `evaluate` also hold a user's words."""
    kept: dict[str, Any] = {}
    for block in SAFE_BLOCKS:
        value = tree.get(block)
        if block in ("task", "data", "evaluate") and isinstance(value, dict):
            value = {key: item for key, item in value.items() if key == "name" or isinstance(item, (bool, int, float))}
        if block in ("task", "method") and isinstance(value, dict) and str(value.get("name")).endswith(".py"):
            value = value | {"name": PurePath(str(value["name"])).name}
        if block == "base" and value:
            value = PurePath(str(value)).name if str(value).startswith(("/", "~", ".")) else value
        if value not in (None, {}):
            kept[block] = value
    return kept


def bullets(lines: Iterable[str]) -> str:
    """A list, one line each."""
    return "\n".join(f"- {line}" for line in lines)


def fence(text: str, language: str) -> str:
    """A block of code that its own text cannot close."""
    longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
    marks = "`" * (longest + 1)
    return f"{marks}{language}\n{text.rstrip()}\n{marks}"


def code(text: str) -> str:
    """A name as it is, on one line, without becoming markup."""
    line = " ".join(str(text).split()) or "(empty)"
    longest = max((len(run) for run in re.findall(r"`+", line)), default=0)
    marks, air = "`" * (longest + 1), " " if line.startswith("`") or line.endswith("`") else ""
    return f"{marks}{air}{line}{air}{marks}"


def plain(text: str) -> str:
    """Words on one line, without becoming markup."""
    return MARKUP.sub(r"\\\1", " ".join(str(text).split()))
