"""The model card: front matter that the hub accepts, and none of the user's words but label names."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from report_examples import HOSTILE, VARIANTS, make_report

from ftkit.reports.card import code, fence, hub_id, render_card
from ftkit.reports.shape import clean

SNIPPET = "from transformers import AutoModel\nmodel = AutoModel.from_pretrained('x')\n"


def front(card: str) -> dict[str, Any]:
    """The YAML between the first two rules."""
    _, head, _ = card.split("---\n", 2)
    tree: dict[str, Any] = yaml.safe_load(head)
    return tree


def test_front_matter() -> None:
    found = front(render_card(make_report(), SNIPPET))
    assert found == {
        "base_model": "sentence-transformers/all-MiniLM-L6-v2",
        "library_name": "peft",
        "pipeline_tag": "text-classification",
        "tags": ["ftkit", "text-classification", "peft", "lora"],
        "metrics": ["accuracy", "macro_f1", "log_loss", "ece"],
    }


def test_front_matter_of_methods_without_an_adapter() -> None:
    """A card that claims PEFT for merged weights sends its readers to the wrong library."""
    found = front(render_card(make_report() | {"method": "full"}, SNIPPET))
    assert found["library_name"] == "transformers"
    assert "peft" not in found["tags"]


@pytest.mark.parametrize(
    ("base", "known"),
    [
        ({"name": "org/model", "revision": "a" * 40, "sha256": None}, "org/model"),
        ({"name": "org/model@main", "revision": "a" * 40, "sha256": None}, "org/model"),
        ({"name": "org/model", "revision": None, "sha256": None, "kind": "hub"}, "org/model"),
        ({"name": "runs/first", "revision": "local", "sha256": "0" * 64}, None),
        ({"name": "/home/me/model", "revision": "local", "sha256": None}, None),
    ],
)
def test_only_hub_bases_are_named(base: dict[str, Any], known: str | None) -> None:
    """The hub refuses a card whose base is a folder."""
    assert hub_id(base) == known
    assert front(render_card(make_report() | {"base": base}, SNIPPET)).get("base_model") == known


def test_what_a_reader_needs_is_there() -> None:
    card = render_card(make_report(), SNIPPET)
    for title in ("Verdict", "Scores", "How to load it", "Data", "Limits", "Cost", "How to reproduce it"):
        assert f"\n## {title}\n" in card
    assert f"```python\n{SNIPPET}```" in card
    assert "| metric | adapted model | linear probe |" in card
    assert "| accuracy | **0.874** (0.842 to 0.906) | 0.851 (0.817 to 0.885) |" in card
    assert "`billing`, `cancel`" in card
    assert "rank: 8" in card
    assert "logits divided by 0.733, as `ftkit predict --calibrated` does, by 0.049" in card
    table = [line for line in card.splitlines() if line.startswith("|")]
    assert len(table) == 2 + 4
    assert len({line.count("|") for line in table}) == 1


def test_no_words_of_the_user_but_labels() -> None:
    """Neither files nor columns, texts, findings or slices; the settings of the recipe stay."""
    report = make_report()
    report["data"]["files"] = {"SECRET-FILE.csv": "0" * 64}
    report["data"]["findings"][0]["what"] = "SECRET-FINDING"
    report["slices"] = {"SECRET-COLUMN": {"SECRET-VALUE": {"rows": 3}}}
    report["command"] = "ftkit train SECRET-FILE.csv"
    report["recipe"] = (
        "base: /home/SECRET/minilm\ntask: {name: text_classification, text: SECRET, max_length: 128}\n"
        "data: {train: SECRET.csv, label_map: {SECRET: a}, folds: 5}\nmethod: {name: lora, rank: 8}\n"
        "evaluate: {slices: [SECRET]}\nseed: 7\n"
    )
    report["mistakes"][0]["input"] = ["SECRET-TEXT"]
    card = render_card(report, SNIPPET)
    assert "SECRET" not in card
    assert "folds: 5" in card and "max_length: 128" in card and "base: minilm" in card


def test_hidden_runs_name_no_label() -> None:
    card = render_card(make_report("hidden"), SNIPPET)
    assert not re.search(r"label \d", card)
    assert "PLANTED-MARKER" not in card
    assert "their names are private" in card


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_has_a_card(variant: str) -> None:
    card = render_card(make_report(variant), SNIPPET)
    card.encode()
    assert "library_name" in front(card)
    assert "nan" not in re.findall(r"[a-z]+", card)


def test_labels_cannot_become_markup() -> None:
    card = render_card(make_report("hostile"), SNIPPET)
    assert len(HOSTILE) == 8
    assert all(code(clean(name)) in card for name in HOSTILE)
    outside = re.sub(r"(`+).+?\1", "", card.split("---\n", 2)[2], flags=re.DOTALL)
    assert not re.search(r"(?<!\\)<(script|img|svg)", outside)


def test_code_and_fences_cannot_be_closed_from_inside() -> None:
    assert code("a`b") == "``a`b``"
    assert code("`") == "`` ` ``"
    assert code("two\nlines") == "`two lines`"
    assert fence("x = '```'", "python") == "````python\nx = '```'\n````"
