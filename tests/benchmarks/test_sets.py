"""Which rows a contestant gets."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from measure import read_rows, write_rows
from sets import COLUMNS, SETS, Fewer, Row, apart, distinct, site, thinned


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder like ../shared/data with one small set."""
    folder = tmp_path / "data" / "banking77_en"
    folder.mkdir(parents=True)
    rows = [(f"message {i} about {label}", label) for i in range(40) for label in ("card", "cash", "fee")]
    write_rows(folder / "train.csv", ("text", "category"), [("asked  twice", "card"), *rows[:60], *rows[:3]])
    write_rows(folder / "test.csv", ("text", "category"), [("asked twice", "card"), *rows[60:]])
    return tmp_path / "data"


def test_a_repetition_draws_other_training_rows_and_the_same_test_rows(data: Path, tmp_path: Path) -> None:
    one = SETS["banking77_10"]
    first, second, again = (
        [read_rows(path, COLUMNS) for path in one.write(data, tmp_path / str(i), seed, Fewer())]
        for i, seed in enumerate((0, 1, 0))
    )
    assert first == again and first[0] != second[0] and first[1] == second[1]
    assert Counter(label for _, label in first[0]) == {"card": 10, "cash": 10, "fee": 10}
    assert len(first[1]) == 61 and "asked  twice" not in {text for text, _ in first[0]}
    few = [read_rows(path, COLUMNS) for path in one.write(data, tmp_path / "few", 0, Fewer(2, 4, 20).and_test(9))]
    assert Counter(label for _, label in few[0]) == {"card": 4, "cash": 4} and len(few[1]) == 9


def test_each_text_is_kept_once_and_tested_rows_are_fixed() -> None:
    assert distinct([("a b", "x"), ("a  b", "y"), (" ", "x"), ("c", "y")]) == [("a b", "x"), ("c", "y")]
    rows: list[Row] = [(str(i), "x") for i in range(100)]
    pool, test = apart(rows, 30)
    assert len(test) == 30 and sorted([*pool, *test]) == sorted(rows) and apart(rows, 30)[1] == test
    assert thinned(rows, 200) == rows


def test_a_quote_or_an_odd_sign_does_not_swallow_lines(tmp_path: Path) -> None:
    folder = tmp_path / "review_sentences_en"
    folder.mkdir()
    lines = [f'one "quote number {i}\x85 here  \t{i % 2}' for i in range(10)]
    (folder / "imdb_labelled.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    pool, test = site("imdb")(tmp_path)
    assert pool == [] and len(test) == 10 and {label for _, label in test} == {"negative", "positive"}
