"""From a table alone to a recipe: what is guessed, what the user's word overrides, what cannot be known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ftkit import privacy
from ftkit.errors import Faults, InputError
from ftkit.recipe.yaml_text import text as as_yaml
from ftkit.verbs.inferring import infer

WORDS = ["the parcel is late again", "please reset my password", "what a lovely service", "the invoice is wrong"]


@pytest.fixture
def table(workdir: Path) -> str:
    """A table with a text, a label, a user and a second text."""
    rows = [
        f"{WORDS[i % 4]} number {i},{'abcd'[i % 4]},user{i % 5},answer to the message number {i * 7}" for i in range(40)
    ]
    (workdir / "rows.csv").write_text("\n".join(["message,topic,user,reply", *rows]) + "\n", encoding="utf-8")
    return "rows.csv"


def fields(target: str, **given: Any) -> dict[str, Any]:
    recipe = infer(target, [(f"task.{key}", as_yaml(value)) for key, value in given.items()])
    task = recipe.task.model_dump()
    return {"text": task["text"], "label": task["label"]}


def test_columns_and_defaults(table: str, workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = infer(table, [])
    assert recipe.task.model_dump() | {"text": "message", "label": "topic"} == recipe.task.model_dump()
    assert (recipe.base, recipe.method.name, recipe.data.train) == ("minilm", "lora", str(workdir / table))
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("rows.csv: 40 rows; columns message, topic, user, reply\n")
    assert "delimiter: comma" in err and "task: text_classification; text: message; label: topic" in err


def test_the_users_word_counts(table: str) -> None:
    assert fields(table, label="user") == {"text": "message", "label": "user"}
    assert fields(table, text="reply") == {"text": "reply", "label": "topic"}
    assert fields(table, text=["message", "reply"]) == {"text": ["message", "reply"], "label": "topic"}
    assert fields(table, text="reply", label="message") == {"text": "reply", "label": "message"}


def test_a_label_that_looked_like_the_text_leaves_another_text(table: str) -> None:
    assert fields(table, label="message") == {"text": "reply", "label": "message"}


def test_a_text_that_looked_like_the_label_needs_the_users_word(table: str) -> None:
    with pytest.raises(InputError) as caught:
        fields(table, text="topic")
    assert "which column is the label? It has message, topic, user, reply" in caught.value.message
    assert caught.value.hint == "--label COL"


def test_columns_that_are_not_there_are_all_named(table: str) -> None:
    with pytest.raises(Faults) as caught:
        infer(table, [("task.label", "topc"), ("task.text", "mesage"), ("data.unit", "usr")])
    said = [str(fault) for fault in caught.value.faults]
    assert len(said) == 3 and all("did you mean" in line for line in said)


def test_a_table_without_a_label_lists_its_columns(workdir: Path) -> None:
    rows = "".join(f"{WORDS[i % 4]} {i},2024-01-{1 + i % 28:02}\n" for i in range(50))
    (workdir / "t.csv").write_text("text,when\n" + rows)
    with pytest.raises(InputError) as caught:
        infer("t.csv", [])
    assert "which column is the label? It has text, when" in caught.value.message and caught.value.hint == "--label COL"


def test_other_keys_are_honoured_when_the_table_is_read(workdir: Path) -> None:
    rows = "".join(f"{WORDS[i % 4]}, {i};{'xyz'[i % 3]}\n" for i in range(40))
    (workdir / "t.txt").write_text("made by hand\n" + "a;b\n" + rows)
    recipe = infer("t.txt", [("data.header", "2"), ("data.delimiter", "semicolon"), ("data.columns", "{text: a}")])
    assert recipe.task.model_dump() | {"text": "text", "label": "b"} == recipe.task.model_dump()


def test_faults_of_the_flags_come_before_the_data_is_read(workdir: Path) -> None:
    with pytest.raises(Faults, match=r"train\.epoch: unknown key; did you mean epochs"):
        infer("no_such_file.csv", [("train.epoch", "3")])


@pytest.mark.parametrize("target", ["no.csv", "no/such/file.tsv", "./x", "~/none.csv"])
def test_a_file_that_is_not_there(target: str, workdir: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        infer(target, [])


def test_an_unknown_task_or_method(table: str) -> None:
    with pytest.raises(Faults, match="no task named 'x'"):
        infer(table, [("task.name", "x")])
    with pytest.raises(Faults, match="no method named 'lroa'; did you mean lora"):
        infer(table, [("method.name", "lroa")])


def test_hidden_rows_stay_hidden_from_the_first_line_on(table: str, capsys: pytest.CaptureFixture[str]) -> None:
    infer(table, [("report.rows", "hide")])
    assert privacy.hidden()
    said = "".join(capsys.readouterr())
    assert "rows.csv: 40 rows" in said and "parcel" not in said and "user3" not in said


CELLS = st.sampled_from(
    [
        "a",
        "b",
        "",
        "1",
        "2.5",
        "NA",
        "null",
        "yes",
        "no",
        "好评",
        "a longer text with words",
        '"',
        "x,y",
        " ",
        "2020-01-01",
    ]
)


@given(st.lists(st.lists(CELLS | st.text(max_size=8), min_size=2, max_size=4), max_size=12), st.sampled_from(",;\t"))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_small_table_is_a_recipe_or_one_clear_error(workdir: Path, rows: list[list[str]], delimiter: str) -> None:
    (workdir / "any.csv").write_text("\n".join(delimiter.join(row) for row in rows), encoding="utf-8", errors="replace")
    try:
        recipe = infer("any.csv", [])
    except InputError as error:
        assert error.message and error.code == 2
    else:
        assert recipe.task.model_dump()["label"] != "auto"


def test_a_fault_of_the_recipe_is_not_blamed_on_another_task(tmp_path: Path) -> None:
    (tmp_path / "toy.csv").write_text("text,label\n" + "a ripe plum,fruit\nbring the saw,tool\n" * 9)
    with pytest.raises(Faults) as caught:
        infer(str(tmp_path / "toy.csv"), [("train.epoch", "3"), ("task.text", "text"), ("task.max_length", "16")])
    assert len(caught.value.faults) == 1
    assert "train.epoch" in str(caught.value.faults[0])
