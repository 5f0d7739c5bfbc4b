"""The page of a bank: what it says, and that no group's name becomes markup."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from ftkit.reports.bank import pays, render_bank
from ftkit.reports.bank_text import group, groups, summary

EVIL = "</script><script>alert(1)</script>"


def report(outcome: str = "better", names: tuple[str, ...] = ("ann", EVIL)) -> dict[str, Any]:
    """A report of a few groups."""
    gap = {"value": 0.031, "low": 0.01, "high": 0.05, "p_value": 0.01, "outcome": outcome, "rows": 60, "groups": 2}
    scores = {"accuracy": {"value": 0.6, "low": 0.58, "high": 0.62}}
    lines = [
        {"group": name, "rows": 30, "new": place == 0, "outcome": "promoted" if place == 0 else "harmed", "error": ""}
        | {"general": 0.5, "own": 0.6, "gain": 0.1, "expected": 0.08, "low": -0.01, "high": 0.2}
        | {"harm": 0.04, "corrected": 0.3}
        for place, name in enumerate(names)
    ]
    return {
        "name": "bank",
        "by": "user",
        "rows": 60,
        "method": "lora",
        "outcomes": {"promoted": 1, "harmed": 1},
        "differences": {"bank": gap, "adapted": gap},
        "judged_by": "accuracy",
        "primary": "accuracy",
        "new": {"bank": gap, "adapted": gap},
        "predictors": dict.fromkeys(("general", "adapted", "bank"), scores),
        "worst_tenth": {"groups": 1, "general": 0.2, "adapted": 0.3, "bank": 0.25},
        "harm": {"all": 1.4, "promoted": 0.1, "of": 2, "used": 1, "gain": 0.05},
        "by_rows": [{"from": 20, "below": 50, "groups": 2, "gain": 0.1, "error": 0.02, "promoted": 1}],
        "groups": lines,
    }


class Seen(HTMLParser):
    """Scripts and text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts, self.text = 0, ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script" and ("type", "application/json") not in attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_of_a_bank() -> None:
    page = render_bank(report())
    seen = Seen()
    seen.feed(page)
    assert seen.scripts == 3, "the page's own three and no other"
    for text in (
        "The bank is better than its general adapter alone",
        "2 groups by user",
        "their own would harm",
        "0.250",
    ):
        assert text.replace(" ", " ") in seen.text.replace("\N{NO-BREAK SPACE}", " ")
    listed = json.loads(re.findall(r'<script type="application/json">(.*?)</script>', page, re.S)[0])
    assert listed["columns"][0]["values"] == ["ann", EVIL]


@pytest.mark.parametrize(
    ("outcome", "said"), [("worse", "is worse than"), ("equivalent", "as good as"), ("cannot tell", "Nobody can tell")]
)
def test_the_verdict_is_said_as_it_is(outcome: str, said: str) -> None:
    assert said in render_bank(report(outcome))


def test_a_bank_without_any_adapter_has_a_page_too() -> None:
    bare = report(names=())
    gap = dict.fromkeys(bare["differences"]["bank"]) | {"outcome": "cannot tell", "rows": 0, "groups": 0}
    nothing = {"of": 0, "used": 0, "all": 0.0, "promoted": 0.0, "gain": None}
    bare |= {"outcomes": {"few rows": 3}, "by_rows": [], "new": None, "harm": nothing, "differences": {"bank": gap}}
    assert "No group has an adapter of its own" in render_bank(bare)
    assert any("too few rows" in line for line in summary(bare))


def test_where_every_group_uses_the_general_adapter_there_is_no_gain_to_be_unsure_of() -> None:
    """The interval of a difference that is 0 on every row says how few groups there are, and nothing of a gain."""
    none = {"value": 0.0, "low": -0.288, "high": 0.288, "p_value": 1.0, "outcome": "equivalent"}
    bare = report() | {"outcomes": {"general": 1, "harmed": 1}, "new": None}
    bare |= {"differences": {"bank": none | {"rows": 60, "groups": 2}, "adapted": none}}
    bare["harm"] = {"all": 1.4, "promoted": 0.0, "of": 2, "used": 0, "gain": None}
    told = "\n".join(summary(bare))
    assert "gain of the bank in accuracy: none, since every group uses the general adapter" in told
    assert "0.288" not in told and "worst tenth" not in told and told.count("of the 0") == 0
    page = render_bank(bare)
    assert "The bank is its general adapter: no group is shown to gain" in page and "28.8\xa0points" not in page
    assert "None of them does." in page


def test_differences_have_a_true_minus() -> None:
    gap = {
        "value": -0.143,
        "low": -0.2,
        "high": 0.01,
        "p_value": 0.5,
        "outcome": "cannot tell",
        "rows": 60,
        "groups": 2,
    }
    lines = [one | {"gain": -0.1, "expected": -0.08, "low": -0.2} for one in report()["groups"]]
    cold = {"groups": 9, "of": 30, "rows": 60, "few": 8, "gain": -0.143, "low": -0.2, "high": -0.05, "pays": False}
    worse = report() | {"differences": {"bank": gap, "adapted": gap}, "groups": lines, "cold": cold}
    worse |= {"by_rows": [{"from": 20, "below": 50, "groups": 2, "gain": -0.1, "error": 0.02, "promoted": 1}]}
    points = [{"group": str(i), "x": i, "y": i % 2, "expected": -0.1 * i} for i in range(3)]
    worse |= {"map": {"of": 9, "shares": [0.6, 0.2], "points": points}}
    one = lines[0] | {"tested": 30, "shard": 0, "sha256": "ab" * 32, "trained": "2026-01-01"}
    told = "\n".join([*summary(worse), groups(lines), group(one)])
    assert "gained −0.143 (−0.200 to −0.050)" in told and "expected −0.080 (−0.200 to +0.200)" in told
    assert not re.findall(r"-0\.\d+", told)
    page = render_bank(worse)
    for said in ("ann: expected −0.080", "mean gain −0.100", "−0.10 to −0.05", "expected gain: −0.200 to 0.000"):
        assert said in page


def test_from_how_many_rows_it_pays() -> None:
    def bins(*gains: float) -> list[dict[str, Any]]:
        return [
            {"from": 10 * i, "below": 10 * i + 10, "groups": 9, "gain": gain, "error": 0.02}
            for i, gain in enumerate(gains)
        ]

    assert "Below 20 rows a gain is not shown" in pays(bins(-0.1, 0.01, 0.1))
    assert "at every number" in pays(bins(0.1, 0.2))
    assert "At no number" in pays(bins(0.0, 0.01))
    assert "too few groups" in pays([])


def test_groups_on_the_terminal() -> None:
    one = report()["groups"][0] | {"tested": 30, "shard": 0, "sha256": "ab" * 32, "trained": "2026-01-01"}
    assert "ann" in groups([one]) and "+0.080" in groups([one])
    assert "probability of harm 4%" in group(one)
    assert groups([]) == "no groups"


def test_the_map_names_its_groups_only_as_text() -> None:
    points = [{"group": name, "x": i, "y": i % 2, "expected": 0.1 * i} for i, name in enumerate(["ann", EVIL, "bob"])]
    found = render_bank(report() | {"map": {"of": 9, "shares": [0.6, 0.2], "points": points}})
    seen = Seen()
    seen.feed(found)
    plain = Seen()
    plain.feed(render_bank(report()))
    assert seen.scripts == plain.scripts
    text = seen.text.replace("\xa0", " ")
    assert "3 groups, drawn at random from 9 groups with an adapter of their own" in text
    assert "component 1, 60" in text and found.count("ann: expected 0.000") == 2
    assert 'href="#map"' in found and 'href="#map"' not in render_bank(report())


def test_the_page_says_what_unknown_groups_get_and_why() -> None:
    cold = {"groups": 9, "of": 30, "rows": 60, "few": 8, "gain": 0.03, "low": 0.01, "high": 0.05, "pays": True}
    said = "gets the nearest group&#39;s adapter: 9 of 30 groups, left out in turn and placed by 8 rows each"
    assert said in render_bank(report() | {"cold": cold, "hidden": False})
    assert "gets the general adapter" in render_bank(report() | {"cold": cold | {"pays": False}})
