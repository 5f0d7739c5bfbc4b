"""Private rows: what leaves the process when they are hidden, and what when they are not."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftkit import privacy
from ftkit.privacy import HIDDEN, Mask, shown

SECRET = "a very private message"


def test_rows_are_shown_unless_hidden() -> None:
    assert not privacy.hidden()
    assert shown(SECRET) == repr(SECRET)
    privacy.hide(True)
    assert privacy.hidden() and shown(SECRET) == HIDDEN


@pytest.mark.parametrize("value", ["hide", "HIDE", "Hide"])
def test_the_environment_hides_and_no_recipe_undoes_it(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FTKIT_ROWS", value)
    privacy.hide(False)
    assert privacy.hidden() and SECRET not in shown(SECRET)


@pytest.mark.parametrize("value", ["show", "", "0"])
def test_other_values_of_the_variable_do_not_hide(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FTKIT_ROWS", value)
    assert not privacy.hidden()


def test_worker_threads_see_what_the_main_thread_hid() -> None:
    """Whoever forgets to copy the context must not print cells."""
    privacy.hide(True)
    seen: list[bool] = []
    worker = threading.Thread(target=lambda: seen.append(privacy.hidden()))
    worker.start()
    worker.join()
    assert seen == [True]


@given(st.text(max_size=300), st.integers(5, 80))
def test_a_shown_cell_is_one_short_line(text: str, width: int) -> None:
    line = shown(text, width)
    assert len(line.splitlines()) == 1
    assert eval(line) == " ".join(text.split()) or eval(line).endswith("…")
    assert len(eval(line)) <= width


@pytest.mark.parametrize("value", [None, 3, 2.5, ["a"], ("a", "b"), float("nan")])
def test_cells_that_are_not_text(value: object) -> None:
    assert shown(value) == repr(str(value))


def test_a_mask_that_is_off_changes_nothing() -> None:
    mask = Mask(False)
    assert mask.name("label", SECRET) == SECRET and mask.digest("ab12") == "ab12"


def test_a_mask_numbers_names_in_order_of_first_use() -> None:
    mask = Mask(True)
    names = [mask.name("label", name) for name in ("b", "a", "b", "c")] + [mask.name("slice", "b")]
    assert names == ["label 1", "label 2", "label 1", "label 3", "slice 1"]


def test_masked_hashes_depend_on_the_key_alone() -> None:
    one, two = Mask(True), Mask(True)
    assert one.digest("x") != two.digest("x") != "x"
    assert one.digest("x") == Mask(True, one.key).digest("x")
    assert one.digest("x") != one.digest("y") and len(one.digest("x")) == 32
