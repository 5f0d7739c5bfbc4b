"""Text and label columns are found by their cells first and their names second."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftkit.data.guess import guess_label, guess_multi_label, guess_text

SHARED = Path(os.environ.get("FTKIT_SHARED", Path(__file__).resolve().parents[3] / "shared")) / "data"

OPENINGS = ["the parcel came", "nobody answers", "my order is", "please change", "I would like", "it does not"]
ENDINGS = ["broken again", "late by a week", "the address on it", "work since noon", "to send it back", "at all"]


def prose(count: int, words: int = 1) -> list[str]:
    return [" ".join([f"{OPENINGS[i % 6]} {ENDINGS[i // 6 % 6]} no {i}"] * words) for i in range(count)]


def cycle(count: int, *values: str) -> list[str]:
    return [values[i % len(values)] for i in range(count)]


def table(**columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame(columns, dtype="str")


def first(frame: pd.DataFrame) -> tuple[str, str]:
    text = guess_text(frame)[0].column
    return text, guess_label(frame, text)[0].column


def test_text_and_label_by_name() -> None:
    assert first(table(text=prose(60), category=cycle(60, "refund", "delay", "other"))) == ("text", "category")


def test_text_and_label_without_names() -> None:
    assert first(table(column_1=prose(60), column_2=cycle(60, "0", "1"))) == ("column_1", "column_2")
    assert first(table(column_1=cycle(60, "0", "1"), column_2=prose(60))) == ("column_2", "column_1")


def test_chinese_needs_no_blanks() -> None:
    reviews = [f"东西{'很' * (i % 5 + 1)}好，第{i}次购买，{'还会再来' * (i % 7)}" for i in range(80)]
    frame = table(cat=cycle(80, "水果", "手机", "书籍"), label=[str(i // 3 % 2) for i in range(80)], review=reviews)
    assert first(frame) == ("review", "label")
    named = table(评论=reviews, 标签=cycle(80, "好", "差"))
    assert first(named) == ("评论", "标签")


def test_the_longest_text_comes_first() -> None:
    frame = table(label=cycle(60, "a", "b", "c"), title=prose(60), description=prose(60, 4), agency=cycle(60, "x", "y"))
    assert [guess.column for guess in guess_text(frame)] == ["description", "title"]
    assert [guess.column for guess in guess_label(frame, "description")] == ["label", "agency"]


def test_ids_links_dates_and_numbers_are_no_text() -> None:
    frame = table(
        id=[f"books-{i}" for i in range(60)],
        link=[f"https://example.org/{i}" for i in range(60)],
        file=[f"{'abc'[i % 3]}/x{'y' * i}.txt" for i in range(60)],
        date=[f"2024-01-{i % 28 + 1:02d} 10:{i:02d}" for i in range(60)],
        price=[str(i / 7) for i in range(60)],
        note=prose(60),
    )
    assert [guess.column for guess in guess_text(frame)] == ["note"]
    assert guess_text(table(id=[str(i) for i in range(60)])) == []
    assert guess_text(table(user=cycle(60, "ann", "bob"), label=cycle(60, "a", "b"))) == []


def test_words_go_before_the_numbers_that_stand_for_them() -> None:
    numbers, names = cycle(60, "0", "1", "2"), cycle(60, "anger", "joy", "not sure")
    frame = table(text=prose(60), label=numbers, label_name=names)
    best = guess_label(frame, "text")
    assert [guess.column for guess in best] == ["label_name", "label"] and "label says in numbers" in best[0].why
    apart = table(text=prose(60), label=numbers, label_name=cycle(60, "x", "y"))
    assert guess_label(apart, "text")[0].column == "label"


def test_where_a_row_comes_from_ranks_lower() -> None:
    frame = table(domain=cycle(60, "books", "dvd"), text=prose(60), intent=cycle(60, *"abcdef"))
    assert [guess.column for guess in guess_label(frame, "text")] == ["intent", "domain"]
    weak = table(target=cycle(60, "x", "y"), text=prose(60), stance=cycle(60, "for", "against", "none"))
    assert guess_label(weak, "text")[0].column == "stance"


def test_properties_of_a_user_rank_lower_than_what_varies() -> None:
    users = [f"u{i // 5}" for i in range(200)]
    frame = table(
        user_id=users,
        text=prose(200),
        gender=[cycle(40, "man", "woman")[i // 5] for i in range(200)],
        education=[cycle(40, "school", "college", "none")[i // 5] for i in range(200)],
        rudeness=[str(i * i % 5) for i in range(200)],
    )
    assert guess_label(frame, "text")[0].column == "rudeness"


def test_units_and_splits_are_never_the_label() -> None:
    frame = table(
        text=prose(60),
        user=cycle(60, "ann", "bob"),
        session_id=cycle(60, "1", "2", "3"),
        split=cycle(60, "train", "test"),
        fold=cycle(60, "0", "1", "2", "3"),
        date=cycle(60, "2024-01-01", "2024-01-02"),
        when=cycle(60, "2024-01-01", "2024-01-02"),
    )
    assert guess_label(frame, "text") == []
    assert guess_label(table(text=prose(9), note=[f"own {i}" for i in range(9)]), "text") == []


def test_a_column_named_label_is_taken_whatever_it_holds_so_that_its_fault_is_named() -> None:
    for cells in ([f"own {i}" for i in range(9)], ["same"] * 9, [""] * 9):
        assert [guess.column for guess in guess_label(table(text=prose(9), label=cells), "text")] == ["label"]
    better = table(text=prose(9), label=["same"] * 9, kind=cycle(9, "a", "b"))
    assert [guess.column for guess in guess_label(better, "text")] == ["kind"]


def test_reasons_are_said() -> None:
    frame = table(text=prose(60), label=cycle(60, "a", "b"))
    assert guess_text(frame)[0].why.startswith("text (") and "named like a text" in guess_text(frame)[0].why
    assert guess_label(frame, "text")[0].why == "label (2 values, about 30 rows each, named like a label)"


def test_a_few_rows_are_enough() -> None:
    assert first(table(text=prose(4), label=["a", "b", "a", "b"])) == ("text", "label")
    assert first(table(column_1=prose(4), column_2=["a", "b", "a", "b"])) == ("column_1", "column_2")


def test_large_tables_are_sampled_over_their_whole_length() -> None:
    count = 40_000
    frame = table(text=prose(count), label=[str(i * 4 // count) for i in range(count)])
    assert guess_label(frame, "text")[0].why == "label (4 values, about 10000 rows each, named like a label)"


# ---- several labels in a cell ----


@pytest.mark.parametrize(
    ("cells", "separator"),
    [
        (["a;b", "a", "b;c", "c", "a;c"], ";"),
        (["red|green", "red", "green|blue", "", "blue"], "|"),
        (["x, y", "y", "x", "y, z", "z"], ","),
        (["好、快", "快", "好", "快、远", "远"], "、"),
        (["a", "b", "c", "a"], None),
        (["Arts, Entertainment", "Business, Finance", "Arts, Entertainment", "Sports"], None),
        (["Arts, Crafts", "Sports", "World", "Arts, Crafts"], None),
        (["0,5", "1,5", "1,0", "0,0"], None),
        (["Sci/Tech", "World", "Sports", "Sci/Tech"], None),
        (["well, it came late, and broken", "no, thanks", "it is fine, really", "so, so"], None),
        ([], None),
        (["", ""], None),
    ],
)
def test_separators_are_found(cells: list[str], separator: str | None) -> None:
    assert guess_multi_label(pd.Series(cells * 4, dtype="str")) == separator


def test_cells_that_are_lists() -> None:
    assert guess_multi_label(pd.Series([["a"], [], ["a", "b"]], dtype=object)) == "list"
    assert guess_multi_label(pd.Series([np.array(["a"]), np.array(["b", "c"])], dtype=object)) == "list"
    frame = pd.DataFrame({"text": prose(40), "tags": pd.Series([["a"], ["a", "b"], [], ["c"]] * 10, dtype=object)})
    assert first(frame) == ("text", "tags")


def test_many_combinations_are_still_few_labels() -> None:
    cells = [";".join(sorted({f"t{i % 7}", f"t{i * i % 11}", f"t{i // 3 % 5}"})) for i in range(60)]
    assert first(table(text=prose(60), tags=cells)) == ("text", "tags")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=8), st.sampled_from(["", "a", "1", "a,b", "2024-01-01"])), max_size=20))
def test_any_table_gets_an_answer(rows: list[tuple[str, str]]) -> None:
    frame = pd.DataFrame(rows, columns=["one", "two"], dtype=object)
    for guess in guess_text(frame):
        assert {label.column for label in guess_label(frame, guess.column)} <= {"one", "two"} - {guess.column}
    assert guess_multi_label(frame["two"]) in (None, ",")


# ---- real files ----

REAL = {
    "banking77_en/train.csv": ("text", "category"),
    "banking77_en/test.csv": ("text", "category"),
    "tweets_en/emotion_train.csv": ("text", "label_name"),
    "tweets_en/irony_val.csv": ("text", "label_name"),
    "tweets_en/stance_train.csv": ("text", "label_name"),
    "shopping_reviews_zh/reviews.csv": ("review", "label"),
    "amazon_reviews_en/train.csv": ("text", "label"),
    "clinc150_en/train.csv": ("text", "intent"),
    "ag_news_en/ag_news_test.csv": ("description", "label"),
    "review_sentences_en/imdb_labelled.txt": ("column_1", "column_2"),
    "review_sentences_en/yelp_labelled.txt": ("column_1", "column_2"),
    "offensiveness_by_annotator_en/ratings.csv": ("text", "offensiveness"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", REAL)
def test_real_files(name: str) -> None:
    path = SHARED / name
    if not path.is_file():
        pytest.skip(f"{path} is not here")
    if path.suffix == ".txt":
        options = {"sep": "\t", "header": None, "names": ["column_1", "column_2"], "quoting": csv.QUOTE_NONE}
    else:
        options = {}
    frame = pd.read_csv(path, dtype=str, keep_default_na=False, **options)
    assert first(frame) == REAL[name]
    assert guess_multi_label(frame[REAL[name][1]]) is None
