"""CoNLL files are read by content as well as by name, and written as they were."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftkit.data import conll
from ftkit.data.read import read
from ftkit.data.write import write
from ftkit.errors import InputError
from ftkit.recipe import Data

SMALL = """-DOCSTART- -X- O O

# newspaper of Monday
Ada NNP B-NP B-per
Byron NNP I-NP I-per
wrote VBD B-VP O

Paris NNP B-NP B-loc
"""
TOKEN = st.text(st.characters(exclude_categories=["Z", "C"]), min_size=1, max_size=6).filter(lambda t: t[0] not in "#-")
SENTENCES = st.lists(st.lists(st.tuples(TOKEN, TOKEN, st.sampled_from(["O", "B-x", "I-x"])), min_size=1), min_size=1)


def table(path: Path, text: str) -> pd.DataFrame:
    path.write_text(text, encoding="utf-8")
    return read(str(path), Data(train=str(path))).frame


@pytest.mark.parametrize("name", ["a.conll", "a.iob", "a.bio", "a.txt", "a.tsv", "a", "a.conll.txt"])
def test_a_file_is_known_by_its_name_or_by_what_it_holds(tmp_path: Path, name: str) -> None:
    found = read(str(tmp_path / name), Data(train="")) if (tmp_path / name).write_text(SMALL) else None
    assert found is not None and list(found.frame) == ["tokens", "column_2", "column_3", "tags"]
    assert found.frame["tokens"].tolist() == [["Ada", "Byron", "wrote"], ["Paris"]]
    assert found.frame["tags"].tolist() == [["B-per", "I-per", "O"], ["B-loc"]]
    assert found.lines.tolist() == [4, 8]
    assert any("-DOCSTART- left out: 1" in note for note in found.notes)


@pytest.mark.parametrize(
    "text",
    [
        "text\tlabel\na good book\tB-x\n\nanother\tO\n",  # a header, of other tags
        "one two O\nthree four O\n\n",  # no span
        "one B-x\ntwo O\n",  # no blank line
        "a B-x\nlonger line here O\n\n",
    ],
)
def test_other_texts_are_no_conll(text: str) -> None:
    assert not conll.looks_like(text.encode())


def test_tabs_keep_blanks_inside_of_cells(tmp_path: Path) -> None:
    found = table(tmp_path / "a.conll", "New York\tB-loc\nis\tO\n\nold\tO\n")
    assert found["tokens"].tolist() == [["New York", "is"], ["old"]]


def test_a_sentence_with_a_ragged_line_is_bad_and_named(tmp_path: Path) -> None:
    path = tmp_path / "a.conll"
    path.write_text("a O\nb B-x\n\nc\nd O\n\ne O\n")
    found = read(str(path), Data(train=str(path)))
    assert found.frame["tokens"].tolist() == [["a", "b"], ["e"]]
    assert [(bad.line, bad.reason) for bad in found.bad] == [(4, "ragged line: 1 columns where 2 are expected")]


def test_tokens_alone_are_enough_to_predict(tmp_path: Path) -> None:
    assert list(table(tmp_path / "a.conll", "a\nb\n\nc\n")) == ["tokens"]


def test_a_file_of_comments_has_no_sentences(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no sentences"):
        table(tmp_path / "a.conll", "-DOCSTART- O\n\n# nothing\n")


@given(SENTENCES, st.sampled_from([" ", "\t"]))
def test_what_is_written_is_read_again(sentences: list[list[tuple[str, str, str]]], delimiter: str) -> None:
    columns = {
        name: pd.Series([[row[place] for row in rows] for rows in sentences], dtype=object)
        for place, name in enumerate(("tokens", "column_2", "tags"))
    }
    pieces, notes = conll.write(pd.DataFrame(columns), delimiter, "\n")
    again = conll.read("".join(pieces).encode(), "a.conll").frame
    assert not notes
    assert {name: again[name].tolist() for name in again} == {name: cells.tolist() for name, cells in columns.items()}


def test_a_column_more_is_written_beside_the_others(tmp_path: Path) -> None:
    path, out = tmp_path / "a.conll", tmp_path / "b.conll"
    path.write_text("a\tx\tO\nb\ty\tB-x\n\nc\tz\tO\n")
    found = read(str(path), Data(train=str(path)))
    frame = found.frame.assign(prediction=pd.Series([["O", "B-x"], None], dtype=object), confidence=[0.5, None])
    notes = write(frame, out, str(path), Data(train=str(path)), found.lines)
    assert out.read_text() == "a\tx\tO\tO\nb\ty\tB-x\tB-x\n\nc\tz\tO\t_\n\n"
    assert notes == ("confidence: left out, because a CoNLL file has columns of tokens",)
    write(frame, tmp_path / "c.jsonl", str(path), Data(train=str(path)), found.lines)
    assert '"prediction": ["O", "B-x"]' in (tmp_path / "c.jsonl").read_text()
