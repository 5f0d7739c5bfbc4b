"""What takes part in a comparison, under which names, and what cannot be compared."""

from __future__ import annotations

from pathlib import Path

import pytest
from compared_runs import Made

from ftkit import privacy
from ftkit.comparison.entries import Entry, entries_of, located
from ftkit.errors import InputError


def entries(*words: object) -> list[Entry]:
    return entries_of([str(word) for word in words])


def test_runs_and_baselines_are_named_shortly(tmp_path: Path) -> None:
    a = Made(baselines={"tfidf": 0.6}).write(tmp_path / "one" / "lora")
    b = Made(seeds=(3, 4, 5)).write(tmp_path / "two" / "lora")
    found = entries(a, b, f"{a}:tfidf")
    assert [one.name for one in found] == ["one/lora", "two/lora", "one/lora:tfidf"]
    assert [one.method for one in found] == ["lora", "lora", "tfidf"]
    assert found[1].seeds == (3, 4, 5) and found[1].delivered == 4
    assert found[2].run is found[0].run
    assert [one.name for one in entries(a, f"{a}:tfidf")] == ["lora", "lora:tfidf"]


def test_a_folder_with_a_colon_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a:tfidf").mkdir()
    (tmp_path / "b").mkdir()
    assert located(str(tmp_path / "a:tfidf")) == (tmp_path / "a:tfidf", "adapted")
    assert located(str(tmp_path / "b:tfidf")) == (tmp_path / "b", "tfidf")
    assert located(str(tmp_path / "c:tfidf")) == (tmp_path / "c:tfidf", "adapted")


def test_a_run_is_named_once(tmp_path: Path) -> None:
    a = Made(baselines={"tfidf": 0.6}).write(tmp_path / "a")
    (tmp_path / "link").symlink_to(a)
    for other in (a, f"{tmp_path}/./a", tmp_path / "link"):
        with pytest.raises(InputError, match="is given twice"):
            entries(a, other)
    assert len(entries(a, f"{a}:tfidf")) == 2


def test_one_run_alone_is_told_what_to_compare_it_with(tmp_path: Path) -> None:
    a = Made().write(tmp_path / "a")
    with pytest.raises(InputError, match="needs two") as no:
        entries(a)
    assert f"ftkit compare {a}:linear_probe {a}" in no.value.hint


def test_a_baseline_that_a_run_lacks(tmp_path: Path) -> None:
    a = Made(baselines={"tfidf": 0.6, "linear_probe": 0.7}).write(tmp_path / "a")
    with pytest.raises(InputError, match="no predictions of liner_probe") as no:
        entries(a, f"{a}:liner_probe")
    assert no.value.hint == "did you mean linear_probe?"


def test_differing_labels_are_listed(tmp_path: Path) -> None:
    a = Made().write(tmp_path / "a")
    b = Made(labels=("billing", "delivery", "refund", "spam")).write(tmp_path / "b")
    with pytest.raises(InputError, match="their labels differ") as no:
        entries(a, b)
    assert f"only {a} has praise; only {b} has refund, spam" in no.value.message


def test_hidden_labels_are_only_counted(tmp_path: Path) -> None:
    a, b = Made().write(tmp_path / "a"), Made(labels=("billing", "delivery", "secret")).write(tmp_path / "b")
    privacy.hide(True)
    with pytest.raises(InputError) as no:
        entries(a, b)
    assert "secret" not in no.value.message and "1 of them (‹hidden›)" in no.value.message


def test_tasks_and_kinds_must_be_the_same(tmp_path: Path) -> None:
    a, b = Made().write(tmp_path / "a"), Made(kind="labels").write(tmp_path / "b")
    with pytest.raises(InputError, match="text_classification with several labels a row, that of .*a text_class"):
        entries(a, b)


def test_rows_that_are_hidden_with_other_keys_cannot_be_recognised(tmp_path: Path) -> None:
    a, b, c = (Made(key=key).write(tmp_path / name) for name, key in (("a", "k1"), ("b", "k2"), ("c", None)))
    for other in (b, c):
        with pytest.raises(InputError, match="hidden with different keys"):
            entries(a, other)
    assert len(entries(a, Made(key="k1", accuracy=0.7).write(tmp_path / "d"))) == 2
