"""The helpers of the benchmarks; the timings themselves are never tests."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from measure import CommandFailed, draw, read_rows, run, table, write_rows, write_section

ROWS = [(f"text {i}", f"label {i % 3}") for i in range(60)]


def test_a_draw_is_balanced_fixed_and_in_order() -> None:
    drawn = draw(ROWS, per_label=4, seed=1)
    assert Counter(label for _, label in drawn) == {"label 0": 4, "label 1": 4, "label 2": 4}
    assert drawn == draw(ROWS, per_label=4, seed=1)
    assert drawn != draw(ROWS, per_label=4, seed=2)
    assert drawn == [row for row in ROWS if row in drawn]


def test_rows_come_back_from_a_file(tmp_path: Path) -> None:
    rows = [('a "quoted", text', "x"), ("two\nlines", "y"), ("读", "z")]
    assert read_rows(write_rows(tmp_path / "rows.csv", ("text", "label"), rows), ("text", "label")) == rows


def test_peak_memory_is_that_of_the_command() -> None:
    # from a process of its own: the count starts at the size of whoever starts the command, here pytest's
    measured = "import sys; from measure import run; print(run([sys.executable, '-c', sys.argv[1]]).peak_bytes)"
    peaks = []
    for program in ("pass", "b'x' * 200_000_000"):
        command = [sys.executable, "-c", measured, program]
        done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True)
        peaks.append(int(done.stdout))
    small, large = peaks
    assert small < 150e6
    assert 200e6 < large < 260e6


def test_threads_and_exit_codes() -> None:
    program = "import os, sys; print(os.environ['OMP_NUM_THREADS']); sys.exit(2)"
    done = run([sys.executable, "-c", program], threads=3, expect=2)
    assert done.output == "3\n" and done.cpu_seconds > 0 and done.others >= 0
    with pytest.raises(CommandFailed, match="exit code 1, expected 0\n(.|\n)*no such thing"):
        run([sys.executable, "-c", "raise SystemExit('no such thing')"])


def test_a_cache_of_its_own(tmp_path: Path) -> None:
    program = "import os; print(os.environ['FTKIT_CACHE'])"
    assert run([sys.executable, "-c", program], cache=tmp_path).output == f"{tmp_path}\n"


def test_a_section_is_replaced_and_the_rest_kept(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("before\n<!-- a -->\nold\n<!-- /a -->\nafter\n", encoding="utf-8")
    write_section("a", table(["x", "y"], [["1", "2"]]), readme)
    text = "before\n<!-- a -->\n| x | y |\n| --- | --- |\n| 1 | 2 |\n<!-- /a -->\nafter\n"
    assert readme.read_text(encoding="utf-8") == text
    with pytest.raises(ValueError, match="no section b"):
        write_section("b", "new", readme)
