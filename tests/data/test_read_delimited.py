"""Delimited text: what is detected, exact lines, nothing silently changed."""

from __future__ import annotations

import csv
import io
import random
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftkit import privacy
from ftkit.data import delimited
from ftkit.data.cells import Cells
from ftkit.data.header import is_header
from ftkit.errors import InputError
from ftkit.recipe import Data


def data(**keys: object) -> Data:
    return Data.model_validate({"train": "x"} | keys)


def cells_of(text: str, suffix: str = "csv", **keys: object) -> Cells:
    return delimited.read(text.encode(), "x.csv", data(**keys), suffix)


def rows_of(cells: Cells) -> list[list[str]]:
    return cells.frame.to_numpy().tolist()


REVIEWS = [
    ("Great phone, works well; I love it", "pos"),
    ("Broke after a day", "neg"),
    ("Arrived late, but the price, at 9,99, is fair", "pos"),
    ("Never again; a waste | of money", "neg"),
    ("ok", "neg"),
    ("It is fine", "pos"),
]


@pytest.mark.parametrize(
    ("mark", "name"), [(",", "comma"), (";", "semicolon"), ("\t", "tab"), ("|", "pipe")], ids=lambda value: value
)
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"], ids=repr)
def test_each_delimiter_is_found_among_texts_that_hold_the_others(mark: str, name: str, newline: str) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=mark, lineterminator=newline)
    writer.writerows([("review", "label"), *REVIEWS])
    cells = cells_of(out.getvalue())
    assert rows_of(cells) == [list(row) for row in REVIEWS]
    assert list(cells.frame.columns) == ["review", "label"]
    assert f"delimiter: {name}" in cells.notes
    assert cells.lines.tolist() == [2, 3, 4, 5, 6, 7]


def test_a_decimal_comma_is_not_a_delimiter() -> None:
    cells = cells_of("gut;1,5\nschlecht;2,5\nganz gut;3,0\nna ja;2,0\n")
    assert rows_of(cells)[0] == ["gut", "1,5"]
    cells = cells_of("Text;Wert\nnicht gut, gar nicht;1,5\nja, gut;2,5\n")
    assert rows_of(cells) == [["nicht gut, gar nicht", "1,5"], ["ja, gut", "2,5"]]


def test_one_column_needs_no_delimiter() -> None:
    lines = ["So, this is it.", "No commas here", "One, two, three", "It broke; I wept", "Fine"]
    cells = cells_of("\n".join(lines), suffix="txt")
    assert rows_of(cells) == [[line] for line in lines]
    assert "delimiter: none, one column" in cells.notes
    assert "no header row: columns are named column_1" in cells.notes
    cells = cells_of("text\n" + "\n".join(lines), suffix="txt")
    assert list(cells.frame.columns) == ["text"] and len(cells.frame) == 5


def test_one_column_tells_an_empty_cell_from_a_blank_line() -> None:
    cells = cells_of('text\nfirst one\n\n""\n"two\nlines"\nlast one\n')
    assert rows_of(cells) == [["first one"], [""], ["two\nlines"], ["last one"]]
    assert cells.lines.tolist() == [2, 4, 5, 7]


def test_texts_that_look_like_missing_values_stay() -> None:
    rows = [["NA", "007"], ["null", "1e5"], ["None", "1.0"], ["nan", "0x1"], ["N/A", " x "], ["", "-"]]
    cells = cells_of("text,code\n" + "\n".join(map(",".join, rows)))
    assert rows_of(cells) == rows


def test_ragged_lines_are_named_and_never_filled() -> None:
    text = 'text,label\none,a\ntwo\n\n"three\nlines\nlong",b\nfour,c,d\n"fi\nve",1,2\n   \nsix,a\n'
    cells = cells_of(text)
    assert rows_of(cells) == [["one", "a"], ["three\nlines\nlong", "b"], ["six", "a"]]
    assert cells.lines.tolist() == [2, 5, 12]
    assert [(bad.line, bad.reason) for bad in cells.bad] == [
        (3, "ragged line: 1 cell where 2 are expected"),
        (8, "ragged line: 3 cells where 2 are expected"),
        (9, "ragged line: 3 cells where 2 are expected"),
    ]
    assert "1 empty line skipped" in cells.notes


def test_lines_are_exact_where_all_lines_are_rows() -> None:
    cells = cells_of("text,label\r\n" + "".join(f"text {i},{i % 2}\r\n" for i in range(50)))
    assert cells.lines.tolist() == list(range(2, 52))


@pytest.mark.parametrize("bad", ['"Great phone\t1', 'He said "no\t0', '"Oh" she said\t1', 'tail"\t0'])
def test_a_stray_quote_swallows_nothing(bad: str) -> None:
    lines = [f"sentence number {i}\t{i % 2}" for i in range(1000)]
    lines[500] = bad
    lines[700] = bad
    cells = cells_of("\n".join(lines), suffix="txt")
    assert [row[0] + "\t" + row[1] for row in rows_of(cells)] == lines
    assert not cells.bad


def test_a_stray_quote_far_behind_the_sample_swallows_nothing() -> None:
    lines = [f"sentence number {i} with some more words in it\t{i % 2}" for i in range(40_000)]
    assert len("\n".join(lines)) > 1 << 20
    lines[39_000] = '"Great phone\t1'
    lines[39_500] = '"Good" phone\t1'
    cells = cells_of("\n".join(lines), suffix="txt")
    assert len(cells.frame) == 40_000 and cells.frame.iloc[39_000, 0] == '"Great phone'
    assert any(note.startswith("quoting: off") for note in cells.notes)


def test_quoted_line_breaks_stay_beside_a_stray_quote() -> None:
    good = "".join(f'"text, number\n{i}",a\n' for i in range(50))
    cells = cells_of(f'text,label\n{good}"He said "hi" to me",b\n')
    assert cells.frame.iloc[:50, 0].tolist() == [f"text, number\n{i}" for i in range(50)]
    assert not any(note.startswith("quoting: off") for note in cells.notes)


@pytest.mark.parametrize("mark", ["\t", ","])
def test_quotes_that_close_lines_later_by_chance_swallow_nothing(mark: str) -> None:
    lines = [f"sentence number {i}{mark}{i % 2}" for i in range(100)]
    lines[50], lines[60] = f'"Great phone{mark}1', f'I would not say "good"{mark}0'
    cells = cells_of("\n".join(lines), suffix="txt")
    assert [mark.join(row) for row in rows_of(cells)] == lines


def test_quoting_can_be_named() -> None:
    text = 'text,label\n"a",x\n"b",y\n'
    assert rows_of(cells_of(text, quoting="off")) == [['"a"', "x"], ['"b"', "y"]]
    assert rows_of(cells_of(text, quoting="on")) == [["a", "x"], ["b", "y"]]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("text,label\nI like it,pos\nI hate it,neg\n", ["text", "label"]),
        ("en,de\nA dog runs over there,Ein Hund rennt dort\nTwo men are talking,Zwei Männer reden\n", ["en", "de"]),
        ("w1,w2,y\n0.1,0.2,3\n0.3,0.1,2\n", ["w1", "w2", "y"]),
        (",text,label\n0,I like it,pos\n1,I hate it,neg\n", ["column_1", "text", "label"]),
        ("评论,情感\n很好用的手机,正面\n不好,负面\n", ["评论", "情感"]),
        (" text , label \nI like it,pos\nI hate it,neg\n", ["text", "label"]),
        ("sep=;\ntext;label\nI like it;pos\n", ["text", "label"]),
        ("text,label,,\nI like it,pos,,\nI hate it,neg,,\n", ["text", "label"]),
    ],
)
def test_a_header_is_found(text: str, names: list[str]) -> None:
    assert list(cells_of(text).frame.columns) == names


@pytest.mark.parametrize(
    "text",
    [
        "So it broke.\t0\nI love it\t1\nGood case\t1\n",
        "pos,I like it\nneg,I hate it\npos,Lovely thing\nneg,Rubbish thing\n",
        "Hi.\t嗨。\nRun.\t你用跑的。\nWait!\t等等！\nI try.\t让我来。\n",
        "1,2,3\n4,5,6\n7,8,9\n",
        "dog,cat\nbird,fish\ncow,horse\nhen,duck\n",
        "2024-01-02,Broken again\n2024-01-03,Works\n",
    ],
)
def test_a_first_row_like_the_others_is_no_header(text: str) -> None:
    cells = cells_of(text, suffix="txt")
    assert list(cells.frame.columns)[0] == "column_1"
    assert len(cells.frame) == len(text.splitlines())
    assert cells.lines[0] == 1


def test_the_header_can_be_named() -> None:
    text = "2024,2025\n1,2\n3,4\n"
    assert rows_of(cells_of(text)) == [["2024", "2025"], ["1", "2"], ["3", "4"]]
    assert list(cells_of(text, header=True).frame.columns) == ["2024", "2025"]
    assert list(cells_of("text,label\na,b\n", header=False).frame.columns) == ["column_1", "column_2"]
    cells = cells_of("made by hand\n\ntext,label\nI like it,pos\n", header=3)
    assert rows_of(cells) == [["I like it", "pos"]] and cells.lines.tolist() == [4]
    with pytest.raises(InputError, match="line 2 is no header"):
        cells_of("made by hand\n\ntext,label\nI like it,pos\n", header=2)


def test_title_lines_are_skipped_and_counted() -> None:
    body = "".join(f"Text number {i};label{i % 2}\n" for i in range(8))
    cells = cells_of(f"Export of the shop\nas of 1 March\n\ntext;label\n{body}")
    assert len(cells.frame) == 8 and cells.lines[0] == 5
    assert "header in line 4, 2 lines above it skipped" in cells.notes


def test_column_names_must_differ() -> None:
    with pytest.raises(InputError, match="more than once: 'label'"):
        cells_of("text,label,label\nI like it,pos,1\nI hate it,neg,0\n")


def test_unquoted_commas_are_ragged_lines_rather_than_one_column() -> None:
    cells = cells_of("text,label\nGood, very good,pos\nBad, I think, and late,neg\nfine,pos\nOh, no,neg\n")
    assert list(cells.frame.columns) == ["text", "label"]
    assert [bad.line for bad in cells.bad] == [2, 3, 5]


def test_cells_longer_than_a_block_are_read() -> None:
    long = "word " * 2_000_000
    cells = cells_of(f'text,label\nshort,a\n"{long}",b\nlast,a\n')
    assert cells.frame.text.str.len().tolist() == [5, len(long), 4]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_table_larger_than_the_sample_is_read_exactly(newline: str) -> None:
    rows = [
        [f'text {i}, with "quotes"{newline * (i % 3)} and more{" and more" * 9}', f"label {i % 5}"]
        for i in range(20_000)
    ]
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator=newline).writerows([["text", "label"], *rows])
    assert len(out.getvalue()) > 1 << 20
    cells = cells_of(out.getvalue())
    assert rows_of(cells) == rows
    assert cells.lines.tolist()[:4] == [2, 3, 5, 8] and cells.lines[-1] == out.getvalue().count("\n") - 19_999 % 3


def test_what_cannot_be_cut_is_an_input_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise pa.ArrowInvalid("CSV parse error: row SECRET")

    monkeypatch.setattr(delimited.csv, "read_csv", fail)
    with pytest.raises(InputError, match="cannot be cut into rows: 'CSV parse error"):
        cells_of("text,label\na,b\n")
    privacy.hide(True)
    with pytest.raises(InputError, match="cannot be cut into rows: ‹hidden›"):
        cells_of("text,label\na,b\n")


def test_known_names_are_no_header_when_they_come_back_as_cells() -> None:
    assert not is_header(["text", "label"], [["text", "a"], ["other", "b"]])
    assert is_header(["text", "label"], [["some", "a"], ["other", "b"]])


WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_table_is_read_as_python_reads_it(draw: st.DataObject) -> None:
    """Whatever the cells hold, quoted text is read exactly, and each row has its line."""
    width = draw.draw(st.integers(2, 4))
    rows = draw.draw(st.lists(st.lists(WORDS, min_size=width, max_size=width), min_size=1, max_size=8))
    mark, newline = draw.draw(st.sampled_from(",;\t|")), draw.draw(st.sampled_from(["\n", "\r\n"]))
    names = [f"name{i}" for i in range(width)]
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=mark, lineterminator=newline, quoting=csv.QUOTE_ALL).writerows([names, *rows])
    named = {"\t": "tab", ",": "comma", ";": "semicolon", "|": "pipe"}[mark]
    cells = cells_of(out.getvalue(), delimiter=named, header=True, quoting="on")
    assert rows_of(cells) == rows
    reader = csv.reader(io.StringIO(out.getvalue(), newline=""), delimiter=mark)
    ends = [reader.line_num for _ in reader]
    assert cells.lines.tolist() == [line + 1 for line in ends[:-1]]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_damage_is_counted_line_by_line(seed: int) -> None:
    """Good rows, ragged lines, blank lines and quoted line ends in any order: every line is accounted for."""
    rng = random.Random(seed)
    text, good, bad, line = "text,label\n", [], [], 2
    for number in range(rng.randint(5, 40)):
        kind = rng.choice(["plain", "plain", "plain", "spread", "few", "many", "blank"])
        piece = {
            "plain": f"text {number},pos\n",
            "spread": f'"text\n{number}, more\r\n\nlines",neg\n',
            "few": f"only {number}\n",
            "many": f"a,b,{number}\n",
            "blank": "\n",
        }[kind]
        if kind in ("plain", "spread"):
            good.append(line)
        elif kind != "blank":
            bad.append(line)
        text, line = text + piece, line + piece.count("\n")
    cells = cells_of(text, delimiter="comma", header=True, quoting="on")
    assert cells.lines.tolist() == good
    assert [row.line for row in cells.bad] == bad


@pytest.mark.slow
def test_real_files_give_the_rows_that_python_gives(shared: Path) -> None:
    paths = sorted((shared / "data").glob("*/*.csv"))
    assert len(paths) >= 30
    for path in paths:
        cells = delimited.read(path.read_bytes(), str(path), data(), "csv")
        with path.open(encoding="utf-8", newline="") as stream:
            names, *rows = csv.reader(stream)
        assert (list(cells.frame.columns), rows_of(cells), len(cells.bad)) == (names, rows, 0), path


@pytest.mark.slow
def test_real_sentences_are_all_there(shared: Path) -> None:
    paths = sorted((shared / "data/review_sentences_en").glob("*.txt"))
    assert len(paths) == 3
    for path in paths:
        text = path.read_bytes()
        cells = delimited.read(text, str(path), data(), "txt")
        assert rows_of(cells) == [line.split("\t") for line in text.decode().rstrip("\n").split("\n")]
        assert len(cells.frame) == 1000 and list(cells.frame.columns) == ["column_1", "column_2"]
