"""Tokens and tags in, valid spans out, whatever the file, the scheme or the tokenizer's pieces."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ftkit import registry
from ftkit.bases import Base
from ftkit.data.guess_tokens import as_list
from ftkit.data.read import read
from ftkit.data.table import Table, Tags
from ftkit.data.tags import classes
from ftkit.errors import InputError
from ftkit.recipe import Data
from ftkit.tasks import NO_PIECE, NO_TOKEN, PIECES
from ftkit.tasks._marked import compared
from ftkit.tasks._spans import best_path

TASK = registry.load("tasks", "token_classification")
OTHERS = registry.load("tasks", "text_classification")
LABELS = classes(["loc", "per"])
ROWS: list[dict[str, Any]] = [
    {"id": "1", "tokens": ["Ada", "in", "Paris"], "ner_tags": ["B-per", "O", "B-loc"]},
    {"id": "2", "tokens": ["see", "Paris"], "ner_tags": ["O", "I-loc"]},
    {"id": "3", "tokens": ["nothing"], "ner_tags": ["O"]},
]


def table(folder: Path, rows: list[dict[str, Any]], name: str = "rows.jsonl") -> Table:
    path = folder / name
    if name.endswith(".parquet"):
        pd.DataFrame(rows).to_parquet(path)
    elif name.endswith(".csv"):
        cells = [
            {key: value if isinstance(value, str) else json.dumps(value) for key, value in row.items()} for row in rows
        ]
        pd.DataFrame(cells).to_csv(path, index=False)
    else:
        path.write_text("\n".join(map(json.dumps, rows)))
    return read(str(path), Data(train=str(path)))


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.parquet", "rows.csv"])
def test_lists_of_tags_are_recognised_in_every_file(tmp_path: Path, name: str) -> None:
    found = table(tmp_path, ROWS, name)
    guess = TASK.recognise(found)
    assert guess.fields == {"text": "tokens", "label": "ner_tags"}
    assert guess.fit > OTHERS.recognise(found).fit
    parsed = TASK().resolve(found).parse(found, 1000)
    assert parsed.faults == [None] * 3 and parsed.inputs[0] == ("Ada", "in", "Paris")
    assert parsed.gold == [Tags(["B-per", "O", "B-loc"]), Tags(["O", "B-loc"]), Tags(["O"])]
    assert parsed.mended == {"I- without a B- before it": 1}


def test_texts_with_labels_are_not_taken_for_tokens(tmp_path: Path) -> None:
    rows = [{"text": f"a good book {i}", "label": "O" if i % 2 else "B"} for i in range(8)]
    assert TASK.recognise(table(tmp_path, rows)).fit == 0


def test_rows_that_cannot_be_used_are_named_by_reason(tmp_path: Path) -> None:
    more = [
        {"tokens": [], "ner_tags": []},
        {"tokens": ["a", " "], "ner_tags": ["O", "O"]},
        {"tokens": ["a", "b"], "ner_tags": ["O"]},
        {"tokens": ["a", "b"], "ner_tags": ["O", "NOUN"]},
        {"tokens": ["a", "b"], "ner_tags": []},
        {"tokens": ["a" * 2000], "ner_tags": ["O"]},
    ]
    found = table(tmp_path, ROWS + more)
    parsed = TASK(text="tokens", label="ner_tags", scheme="bio").parse(found, 1000)
    assert parsed.faults[3:] == [
        "no tokens",
        "an empty token",
        "not as many tags as tokens",
        "a tag that is neither O nor B-TYPE, I-TYPE, …",
        "no tags",
        "text over 1,000 characters",
    ]
    assert parsed.inputs[3:] == [None] * 6


def test_tags_are_written_as_they_were_read(tmp_path: Path) -> None:
    rows = [{"tokens": ["a", "b", "c"], "ner_tags": ["B-x", "E-x", "S-y"]}] * 3
    task = TASK().resolve(table(tmp_path, rows))
    assert task.scheme == "bioes"
    assert task.cell(Tags(["B-x", "I-x", "B-y"])) == ["B-x", "E-x", "S-y"]


def test_no_column_of_tags_is_said_with_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="which column holds the tokens") as caught:
        TASK().resolve(table(tmp_path, [{"a": "x", "b": "y"}] * 3))
    assert caught.value.hint == "--text COLUMN"


@pytest.mark.parametrize(
    ("cell", "items"),
    [('["a", "b c"]', ["a", "b c"]), ("a b", ["a", "b"]), ("[1, a", ["[1,", "a"]), (["a", 1], ["a", "1"]), (7, None)],
)
def test_what_a_cell_holds(cell: Any, items: list[str] | None) -> None:
    assert as_list(cell) == items


@pytest.fixture
def ready(tmp_path: Path) -> tuple[Any, Any]:
    tree = TASK.toy(tmp_path)
    task = TASK(**tree["task"]).model_copy(update={"max_length": 6})
    return task, task.processor(Base("toy", tmp_path / "base", "local", "", "folder"))


def test_each_token_is_spoken_for_by_its_first_piece(ready: tuple[Any, Any]) -> None:
    task, tokenizer = ready
    encoded = task.encode([("bring", "a-saw", "please"), ("ripe",)], tokenizer)
    pieces = tokenizer.convert_ids_to_tokens(encoded.rows[0]["input_ids"])
    assert pieces == ["[CLS]", "bring", "a", "[UNK]", "saw", "[SEP]"]
    assert encoded.rows[0][PIECES].tolist() == [1, 2, NO_PIECE]  # "please" is cut off
    assert (encoded.truncated, encoded.unseen) == (1, 1)
    batch = task.collate(encoded.rows, tokenizer)
    assert batch[PIECES].tolist() == [[1, 2, NO_PIECE], [1, NO_TOKEN, NO_TOKEN]]


def test_the_loss_of_a_row_is_the_mean_over_its_known_tokens(ready: tuple[Any, Any]) -> None:
    task, _ = ready
    targets = torch.from_numpy(task.targets([Tags(["B-per", "B-other", "O"]), Tags(["O"])], LABELS))
    assert targets.tolist() == [[1, -1, 4], [4, NO_TOKEN, NO_TOKEN]]
    logits = torch.randn(2, 3, 5, requires_grad=True)
    loss = task.loss(logits, targets)
    each = torch.nn.functional.cross_entropy(logits[0, [0, 2]], torch.tensor([1, 4]))
    torch.testing.assert_close(loss[0], each)
    loss.sum().backward()
    assert logits.grad is not None and not logits.grad[0, 1].any() and not logits.grad[1, 1:].any()


@given(st.integers(0, 10_000), st.integers(1, 5))
def test_the_decoded_path_is_the_best_of_all_valid_ones(seed: int, length: int) -> None:
    scores = np.random.default_rng(seed).dirichlet(np.full(len(LABELS), 0.3), size=length)
    found = best_path(scores, LABELS)
    places = range(len(LABELS))

    def valid(path: tuple[int, ...]) -> bool:
        names = ["O", *(LABELS[i] for i in path)]
        return all(b[0] != "I" or (a != "O" and a[2:] == b[2:]) for a, b in itertools.pairwise(names))

    likely = np.log(np.maximum(scores, 1e-30))
    best = max(
        sum(likely[i, p] for i, p in enumerate(path))
        for path in itertools.product(places, repeat=length)
        if valid(path)
    )
    mine = tuple(LABELS.index(tag) for tag in found)
    assert valid(mine) and sum(likely[i, p] for i, p in enumerate(mine)) == pytest.approx(best)


def test_tokens_that_the_base_is_not_shown_are_outside() -> None:
    scores = np.zeros((3, len(LABELS)))
    scores[0, LABELS.index("B-per")] = scores[2, LABELS.index("I-per")] = 0.9
    scores[2, LABELS.index("O")] = 0.1
    assert best_path(scores, LABELS) == ("B-per", "O", "O")


def test_a_marked_sentence_escapes_what_it_shows_and_says_in_signs_what_colours_say() -> None:
    found = compared(("<b>", "Ada", "&", "Bo"), ("O", "B-per", "O", "B-<i>"), ("O", "B-per", "O", "O"))
    assert "<b>Ada" not in found and "&lt;b&gt;" in found and "&amp;" in found and "✗ &lt;i&gt;" in found
    assert found.count("✓ per") == 2 and found.count("✗") == 1
