"""Runs under a real memory limit of 1.5 GiB: a clear outcome, and nothing lost; the slow tier."""

from __future__ import annotations

import csv
import itertools
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ftkit import runs
from ftkit.recipe import shipped

pytestmark = pytest.mark.slow
FTKIT = [sys.executable, "-m", "ftkit"]
LIMIT = 1536 * 2**20
GREEDY = "taken = []\nwhile True: taken.append(bytearray(b'x') * 2**26)"
CONTROLLER = Path("/sys/fs/cgroup")
FILES = {  # by version of control groups: limit, most that was used
    1: ("memory.limit_in_bytes", "memory.max_usage_in_bytes"),
    2: ("memory.max", "memory.peak"),
}


@dataclass
class Group:
    """A control group of this test's own, of either version."""

    path: Path
    version: int
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    def limit(self, size: int) -> None:
        (self.path / FILES[self.version][0]).write_text(str(size))

    @property
    def most(self) -> int:
        """Bytes that were in use at most."""
        return int((self.path / FILES[self.version][1]).read_text())

    def start(self, *words: object, cwd: Path) -> subprocess.Popen[str]:
        """A process that is in the group from its first byte on."""
        entered = f'echo $$ > {shlex.quote(str(self.path / "cgroup.procs"))} && exec "$@"'
        self.processes.append(started("sh", "-c", entered, "sh", *words, cwd=cwd))
        return self.processes[-1]

    def leave(self) -> None:
        """End what still runs in it, and remove it."""
        for process in self.processes:
            process.kill()
            process.communicate()
        for _ in range(50):
            with suppress(OSError):  # the kernel takes a moment to let the last one go
                return self.path.rmdir()
            time.sleep(0.1)
        self.path.rmdir()


def started(*words: object, cwd: Path) -> subprocess.Popen[str]:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "FTKIT_CACHE": str(cwd / "cache")}
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([*map(str, words)], cwd=cwd, env=environment, **pipes)


def ended(process: subprocess.Popen[str], expect: int = 0) -> str:
    """What a process has said on stderr, once it has ended as expected."""
    _, said = process.communicate(timeout=300)
    assert process.returncode == expect, said[-2000:]
    assert "Traceback" not in said
    return said


def report_of(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / runs.REPORT).read_text(encoding="utf-8"))
    return found


@pytest.fixture
def group() -> Iterator[Group]:
    """A group limited to 1.5 GiB; skips where none can be made."""
    old = (CONTROLLER / "memory").is_dir()
    path = (CONTROLLER / "memory" if old else CONTROLLER) / f"ftkit-test-{os.getpid()}"
    try:
        path.mkdir()
        made = Group(path, 1 if old else 2)
        made.limit(LIMIT)
        with suppress(OSError):  # cgroup 2 counts swap apart; where there is none, there is no such file
            (path / "memory.swap.max").write_text("0")
    except OSError as error:
        with suppress(OSError):
            path.rmdir()
        pytest.skip(f"no control group can be made here ({error.strerror}): this test needs root on Linux")
    yield made
    made.leave()


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows of 256 tokens, and two bases that take much memory and little time to train on a row of them.

    `base` takes 50 MiB a row, `hopeless` over 800.
    """
    from transformers import BertConfig, BertModel

    from ftkit import registry

    folder = tmp_path_factory.mktemp("long")
    registry.load("tasks", "text_classification").toy(folder)
    shutil.copytree(folder / "base", folder / "hopeless")
    for name, width in (("base", 8192), ("hopeless", 131072)):
        config = BertConfig.from_pretrained(folder / name)
        config.update({"intermediate_size": width, "max_position_embeddings": 256})
        BertModel(config).save_pretrained(folder / name)
    kinds = {"fruit": ["apple", "pear", "plum", "cherry"], "tool": ["hammer", "saw", "drill", "wrench"]}
    for name, count in (("train", 24), ("test", 4)):
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(("text", "label"))
            for label, few in kinds.items():
                orders = itertools.permutations(few * 2, 5)
                rows.writerows((" ".join(next(orders) * 60) + f" {name} {i}", label) for i in range(count))
    return folder


def training(long: Path, base: str = "base", **changes: object) -> list[object]:
    """The words of a command that trains all weights of a base on the long rows."""
    keys = {"task.max_length": 256, "train.precision": "fp32", "data.validation": "none", "train.epochs": 1}
    flags = [word for key, value in (keys | changes).items() for word in ("--set", f"{key}={value}")]
    files = [long / "train.csv", "--test", long / "test.csv", "--base", long / base]
    return ["train", *files, "--method", "full", "--out", "run", *flags]


def test_an_ordinary_run_does_not_feel_the_limit(group: Group, workdir: Path) -> None:
    keys = ["--method", "lora", "--epochs", "1"]
    keys += ["--set", "method.layers=last 1", "--set", "data.folds=2", "--set", "data.validation=none"]
    said = ended(group.start(*FTKIT, "train", shipped.example_data(), *keys, "--out", "run", cwd=workdir))
    assert "memory" not in said
    assert group.most < LIMIT
    assert report_of(workdir / "run")["scores"]["test"]["accuracy"]["value"] > 0.7


def test_what_cannot_fit_at_all_is_refused(group: Group, long: Path, workdir: Path) -> None:
    group.limit(LIMIT * 5 // 6)
    said = ended(group.start(*FTKIT, *training(long, "hopeless", **{"data.per_label": 2}), cwd=workdir), expect=1)
    assert "one row at a time needs" in said and "task.max_length" in said
    assert (workdir / "run" / runs.STATUS).read_text().strip() == "failed"


def test_a_batch_that_cannot_fit_is_split_and_goes_on_after_a_kill(group: Group, long: Path, workdir: Path) -> None:
    keys = {"train.batch": 16, "train.epochs": 2, "train.checkpoint": "every step"}
    process = group.start(*FTKIT, *training(long, **keys), cwd=workdir)
    while process.poll() is None and not list((workdir / "run" / runs.CHECKPOINTS).glob("state-*")):
        time.sleep(0.02)
    assert group.most < 0.85 * LIMIT
    Path(f"/proc/{process.pid}/oom_score_adj").write_text("1000")  # of the two the kernel takes this one
    greedy = group.start(sys.executable, "-c", GREEDY, cwd=workdir)
    said = ended(process, expect=-signal.SIGKILL)
    assert "GiB there are: each batch of 16 rows runs in " in said
    greedy.kill()
    greedy.wait()
    assert (workdir / "run" / runs.STATUS).read_text().strip() == "running"
    said = ended(group.start(*FTKIT, "train", "run", "--resume", cwd=workdir))
    assert "killed for want of memory" in said
    assert report_of(workdir / "run")["cost"]["resumed"] == 1


def test_a_limit_of_addresses(long: Path, workdir: Path) -> None:
    limited = ["sh", "-c", f'ulimit -v {3 * 2**20} && exec "$@"', "sh"]
    said = ended(started(*limited, *FTKIT, *training(long, **{"train.batch": 256}), cwd=workdir))
    assert "each batch of 48 rows runs in " in said
    assert "ulimit -v" in (workdir / "run" / runs.PAGE).read_text(encoding="utf-8")
