"""The one mouth: what goes to stdout and what to stderr, in each mode."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ftkit.console import Console, table

SAYINGS = {
    "say": (("hello",), "hello\n"),
    "warn": (("careful",), "warning: careful\n"),
    "error": (("broken", "mend it"), "error: broken\n  → mend it\n"),
    "next": (("ftkit list",), "next: ftkit list\n"),
    "trace": (("Traceback …\n",), "Traceback …\n"),
}


@pytest.mark.parametrize("name", SAYINGS)
def test_what_is_said_to_people_goes_to_stderr(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    words, written = SAYINGS[name]
    getattr(Console(), name)(*words)
    out, err = capsys.readouterr()
    assert (out, err) == ("", written)


@pytest.mark.parametrize("mode", ["quiet", "json"])
def test_quiet_and_json_leave_warnings_and_errors(mode: Any, capsys: pytest.CaptureFixture[str]) -> None:
    console = Console(mode)
    console.say("a")
    console.next("b")
    assert capsys.readouterr().err == ""
    console.warn("c")
    console.error("d")
    assert capsys.readouterr().err == "warning: c\nerror: d\n"


def test_results_go_to_stdout_as_text_or_as_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    for mode in ("human", "quiet"):
        Console(mode).result("text", {"a": 1})  # type: ignore[arg-type]
        assert capsys.readouterr().out == "text\n"
    Console("json").result("text", {"ä": [1.5, None], "path": Path("a")})
    assert json.loads(capsys.readouterr().out)["ä"] == [1.5, None]


def test_json_is_strict_whatever_the_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    """A score that is not defined must not turn the document into something that other readers refuse."""
    import numpy as np

    document = {"a": float("nan"), "b": [float("inf"), np.float64("nan")], "c": np.float32(0.5), "d": np.int64(3)}
    Console("json").result("", document | {"e": np.array([1, 2]), ("f", 1): (1,), "g": {"h": float("-inf")}})
    found = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert found == {"a": None, "b": [None, None], "c": 0.5, "d": 3, "e": [1, 2], "('f', 1)": [1], "g": {"h": None}}


def test_text_that_the_terminal_cannot_show_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log file in ASCII, or a name with half a surrogate pair, must not end a run."""
    import io
    import sys

    for encoding in ("ascii", "utf-8"):
        stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        monkeypatch.setattr(sys, "stderr", stream)
        monkeypatch.setattr(sys, "stdout", stream)
        Console().say("→ 好 \udcff")
        Console().result("→ 好 \udcff", {})
        Console("json").result("", {"a": "→ \udcff"})
        assert b"\\udcff" in stream.buffer.getvalue()  # type: ignore[attr-defined]


def test_progress_is_silent_unless_a_person_watches(capsys: pytest.CaptureFixture[str]) -> None:
    for mode in ("quiet", "json"):
        with Console(mode).progress("reading", 10) as bar:  # type: ignore[arg-type]
            bar.update(5, "half")
        assert capsys.readouterr() == ("", "")


def test_progress_shows_what_is_done(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    with Console().progress("training", 10) as bar:
        bar.update(10)
    assert capsys.readouterr() == ("", "")  # work of less than a few seconds leaves no line in a log
    monkeypatch.setattr("ftkit.console.EVERY", 0.0)
    with Console().progress("training", 10) as bar:
        bar.update(5, "loss 0.5")
    assert "training: 5 of 10, about 0 s left (loss 0.5)" in capsys.readouterr().err
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    with Console().progress("training", 10) as bar:
        bar.update(10, "loss [0.5]")
    out, err = capsys.readouterr()
    assert out == "" and "training" in err and "10/10" in err and "loss [0.5]" in err


def test_a_failure_inside_progress_comes_out() -> None:
    for mode in ("human", "quiet"):
        with pytest.raises(ZeroDivisionError), Console(mode).progress("x", 1):  # type: ignore[arg-type]
            raise ZeroDivisionError


def test_a_table_is_aligned_text() -> None:
    drawn = table([["a", "1"], ["long name", "22"]], ["name", "n"])
    assert drawn.splitlines() == ["name       n", "---------  --", "a          1", "long name  22"]
    assert table([], ["a", "b"]).splitlines() == ["a  b", "-  -"]


def test_a_table_aligns_wide_characters() -> None:
    """Chinese characters take two columns of a terminal."""
    lines = table([["好评", "1"], ["ab", "2"]], ["label", "n"]).splitlines()
    assert lines[2] == "好评   1" and lines[3] == "ab     2"


@pytest.mark.parametrize(("seconds", "left"), [(50, "50 s"), (119, "2 min"), (2000, "33 min"), (9000, "2 h 30 min")])
def test_time_left_is_told_as_people_tell_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, seconds: float, left: str
) -> None:
    clock = iter([0.0, seconds])
    monkeypatch.setattr("ftkit.console.time.monotonic", lambda: next(clock))
    with Console().progress("training", 10) as bar:
        bar.update(5)
    assert f"training: 5 of 10, about {left} left" in capsys.readouterr().err
