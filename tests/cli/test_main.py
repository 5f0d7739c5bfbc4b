"""The one error boundary: every failure becomes an exit code and a clear line, and never a traceback."""

from __future__ import annotations

import errno
import io
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

import ftkit.cli
from ftkit import __version__, environment, privacy
from ftkit.cli import main, verbs
from ftkit.console import console
from ftkit.errors import Fault, Faults, FtkitError, GateError, InputError, Interrupted

VERBS = ["adapt", "bank", "check", "compare", "doctor", "evaluate", "list", "new", "predict", "train"]
COMMON = ["--json", "--quiet", "--offline", "--debug"]
SHORTCUTS = [
    "--base",
    "--task",
    "--method",
    "--text",
    "--label",
    "--test",
    "--unit",
    "--epochs",
    "--seed",
    "--seeds",
    "--set",
]


@pytest.fixture
def failing(stand_in: Any) -> Any:
    """Make `ftkit doctor` fail with the given error."""

    def _fail(error: BaseException) -> None:
        def diagnose() -> None:
            raise error

        stand_in("verbs.doctoring", diagnose=diagnose)

    return _fail


# ---- help ----


def test_the_verbs_are_the_files(ftk: Any) -> None:
    assert verbs() == VERBS
    help_ = ftk("--help")
    assert help_.code == 0 and help_.err == ""
    listed = [
        line.split()[0]
        for line in help_.out.partition("Commands:")[2].splitlines()
        if line.startswith("  ") and line[2] != " "
    ]
    assert [word for word in listed if word in VERBS] == VERBS


def test_no_words_at_all_show_the_help(ftk: Any) -> None:
    assert ftk() == ftk("--help")


def test_the_version(ftk: Any) -> None:
    found = ftk("--version")
    assert (found.code, found.out) == (0, f"ftkit {__version__}\n")


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb: str, ftk: Any) -> None:
    found = ftk(verb, "--help")
    assert found.code == 0
    assert f"Example: ftkit {verb}" in found.out
    assert all(f"{option} " in found.out for option in COMMON)
    shortcuts = [option for option in SHORTCUTS if f"{option} " in found.out]
    taken = dict.fromkeys(("compare", "evaluate", "predict"), ["--set"]) | dict.fromkeys(
        ("adapt", "train", "check", "new"), SHORTCUTS
    )
    assert shortcuts == taken.get(verb, [])
    assert ("--resume" in found.out) == (verb in ("adapt", "train"))
    assert max(map(len, found.out.splitlines())) <= 100


def test_every_verb_is_thin() -> None:
    folder = Path(ftkit.cli.__file__).parent
    for verb in VERBS:
        assert len((folder / f"{verb}.py").read_text().splitlines()) <= 45, verb


@pytest.mark.parametrize("verb", VERBS)
def test_every_example_parses(verb: str, ftk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    words = next(line for line in ftk(verb, "--help").out.splitlines() if "Example:" in line).split("Example: ftkit ")[
        1
    ]
    monkeypatch.setattr("ftkit.cli._options.Bound.run", lambda self, trail: 0)
    assert ftk(*words.split()).code == 0


# ---- wrong words ----


@pytest.mark.parametrize(
    ("words", "said", "hint"),
    [
        (["trian", "x"], "No such command 'trian'. Did you mean 'train'?", "ftkit --help"),
        (["train"], "Missing argument 'RECIPE-or-DATA'.", "ftkit train --help"),
        (["train", "a", "b"], "unexpected extra argument", "ftkit train --help"),
        (["train", "a", "--lable", "b"], "--label", "ftkit train --help"),
        (["train", "a", "--epochs", "three"], "--epochs", "ftkit train --help"),
        (["train", "a", "--epochs", "-1"], "--epochs", "ftkit train --help"),
        (["train", "a", "--seeds", "0"], "--seeds", "ftkit train --help"),
        (["train", "a", "--label"], "--label", "ftkit train --help"),
        (["check", "a", "--resume"], "--resume", "ftkit check --help"),
        (["evaluate", "x"], "Missing argument", "ftkit evaluate --help"),
        (["--nonsense"], "--nonsense", "ftkit --help"),
    ],
)
def test_wrong_words_are_one_line_and_code_2(words: list[str], said: str, hint: str, ftk: Any) -> None:
    found = ftk(*words)
    assert (found.code, found.out) == (2, "")
    assert len(found.errors) == 1 and said in found.errors[0]
    assert found.err.endswith(f"  → {hint}\n") and len(found.err.splitlines()) == 2


@pytest.mark.parametrize("item", ["train.lr", "=3", "a..b=3", ".a=3", "", "a.=1"])
def test_set_needs_a_key_and_a_value(item: str, ftk: Any) -> None:
    found = ftk("check", "x.yaml", "--set", item)
    assert found.code == 2 and len(found.errors) == 1
    assert found.errors[0].startswith(f"--set {item}: expected KEY=VALUE")


# ---- errors of ours ----


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (FtkitError("it broke", "try this"), 1),
        (InputError("it broke", "try this"), 2),
        (GateError("it broke", "try this"), 3),
        (Interrupted("it broke", "try this"), 130),
    ],
)
def test_each_error_has_its_exit_code(error: FtkitError, code: int, failing: Any, ftk: Any) -> None:
    failing(error)
    found = ftk("doctor")
    assert (found.code, found.out, found.err) == (code, "", "error: it broke\n  → try this\n")
    asked = ftk("doctor", "--json")
    assert (asked.code, asked.err) == (code, found.err)
    assert asked.document == {"error": {"message": "it broke", "hint": "try this", "code": code}}


def test_every_fault_is_a_line(failing: Any, ftk: Any) -> None:
    failing(Faults([Fault("a.yaml:3", "x: unknown key", "did you mean y?"), Fault("", "no data")]))
    found = ftk("doctor")
    assert found.code == 2
    assert found.err == "error: a.yaml:3: x: unknown key; did you mean y?\nerror: no data\n"
    document = ftk("doctor", "--json").document["error"]
    assert document["code"] == 2
    assert document["faults"][0] == {"where": "a.yaml:3", "what": "x: unknown key", "hint": "did you mean y?"}


# ---- errors of the world ----


@pytest.mark.parametrize(
    ("number", "code", "said"),
    [
        (errno.ENOSPC, 1, "no space left"),
        (errno.EDQUOT, 1, "no space left"),
        (errno.EIO, 1, "input/output error"),
        (errno.EACCES, 2, "no permission"),
        (errno.EROFS, 2, "read-only"),
        (errno.ENOENT, 2, "no such file"),
        (errno.EISDIR, 2, "is a folder"),
    ],
)
def test_errors_of_the_file_system(number: int, code: int, said: str, failing: Any, ftk: Any) -> None:
    failing(OSError(number, os.strerror(number), "runs/x"))
    found = ftk("doctor")
    assert found.code == code and len(found.errors) == 1
    assert "runs/x" in found.errors[0] and said in found.errors[0]


def test_memory_and_missing_packages(failing: Any, ftk: Any) -> None:
    for error in (
        MemoryError(),
        OSError(errno.ENOMEM, "Cannot allocate memory", "base/model.safetensors"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] . DefaultCPUAllocator: can't allocate memory: you tried …"),
    ):
        failing(error)
        assert ftk("doctor").errors == ["not enough memory"]
    failing(ModuleNotFoundError("No module named 'torch'", name="torch"))
    found = ftk("doctor")
    assert found.code == 1 and found.errors == ["the package torch is not installed"]


@pytest.mark.parametrize("error", [ConnectionRefusedError(errno.ECONNREFUSED, "refused"), TimeoutError("timed out")])
def test_a_silent_network_is_no_matter_of_files(error: OSError, failing: Any, ftk: Any) -> None:
    failing(error)
    found = ftk("doctor")
    assert found.code == 1 and found.errors[0].startswith("the network does not answer: ") and "--offline" in found.err


def test_an_unexpected_error_is_one_line_unless_debugged(failing: Any, ftk: Any) -> None:
    failing(RuntimeError("first line\nsecond line"))
    found = ftk("doctor")
    assert found.code == 1
    assert found.err == "error: unexpected error: RuntimeError: first line\n  → run again with --debug\n"
    debugged = ftk("doctor", "--debug")
    assert debugged.code == 1
    assert debugged.err.startswith("Traceback") and debugged.err.endswith(found.err)
    assert "in diagnose" in debugged.err


@pytest.mark.parametrize(
    "error", [ValueError(), KeyError("x"), AssertionError(), RecursionError("deep"), OSError("no number")]
)
def test_any_exception_has_a_name(error: Exception, failing: Any, ftk: Any) -> None:
    failing(error)
    found = ftk("doctor")
    assert found.code == 1 and found.errors[0].startswith(f"unexpected error: {type(error).__name__}")


def test_hidden_rows_stay_out_of_unexpected_errors(failing: Any, ftk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FTKIT_ROWS", "hide")
    failing(ValueError("could not convert 'my secret cell'"))
    for words in (["doctor"], ["doctor", "--debug"], ["doctor", "--json"]):
        found = ftk(*words)
        assert "secret" not in found.out + found.err
        assert "unexpected error: ValueError" in found.err


def test_ctrl_c_is_130_and_says_so(failing: Any, ftk: Any) -> None:
    failing(KeyboardInterrupt())
    found = ftk("doctor")
    assert (found.code, found.err) == (130, "error: interrupted\n")


def test_sigterm_ends_like_ctrl_c_and_leaves_no_handler(stand_in: Any, ftk: Any) -> None:
    def diagnose() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        raise AssertionError("the signal did not arrive")

    before = signal.getsignal(signal.SIGTERM)
    stand_in("verbs.doctoring", diagnose=diagnose)
    assert ftk("doctor").code == 130
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_reader_that_left_is_no_error(stand_in: Any, workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    err = io.StringIO()
    monkeypatch.setattr(sys, "stdout", Closed())
    monkeypatch.setattr(sys, "stderr", err)
    stand_in("verbs.doctoring", diagnose=dict, text=lambda found: "text")
    assert main(["doctor"]) == 1
    assert err.getvalue() == ""
    print("after", end="")  # noqa: T201  # the interpreter's last flush must not fail either


# ---- options of every verb ----


def test_json_and_quiet_say_nothing_but_the_result(stand_in: Any, ftk: Any) -> None:
    stand_in("verbs.doctoring", diagnose=lambda: {"a": 1}, text=lambda found: "human text")
    human = ftk("doctor")
    assert human.out == "human text\n" and human.err.startswith("next: ")
    quiet = ftk("doctor", "--quiet")
    assert (quiet.out, quiet.err) == ("human text\n", "")
    asked = ftk("doctor", "--json")
    assert asked.document == {"a": 1} and asked.err == ""
    assert ftk("doctor").err == human.err  # the mode does not stick


def test_a_wrong_flag_is_told_in_json_too(ftk: Any) -> None:
    found = ftk("train", "--json", "--nonsense")
    assert found.document["error"]["code"] == 2 and "--nonsense" in found.document["error"]["message"]


def test_words_behind_two_dashes_are_no_flags(ftk: Any) -> None:
    found = ftk("train", "--", "--json")
    assert found.code == 2 and found.out == "" and console.mode == "human"


def test_offline_comes_before_the_verb(stand_in: Any, ftk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    monkeypatch.setattr(environment, "go_offline", lambda: seen.append("offline"))
    monkeypatch.setattr(environment, "quiet_libraries", lambda: seen.append("quiet"))
    stand_in("verbs.doctoring", diagnose=lambda: seen.append("verb") or {}, text=str)
    ftk("doctor")
    ftk("doctor", "--offline")
    assert seen == ["quiet", "verb", "quiet", "offline", "verb"]


# ---- the log ----


def lines() -> list[dict[str, Any]]:
    path = Path("runs/log.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_verbs_that_touch_no_data_are_not_logged(ftk: Any, stand_in: Any) -> None:
    stand_in("verbs.doctoring", diagnose=dict, text=str)
    for words in (["doctor"], ["list"], ["new"], ["--help"], ["train", "--nonsense"], []):
        ftk(*words)
    assert lines() == [] and not Path("runs").exists()


def test_a_failed_command_is_logged_with_its_code(ftk: Any, table: Path) -> None:
    ftk("train", table.name, "--label", "nothing")
    (line,) = lines()
    assert line["code"] == 2 and line["command"] == "ftkit train rows.csv --label nothing"
    assert list(line["inputs"]) == [str(table)] and len(line["inputs"][str(table)]) == 64
    assert line["outputs"] == {} and line["user"] and line["time"].endswith("+00:00")


def test_a_log_that_cannot_be_written_is_a_warning(ftk: Any, table: Path) -> None:
    Path("runs").write_text("a file")
    found = ftk("check", "none.yaml")
    assert found.code == 2
    assert "warning: runs/log.jsonl cannot be written" in found.err


def test_labels_of_hidden_rows_stay_out_of_the_log(ftk: Any, table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ftk("train", table.name, "--label", "none", "--set", "data.label_map={secret: a}")
    assert "secret" in lines()[-1]["command"]
    monkeypatch.setenv("FTKIT_ROWS", "hide")
    ftk("train", table.name, "--label", "none", "--set", "data.label_map={secret: a}", "--set=data.label_map.secret=b")
    assert "secret" not in lines()[-1]["command"] and privacy.HIDDEN in lines()[-1]["command"]
