"""What `--vary` means: which values it names, which combinations they make, and what their folders are called."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftkit.errors import Fault, Faults, InputError
from ftkit.recipe import yaml_text
from ftkit.search.combinations import LONGEST, combine, flat, merged, parse, spelled


def names(*items: str) -> list[str]:
    """The folder names of a sweep."""
    return [one.name for one in combine(parse(items), 1000)]


@pytest.mark.parametrize(
    ("item", "key", "values"),
    [
        ("method.name=lora,ia3,full", "method.name", ["lora", "ia3", "full"]),
        ("method=lora,ia3", "method.name", ["lora", "ia3"]),
        ("method={name: lora, rank: 8},{name: head}", "method", [{"name": "lora", "rank": 8}, {"name": "head"}]),
        ("method.layers=all, last 2", "method.layers", ["all", "last 2"]),
        ("method.layers=[0,1],[2]", "method.layers", [[0, 1], [2]]),
        ("train.lr=1e-3,2e-3,auto", "train.lr", [0.001, 0.002, "auto"]),
        ("data.header=true,false", "data.header", [True, False]),
        ("data.test=null,t.csv", "data.test", [None, "t.csv"]),
        (""" data.train ="a,b.csv",'it''s, x.csv',it's.csv""", "data.train", ["a,b.csv", "it's, x.csv", "it's.csv"]),
        ('data.train=["a]b.csv",c.csv],d.csv', "data.train", [["a]b.csv", "c.csv"], "d.csv"]),
        (r'data.train="a\",b",c', "data.train", ['a",b', "c"]),
        ("data.unit=a=b,c]", "data.unit", ["a=b", "c]"]),
    ],
)
def test_values_are_yaml_split_at_commas_outside_brackets_and_quotes(item: str, key: str, values: list[Any]) -> None:
    (varied,) = parse([item])
    assert (varied.key, list(varied.values)) == (key, values)


def typed(*values: Any) -> str:
    """Values as a careful user types them: quoted where a list needs it."""
    return ",".join(yaml_text.text([value])[1:-1] for value in values)


YAML = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.floats(-9, 9) | st.text("ab,'\"[]{}:# -é\n\\", max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab,:", max_size=3), inner, max_size=2),
    max_leaves=5,
)


@given(st.lists(YAML, min_size=1, max_size=4, unique_by=yaml_text.text))
def test_any_value_goes_through(values: list[Any]) -> None:
    (varied,) = parse([f"x.y={typed(*values)}"])
    assert list(varied.values) == values


@pytest.mark.parametrize(
    ("item", "what"),
    [
        ("seed", "expected KEY=VALUE"),
        ("=1,2", "expected KEY=VALUE"),
        ("a..b=1", "expected KEY=VALUE"),
        ("seed=", "an empty value"),
        ("seed=1,,2", "an empty value"),
        ("seed=1,2,", "an empty value"),
        ("train.lr=1e-3,2,0.001", "the same value twice: 1e-3, 0.001"),
        ("method.layers=[0,1", "a bracket is left open"),
        ("data.train='a,b", "a quote is left open"),
    ],
)
def test_a_slip_is_told(item: str, what: str) -> None:
    with pytest.raises(Faults, match="--vary") as caught:
        parse([item])
    assert what in caught.value.message and caught.value.faults[0].hint


def test_all_slips_are_told_at_once() -> None:
    with pytest.raises(Faults) as caught:
        parse(["seed", "train.lr=", "seed=1,2", "seed=3", "task={name: a},{name: b}", "task.text=c,d"], ["base"])
    assert [fault.what.partition(":")[0] for fault in caught.value.faults] == [
        "--vary seed",
        "--vary train.lr=",
        "--vary seed",
        "--vary task",
    ]


@pytest.mark.parametrize(
    ("item", "settled"),
    [
        ("seed=1,2", "seed"),
        ("method=lora,ia3", "method.name"),
        ("method.name=lora,ia3", "method"),
        ("data={train: a},{train: b}", "data.train"),
    ],
)
def test_a_key_is_not_set_and_varied(item: str, settled: str) -> None:
    with pytest.raises(Faults, match="both set and varied"):
        parse([item], [settled])


def test_a_part_of_a_method_may_be_set_beside_its_name() -> None:
    assert parse(["method={name: lora},{name: ia3}", "method.name=lora,ia3"][:1], ["method.layers"])
    assert parse(["method.name=lora,ia3"], ["method.layers", "data.train"])


def test_every_value_with_every_other() -> None:
    found = combine(parse(["method=lora,ia3", "train.lr=1e-3,2e-3,5e-3"]), 6)
    assert [one.values["train.lr"] for one in found] == [0.001, 0.002, 0.005] * 2
    assert str(found[4]) == "method.name=ia3, train.lr=0.002"
    assert found[4].changes == (("method.name", "ia3"), ("train.lr", "2e-3"))
    with pytest.raises(InputError, match=r"6 runs are too many \(2 of method.name × 3 of train.lr\)") as caught:
        combine(parse(["method=lora,ia3", "train.lr=1e-3,2e-3,5e-3"]), 5)
    assert "--max-runs 6" in caught.value.hint


def test_a_huge_product_is_refused_before_it_is_made() -> None:
    many = [f"x{number}=" + ",".join(map(str, range(100))) for number in range(20)]
    with pytest.raises(InputError, match="too many"):
        combine(parse(many), 200)


def test_folders_are_called_after_what_differs() -> None:
    assert names("method.name=lora,ia3", "data.train=x/a.csv,[b.csv.gz,c.csv]") == [
        "lora,a",
        "lora,b+c",
        "ia3,a",
        "ia3,b+c",
    ]
    assert names("seed=1,2", "train.lr=1e-5,0.25,auto")[:3] == ["seed=1,lr=1e-05", "seed=1,lr=0.25", "seed=1,auto"]
    assert names("method={name: lora, rank: 8},{name: head}") == ["lora+rank=8", "head"]
    assert names("base=minilm,org/model-1.5,./runs/a-1/") == ["minilm", "model-1.5", "a-1"]


def test_folders_never_share_a_name_nor_one_of_the_sweeps_own_files() -> None:
    assert names("data.train=x/a.csv,y/a.csv,A.tsv") == ["a", "a-2", "A-3"]
    assert names("data.unit=sweep.html,a b,a/b,a-b") == ["sweep.html-2", "a-b", "a-b-2", "a-b-3"]


def test_long_names_give_way_to_numbers() -> None:
    assert names(f"data.unit={'é' * LONGEST},b") == ["run-1", "run-2"]


WORDS = st.text(min_size=1, max_size=12).filter(lambda text: text.strip()) | st.sampled_from(
    ["..", ".", "/", "../../x", "~", "$(x)", "a\0b", "con", "\u202e", "*", "-rf", "\ud800", "a,b", "'", "\n"]
)


@given(st.lists(WORDS, min_size=1, max_size=5, unique=True))
def test_any_value_gives_a_safe_name_of_its_own(values: list[str]) -> None:
    try:
        varied = parse([f"data.unit={typed(*values)}"])
    except Faults:  # YAML cannot hold it, or holds two of them as one
        return
    found = [one.name for one in combine(varied, 100)]
    assert len({name.casefold() for name in found}) == len(values)
    for name in found:
        assert Path(name).name == name and not name.startswith((".", "-")) and os.fsencode(name)
        assert not set(name) & set("/\\\0\n \"'$*?;&|<>`()[]{}~!#")


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_spelled_short_and_exactly(value: float) -> None:
    assert float(spelled(value)) == value


def test_values_are_spelled_as_typed() -> None:
    assert [spelled(value) for value in ("last 2", 0.001, True, None, ["a", 1], {"a": 0.5}, [], {}, "a\n b")] == [
        "last 2",
        "0.001",
        "true",
        "null",
        "a, 1",
        "a: 0.5",
        "[]",
        "{}",
        "a b",
    ]


def test_flat_keys() -> None:
    assert flat({"a": {"b": {"c": 1}, "d": {}}, "e": [2]}) == {"a.b.c": 1, "a.d": {}, "e": [2]}


def test_each_fault_is_told_once_with_the_combinations_it_belongs_to() -> None:
    everyone = [one.values for one in combine(parse(["method=lora,head", "seed=1,2,3"]), 10)]
    everywhere, head, odd = Fault("r.yaml:1", "a", "h"), Fault("", "b"), Fault("", "c")
    found = [*((place, everywhere) for place in range(6)), *((place, head) for place in (3, 4, 5)), (0, odd), (4, odd)]
    assert list(map(str, merged(found, everyone))) == [
        "r.yaml:1: a; h",
        "b (with method.name=head)",
        "c (with method.name=lora, seed=1, and 1 more of 6 combinations)",
    ]
