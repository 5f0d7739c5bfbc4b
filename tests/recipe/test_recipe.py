"""Recipes: every fault at once with its line, values that survive YAML, changes from the command line."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ftkit import recipe, registry
from ftkit.errors import Faults, InputError
from ftkit.recipe import Recipe, parse, read, yaml_text

GOOD = """\
# a header
base: minilm
task: {name: text_classification, text: message, label: team}
data:
  train: rows.csv
method: {name: lora, rank: 4}
train: {epochs: 3, lr: 1e-3}
"""


@pytest.fixture
def write(tmp_path: Path) -> Any:
    """Write a recipe and give its path."""

    def _write(text: str, name: str = "r.yaml") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return _write


def faults(path: Path, changes: list[tuple[str, str]] | None = None) -> list[str]:
    """All faults of a recipe as lines, without the folder."""
    with pytest.raises(Faults) as caught:
        read(path, changes or [])
    return [str(fault).replace(f"{path.parent}{os.sep}", "") for fault in caught.value.faults]


def tree(**more: Any) -> dict[str, Any]:
    return {"task": "text_classification", "data": {"train": "x.csv"}, "method": "lora"} | more


# ---- reading ----


def test_a_good_recipe_is_read_with_paths_relative_to_it(write: Any, tmp_path: Path, monkeypatch: Any) -> None:
    path = write(GOOD)
    monkeypatch.chdir("/")
    found = read(path)
    assert found.data.train == str(tmp_path / "rows.csv")
    assert (found.train.epochs, found.train.lr) == (3, 0.001)
    assert found.method.model_dump()["rank"] == 4
    assert found.seed == 0 and found.base == "minilm"


def test_all_faults_come_at_once_in_the_order_of_the_file(write: Any) -> None:
    path = write(
        "base: minilm\n"
        "task: {name: text_classification, txet: a}\n"
        "data:\n  train: x.csv\n  fold: 3\n  per_label: 0\n"
        "method:\n  name: lora\n  rnak: 4\n  dropout: 2\n"
        "train:\n  epochs: three\n  lr: -1\n"
        "epoch: 3\n"
        "seed: x\n"
    )
    found = faults(path)
    assert [line.split(": ")[:2] for line in found] == [
        ["r.yaml:2", "task.txet"],
        ["r.yaml:5", "data.fold"],
        ["r.yaml:6", "data.per_label"],
        ["r.yaml:9", "method.rnak"],
        ["r.yaml:10", "method.dropout"],
        ["r.yaml:12", "train.epochs"],
        ["r.yaml:13", "train.lr"],
        ["r.yaml:14", "epoch"],
        ["r.yaml:15", "seed"],
    ]
    said = "\n".join(found)
    for part in (
        "did you mean text?",
        "did you mean folds?",
        "did you mean rank?",
        "a whole number or auto, got 'three'",
    ):
        assert part in said


def test_a_key_one_level_too_high_is_sent_home() -> None:
    with pytest.raises(Faults, match=r"epochs: unknown key; did you mean train\.epochs\?"):
        parse(tree(epochs=3))


@pytest.mark.parametrize("key", ["task", "data", "method"])
def test_what_a_recipe_must_have(key: str) -> None:
    rest = {name: value for name, value in tree().items() if name != key}
    with pytest.raises(Faults, match=f"{key}: missing"):
        parse(rest)


def test_a_missing_nested_key_points_to_its_block(write: Any) -> None:
    path = write("task: text_classification\nmethod: head\ndata:\n  test: a.csv\n")
    (only,) = faults(path)
    assert only.startswith("r.yaml:3: data.train: missing (file(s)")


@pytest.mark.parametrize("key", ["base", "train", "evaluate", "report", "seed", "seeds"])
def test_an_empty_key_is_at_its_default(key: str, write: Any) -> None:
    empty = read(write(f"task: text_classification\nmethod: head\ndata: {{train: a.csv}}\n{key}:\n"))
    assert getattr(empty, key) == Recipe.model_fields[key].get_default()


@pytest.mark.parametrize("value", ["5", "[]", "false", "0", "abc", "''"])
@pytest.mark.parametrize("key", ["train", "data", "evaluate"])
def test_a_block_that_is_no_mapping(key: str, value: str, write: Any) -> None:
    text = "task: text_classification\nmethod: head\n" + ("" if key == "data" else "data: {train: a.csv}\n")
    (only,) = faults(write(f"{text}{key}: {value}\n"))
    assert f"{key}: expected keys such as" in only


@pytest.mark.parametrize("value", ["", "5", "[lora]", "{rank: 3}", "{name: 3}", "{name: }"])
def test_an_entry_without_a_name(value: str, write: Any) -> None:
    (only,) = faults(write(f"task: text_classification\ndata: {{train: a.csv}}\nmethod: {value}\n"))
    assert "r.yaml:3: method: has no name" in only and "lora" in only


def test_a_misspelt_entry_gets_a_suggestion(write: Any) -> None:
    (only,) = faults(write("task: text_classification\ndata: {train: a.csv}\nmethod:\n  name: lroa\n"))
    assert only == "r.yaml:4: method.name: no method named 'lroa'; did you mean lora?"


def test_keys_given_twice_are_told_with_the_other_faults(write: Any) -> None:
    path = write("seed: 1\nseed: 2\ntask: text_classification\nmethod: head\ndata:\n  train: a\n  train: b\n  x: 1\n")
    found = faults(path)
    assert found[0].startswith("r.yaml:2: seed: given twice; first at ") and found[0].endswith("r.yaml:1")
    assert found[1].startswith("r.yaml:7: data.train: given twice")
    assert found[2].startswith("r.yaml:8: data.x: unknown key")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("train.epochs", "-1"),
        ("train.epochs", "1.5"),
        ("train.epochs", "true"),
        ("train.lr", "0"),
        ("train.lr", "-1e-3"),
        ("train.lr", ".nan"),
        ("train.lr", ".inf"),
        ("train.lr", "fast"),
        ("train.batch", "0"),
        ("train.batch", "[32]"),
        ("train.warmup", "1"),
        ("train.clip", "0"),
        ("train.patience", "0"),
        ("train.trackers", "tensorboard"),
        ("train.epochs", "null"),
        ("data.folds", "1"),
        ("data.folds", "-2"),
        ("data.folds", "true"),
        ("data.validation", "1.5"),
        ("data.validation", "0"),
        ("data.validation", "1"),
        ("data.validation", "true"),
        ("data.header", "0"),
        ("data.header", "-1"),
        ("data.header", "maybe"),
        ("data.sheet", "0"),
        ("data.sheet", "true"),
        ("data.per_label", "0"),
        ("data.per_label", "true"),
        ("data.per_label", "ten"),
        ("data.max_bad", "1.5"),
        ("data.max_bad", "abc%"),
        ("data.max_bad", "true"),
        ("data.max_chars", "0"),
        ("data.rare_below", "1"),
        ("data.delimiter", "dot"),
        ("data.columns", "[a]"),
        ("data.label_map", "{a: [b]}"),
        ("data.train", "5"),
        ("data.train", "null"),
        ("data.train", "{a: b}"),
        ("data.unit", "true"),
        ("data.unit", "[a]"),
        ("data.split_seed", "-1"),
        ("seed", "-1"),
        ("seed", "true"),
        ("seeds", "0"),
        ("base", "[a]"),
        ("method.rank", "0"),
        ("method.rank", "true"),
        ("method.layers", "lasst 2"),
        ("report.rows", "maybe"),
        ("evaluate.metrics", "accuracy"),
        ("evaluate.metrics", "[acuracy]"),
        ("evaluate.metrics", "[1]"),
    ],
)
def test_values_that_no_key_takes(key: str, value: str) -> None:
    with pytest.raises(Faults) as caught:
        parse(tree(), [(key, value)])
    assert len(caught.value.faults) == 1, caught.value
    (fault,) = caught.value.faults
    assert fault.what.startswith(key) and fault.where == "command line"
    assert "\n" not in str(fault) and "pydantic" not in str(fault) and len(str(fault)) < 250


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("train.epochs", "0", 0),
        ("train.epochs", "auto", "auto"),
        ("train.lr", "2e-4", 2e-4),
        ("train.lr", "auto", "auto"),
        ("data.max_bad", "2%", 0.02),
        ("data.max_bad", "2.5 %", 0.025),
        ("data.max_bad", "0.5", 0.5),
        ("data.folds", "0", 0),
        ("data.folds", "5", 5),
        ("data.validation", "0.2", 0.2),
        ("data.validation", "auto", "auto"),
        ("data.validation", "none", "none"),
        ("data.header", "false", False),
        ("data.header", "3", 3),
        ("data.sheet", "2", 2),
        ("data.sheet", "'2'", "2"),
        ("data.unit", "2019", "2019"),
        ("data.unit", "no", "no"),
        ("data.unit", "", None),
        (
            "data.label_map",
            "{1: low, 01: one, no: negative, 5: high}",
            {"1": "low", "01": "one", "no": "negative", "5": "high"},
        ),
        ("data.columns", "{text: 3}", {"text": "3"}),
        ("evaluate.metrics", "[accuracy, my/metric, perplexity]", ["accuracy", "my/metric", "perplexity"]),
    ],
)
def test_values_that_a_key_takes(key: str, value: str, expected: Any) -> None:
    block, _, name = key.partition(".")
    found = getattr(getattr(parse(tree(), [(key, value)]), block), name)
    assert found == expected and type(found) is type(expected)


def test_a_column_named_like_a_number_or_flag_is_asked_to_be_quoted() -> None:
    with pytest.raises(Faults, match=r'task\.label: expected text .* got 2019.*write it in quotes: "2019"'):
        parse(tree(), [("task.label", "2019")])


def test_long_values_are_cut_in_messages() -> None:
    with pytest.raises(Faults) as caught:
        parse(tree(), [("train.epochs", "x" * 10_000)])
    assert len(str(caught.value)) < 300


def test_faults_in_a_long_list_or_mapping_say_which_item() -> None:
    with pytest.raises(Faults, match=r"evaluate\.slices \(item 2\): expected text, got true"):
        parse(tree(), [("evaluate.slices", "[a, true]")])
    with pytest.raises(Faults, match=r"data\.label_map\.b: expected text, got"):
        parse(tree(), [("data.label_map", "{a: b, b: [c]}")])


# ---- files that are no recipe ----


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "a recipe is a mapping"),
        ("- a\n- b\n", "a recipe is a mapping"),
        ("just words", "a recipe is a mapping"),
        ("a: [1, 2\n", "r.yaml:2: not YAML"),
        ("a: b: c\n", "r.yaml:1: not YAML: mapping values are not allowed here"),
        ("a: 1\n\tb: 2\n", "r.yaml:2: not YAML"),
        ("a: 1\n---\nb: 2\n", "r.yaml:2: not YAML: expected a single document in the stream, but found another"),
        ("? [a]\n: 1\n", "not YAML: found unhashable key"),
        ("a: !!int x\n", "not YAML"),
        ("a: !!python/object/apply:os.system [ls]\n", "not YAML"),
        ("a: &a [*a]\n", "an alias that holds itself"),
        ("a: &a {b: *a}\n", "an alias that holds itself"),
        ("[" * 500, "not YAML"),
        ("a: \x07\n", "not YAML"),
    ],
)
def test_text_that_is_no_recipe(text: str, said: str, write: Any) -> None:
    with pytest.raises(InputError) as caught:
        read(write(text))
    assert said in str(caught.value)
    assert "\n" not in caught.value.message


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "folder.yaml").mkdir()
    for name, said in [
        ("binary.yaml", "not UTF-8"),
        ("folder.yaml", "cannot be read"),
        ("none.yaml", "no such file"),
        ("x" * 300 + ".yaml", "cannot be read"),
        ("nul\0.yaml", "cannot be read"),
    ]:
        with pytest.raises(InputError, match=said):
            read(tmp_path / name)


def test_keys_that_are_not_text(write: Any) -> None:
    found = faults(write("task: text_classification\nmethod: head\ndata: {train: a.csv, 1: 2}\n3: 4\n~: 5\n"))
    assert len(found) == 3 and all("unknown key" in line or "keys that are text" in line for line in found)


def test_a_bomb_of_aliases_is_read_in_no_time(write: Any) -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 60)]
    found = faults(write("\n".join(lines) + "\ndata: {train: *a59}\n"))
    assert any("data.train (item 1): expected text" in line for line in found) and len("".join(found)) < 20_000


def test_shared_values_by_alias_work(write: Any) -> None:
    path = write("task: text_classification\nmethod: head\ndata: {train: &f [a.csv], test: *f}\n")
    assert read(path).data.test == read(path).data.train


# ---- paths ----


def test_paths_of_a_recipe_are_relative_to_it(write: Any, tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir("/")
    path = write(
        "base: model\ntask: text_classification\nmethod: head\n"
        "data: {train: [folder, ./b, ../c.jsonl.gz, org/name, org/name.v2, ~/d.csv], validation: v.csv}\n"
        "evaluate: {metrics: [accuracy, mine.py]}\n"
    )
    found = read(path)
    home = os.path.expanduser("~")
    assert found.base == str(tmp_path / "model")
    assert found.data.train == [
        *(str(tmp_path / "folder"), str(tmp_path / "b"), str(tmp_path.parent / "c.jsonl.gz")),
        *("org/name", "org/name.v2", f"{home}/d.csv"),
    ]
    assert found.data.validation == str(tmp_path / "v.csv")
    assert found.evaluate.metrics == ["accuracy", str(tmp_path / "mine.py")]


def test_no_validation_is_no_file_of_that_name(write: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "none").write_text("text,label\n")
    assert read(write(GOOD), [("data.validation", "none")]).data.validation == "none"
    assert read(write(GOOD), [("data.validation", "./none")]).data.validation == str(tmp_path / "none")


def test_paths_of_changes_are_relative_to_the_working_folder(write: Any, tmp_path: Path, monkeypatch: Any) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    found = read(write(GOOD), [("data.test", "t.csv"), ("data", "{train: other.csv}"), ("base", "../m")])
    assert found.data.train == str(here / "other.csv") and found.data.test is None
    assert found.base == str(tmp_path / "m")
    assert read(write(GOOD), [("data.test", "t.csv")]).data.test == str(here / "t.csv")


def test_a_link_keeps_its_name(write: Any, tmp_path: Path) -> None:
    """Hub caches store files under bare hashes; the suffix is in the link's name only."""
    (tmp_path / "3f2a").write_text("a,b\n")
    (tmp_path / "rows.csv").symlink_to(tmp_path / "3f2a")
    assert str(read(write(GOOD)).data.train).endswith("rows.csv")


@pytest.mark.parametrize("base", ["minilm", "org/name", "name", "org/name@main"])
def test_names_of_bases_stay(base: str, write: Any, tmp_path: Path) -> None:
    (tmp_path / "minilm").mkdir()
    (tmp_path / "minilm" / "config.json").write_text("{}")
    assert read(write(GOOD), [("base", base)]).base == base


def test_the_packaged_names_are_those_of_the_bases() -> None:
    from ftkit.bases import packaged
    from ftkit.recipe import paths

    assert set(paths.PACKAGED) == set(packaged.PACKAGED)


def test_strange_paths_are_left_to_whoever_opens_them(write: Any) -> None:
    for value in ['"a\\0b.csv"', "~nobody_of_that_name/x.csv", "x" * 5000 + ".csv", "'  '"]:
        assert read(write(GOOD), [("data.train", value)]).data.train


# ---- changes ----


def test_a_change_replaces_what_the_recipe_has(write: Any) -> None:
    path = write(GOOD + "evaluate: {metrics: [accuracy], slices: [a]}\n")
    found = read(path, [("evaluate.slices", "[b]"), ("data.label_map", "{x: y}"), ("data.label_map", "{p: q}")])
    assert found.evaluate.slices == ["b"] and found.evaluate.metrics == ["accuracy"]
    assert found.data.label_map == {"p": "q"}


@pytest.mark.parametrize("key", ["method", "method.name"])
def test_another_method_drops_the_keys_of_the_old_one(key: str, write: Any) -> None:
    assert read(write(GOOD), [(key, "head")]).method.name == "head"
    same = read(write(GOOD), [(key, "lora")])
    assert same.method.model_dump()["rank"] == 4


def test_the_order_of_changes_to_a_new_method_does_not_matter(write: Any) -> None:
    for changes in ([("method.last", "1"), ("method", "freeze")], [("method", "freeze"), ("method.last", "1")]):
        assert read(write(GOOD), changes).method.model_dump() == {"name": "freeze", "last": 1}


def test_changes_leave_the_callers_tree_alone() -> None:
    mine = tree(train={"epochs": 2})
    parse(mine, [("train.epochs", "5"), ("method.rank", "3")])
    assert mine == tree(train={"epochs": 2})


def test_a_fault_in_a_change_names_the_command_line(write: Any) -> None:
    found = faults(write(GOOD), [("method.rnak", "3"), ("a.b.c", "1"), ("train.lr", "x: y: z")])
    assert sorted(line.partition(":")[0] for line in found) == ["command line"] * 3


@pytest.mark.parametrize("key", ["data.train.x", "seed.x", "task.text.x", ".", "a", ""])
def test_changes_that_go_nowhere_are_faults(key: str, write: Any) -> None:
    assert faults(write(GOOD), [(key, "1")])


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    [
        "no",
        "a: b",
        "[x]",
        "{",
        "- a",
        "null",
        "~",
        "1",
        "01",
        "1e3",
        "'",
        '"',
        "#",
        " a",
        "a ",
        "&a",
        "*a",
        "!x",
        "%",
        "\x85",
        "\u2028",
        "\x00",
        "true",
        "=",
        "<<",
        "2020-01-01",
        "\ufeff",
        "\U0001f600",
    ]
)


@given(TEXTS)
def test_any_name_goes_through_the_command_line_unchanged(name: str) -> None:
    changes = [("task.label", yaml_text.text(name)), ("task.text", yaml_text.text([name, name]))]
    found = parse(tree(), changes).task.model_dump()
    assert (found["label"], found["text"]) == (name, [name, name])


PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS


@given(
    st.recursive(
        PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=6
    )
)
def test_what_is_written_reads_back_equal_also_for_other_readers(value: Any) -> None:
    import yaml

    line = yaml_text.text(value)
    assert "\n" not in line
    assert yaml_text.value(line) == value and yaml.safe_load(line) == value
    assert yaml_text.value(yaml_text.dump({"key": value})) == {"key": value}


@given(st.text(max_size=40))
def test_any_set_value_is_a_fault_or_a_recipe(value: str) -> None:
    for key in ("train", "train.lr", "data.validation", "method", "task.text", "seed", "data.label_map"):
        with contextlib.suppress(InputError):
            parse(tree(), [(key, value)])


@given(
    st.recursive(
        PLAIN,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                TEXTS | st.sampled_from([*Recipe.model_fields, "name", "train", "label_map"]), inner, max_size=4
            )
        ),
        max_leaves=12,
    )
)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_any_tree_is_a_recipe_or_a_list_of_faults(value: Any) -> None:
    wrapped = value if isinstance(value, dict) else tree(data=value)
    try:
        assert isinstance(parse(wrapped), Recipe)
    except Faults as error:
        assert error.faults


# ---- writing ----


@st.composite
def recipes(draw: st.DrawFn) -> Recipe:
    names = TEXTS
    return parse(
        {
            "base": draw(names),
            "task": {
                "name": "text_classification",
                "text": draw(names | st.lists(names, max_size=2)),
                "label": draw(names),
            },
            "data": {
                "train": draw(names | st.lists(names, max_size=2)),
                "label_map": draw(st.dictionaries(names, names, max_size=3)),
                "validation": draw(st.just("auto") | st.floats(0.01, 0.99) | names),
                "sheet": draw(st.none() | names | st.integers(1)),
                "header": draw(st.just("auto") | st.booleans() | st.integers(1)),
                "max_bad": draw(st.floats(0, 1)),
            },
            "method": draw(st.sampled_from(registry.names("methods"))),
            "train": {
                "lr": draw(st.just("auto") | st.floats(1e-9, 10)),
                "epochs": draw(st.just("auto") | st.integers(0)),
            },
            "seed": draw(st.integers(0)),
        }
    )


@given(recipes(), st.text(max_size=30), st.booleans())
@settings(max_examples=40)
def test_a_written_recipe_reads_back_equal(
    tmp_path_factory: pytest.TempPathFactory, one: Recipe, header: str, brief: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "again.yaml"
    path.write_text(one.to_yaml(header, brief=brief), encoding="utf-8")
    tree = yaml_text.read(path).tree
    assert parse(tree) == one
    assert parse(one.dump()) == one == parse(one.brief())


def test_the_header_is_a_comment_whatever_it_holds() -> None:
    one = parse(tree())
    text = one.to_yaml("first\n\nseed: 5\r\nnext \x07 \x85 last")
    assert yaml_text.value(text) == one.dump()
    assert text.startswith("# first\n#\n# seed: 5\n# next")


def test_brief_leaves_out_what_is_at_its_default() -> None:
    one = parse(tree(train={"epochs": 5}))
    assert one.brief() == {
        "base": "minilm",
        "task": {"name": "text_classification"},
        "data": {"train": one.data.train},
        "method": {"name": "lora"},
        "train": {"epochs": 5},
    }


def test_replace_gives_a_checked_copy() -> None:
    one = parse(tree())
    two = one.replace({"train.lr": 1e-3, "method": "head", "data.label_map": {"a": "b"}})
    assert (two.train.lr, two.method.name, two.data.label_map) == (1e-3, "head", {"a": "b"})
    assert one == parse(tree()) and one.method.name == "lora"
    assert two.replace({"data.label_map": {}}).data.label_map == {}
    with pytest.raises(Faults):
        one.replace({"train.lr": -1})


def test_recipes_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        parse(tree()).seed = 3  # type: ignore[misc]


# ---- code of one's own ----

METHOD = '''"""Mine."""
from ftkit.methods import Method

class Mine(Method):
    strength: int = 3
'''


def test_a_method_of_ones_own_is_found_beside_the_recipe(write: Any, tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "mine.py").write_text(METHOD)
    monkeypatch.chdir("/")
    path = write("task: text_classification\ndata: {train: a.csv}\nmethod: {name: mine.py, strength: 5}\n")
    found = read(path)
    assert found.method.model_dump() == {"name": str(tmp_path / "mine.py"), "strength": 5}
    assert read(path) == found == parse(found.dump())
    assert read(write("task: text_classification\ndata: {train: a.csv}\nmethod: mine.py\n")).method.name.endswith(
        "mine.py"
    )
    assert "strenght: unknown key; did you mean strength?" in faults(path, [("method.strenght", "1")])[0]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("x = (", "cannot be imported (SyntaxError"),
        ("import nothing_of_that_name", "cannot be imported (ModuleNotFoundError"),
        ("1 / 0", "cannot be imported (ZeroDivisionError"),
        ("", "expected one method, found 0"),
        ("from ftkit.tasks import Task\nclass Mine(Task): pass", "expected one method, found 0"),
        (METHOD + "\nclass Other(Method): pass", "expected one method, found 2"),
        (None, "no such file"),
    ],
)
def test_code_that_does_not_serve(code: str | None, said: str, write: Any, tmp_path: Path) -> None:
    if code is not None:
        (tmp_path / "bad.py").write_text(code)
    (only,) = faults(write("task: text_classification\ndata: {train: a.csv}\nmethod: {name: bad.py}\n"))
    assert said in only and "\n" not in only


# ---- schema ----


def test_the_schema_knows_every_key_task_and_method() -> None:
    found = recipe.schema()
    assert set(found["properties"]) == set(Recipe.model_fields)
    for key, kind in (("task", "tasks"), ("method", "methods")):
        named = [
            one["properties"]["name"]["const"]
            for one in found["properties"][key]["anyOf"]
            if "const" in one.get("properties", {}).get("name", {})
        ]
        assert named == registry.names(kind) and len(named) >= 1
    methods = found["properties"]["method"]["anyOf"]
    lora = next(one for one in methods if one.get("properties", {}).get("name", {}).get("const") == "lora")
    assert "rank" in lora["properties"] and lora["properties"]["rank"]["description"]
    assert lora["additionalProperties"] is False and lora["required"] == ["name"]


def test_every_key_has_a_description_for_editors() -> None:
    counted = 0
    for block in [Recipe, *recipe.BLOCKS.values()]:
        for name, field in block.model_fields.items():
            counted += 1
            if (
                name not in ("task", "data", "method", "train", "evaluate", "curve", "bank", "report")
                or block is not Recipe
            ):
                assert field.description, f"{block.__name__}.{name}"
    assert counted > 40
