"""Tags of every scheme become the same spans, and what was wrong with them is counted."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftkit.data import tags
from ftkit.data.sampling import labels_of, renamed
from ftkit.data.table import Tags

SCHEMES = ("bio", "bioes", "bilou", "iob1")
ANY = st.lists(st.sampled_from(["O", *(f"{letter}-{kind}" for letter in "BIESLU" for kind in ("per", "loc"))]))
SPANS = st.lists(st.tuples(st.sampled_from(["per", "loc-x", "a b"]), st.integers(0, 2), st.integers(1, 4)), max_size=6)


def spread(parts: list[tuple[str, int, int]]) -> tuple[list[tags.Span], int]:
    """Spans from (type, tokens before it, its length), and the number of tokens."""
    found, at = [], 0
    for kind, before, length in parts:
        found.append((kind, at + before, at + before + length))
        at += before + length
    return found, at + 1


def is_valid(row: tuple[str, ...]) -> bool:
    pairs = zip(("O", *row), row, strict=False)
    return all(tag[0] in "OB" or before[:1] in "BI" and before[2:] == tag[2:] for before, tag in pairs)


@given(ANY, st.sampled_from(SCHEMES))
def test_whatever_is_given_becomes_valid_bio_of_the_same_tokens(row: list[str], scheme: tags.Scheme) -> None:
    found, reasons = tags.mended(row, scheme)
    assert isinstance(found, Tags) and len(found) == len(row) and is_valid(found)
    assert [tag[2:] for tag in found] == [tag[2:] for tag in row]  # nothing is thrown away, no type changes
    assert tags.mended(found, "bio") == (found, Counter())  # and once mended there is nothing to mend
    assert all(count > 0 for count in reasons.values())


@given(SPANS, st.sampled_from(SCHEMES))
def test_spans_survive_every_scheme_there_and_back(parts: list[tuple[str, int, int]], scheme: tags.Scheme) -> None:
    spans, length = spread(parts)
    row = tags.tagged(spans, length)
    assert tags.spans(row) == spans
    assert tags.mended(tags.written(row, scheme), scheme) == (row, Counter())


@given(st.lists(SPANS, min_size=1), st.sampled_from(SCHEMES))
def test_the_scheme_is_told_from_the_tags_where_they_tell(
    rows: list[list[tuple[str, int, int]]], scheme: tags.Scheme
) -> None:
    written = [tags.written(tags.tagged(*spread(parts)), scheme) for parts in rows]
    told = tags.scheme_of(written)
    letters = {tag[0] for row in written for tag in row}
    expected = scheme if letters & ({"bio": {"B"}, "iob1": {"I"}}.get(scheme) or {"S", "U", "E", "L"}) else "bio"
    assert told == expected


@pytest.mark.parametrize(
    ("scheme", "row", "mended", "reason"),
    [
        ("bio", "O I-a I-a", "O B-a I-a", tags.NO_BEGIN),
        ("bio", "B-a I-b", "B-a B-b", tags.OTHER_TYPE),
        ("bioes", "O E-a S-b", "O B-a B-b", tags.NO_SPAN),
        ("bioes", "B-a I-a O", "B-a I-a O", tags.NO_END),
        ("bioes", "B-a B-b E-b", "B-a B-b I-b", tags.NO_END),
        ("bilou", "U-a L-a", "B-a B-a", tags.NO_SPAN),
        ("bioes", "O B-a", "O B-a", tags.NO_END),
    ],
)
def test_a_mistake_is_mended_and_named(scheme: tags.Scheme, row: str, mended: str, reason: str) -> None:
    assert tags.mended(row.split(), scheme) == (Tags(mended.split()), Counter({reason: 1}))


def test_iob1_begins_spans_with_inside_and_that_is_no_mistake() -> None:
    found = tags.mended(["I-a", "I-a", "B-a", "I-b", "O"], "iob1")
    assert found == (Tags(["B-a", "I-a", "B-a", "B-b", "O"]), Counter())


def test_the_labels_of_a_row_are_its_types_and_they_can_be_renamed() -> None:
    row = Tags(["B-a", "I-a", "O", "B-b"])
    assert labels_of(row) == ("a", "b") and labels_of(Tags(["O"])) == ()
    assert renamed([row], {"a": "c"}) == [Tags(["B-c", "I-c", "O", "B-b"])]
    assert tags.classes(["b", "a"]) == ("B-a", "B-b", "I-a", "I-b", "O")


@pytest.mark.parametrize("text", ["O", "B-per", "I-a b", "S-x-y"])
def test_what_is_a_tag(text: str) -> None:
    assert tags.is_tag(text)


@pytest.mark.parametrize("text", ["", "per", "B-", "X-per", "NOUN", "o"])
def test_what_is_none(text: str) -> None:
    assert not tags.is_tag(text)
