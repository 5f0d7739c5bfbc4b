"""How each contestant is run on a training and a test file, and what is read from what it leaves."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from measure import FTKIT, Finished, read_rows, run
from records import Record, code_of, digest
from sets import COLUMNS, squeezed

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Contest:
    """The same rows for every contestant, and where and with how many threads they run."""

    part: str
    repetition: int
    train: Path
    test: Path
    threads: int
    folder: Path
    """for what is left over"""

    def rows(self) -> tuple[object, ...]:
        """What the key of a record takes from here."""
        return self.part, self.repetition, self.threads, self.train, self.test


@dataclass(frozen=True)
class Contestant:
    """A command that trains on one file and is scored on another."""

    name: str
    flags: tuple[str, ...]
    script: str = ""
    """of a rival; none: ftkit"""

    def key(self, contest: Contest, versions: str) -> str:
        """Of what it would do."""
        code = digest(HERE / self.script, HERE / "rival.py") if self.script else code_of("ftkit")
        return digest(self.name, self.flags, versions, code, *contest.rows())

    def run(self, contest: Contest, key: str, limit: float, cache: Path | None = None) -> Record:
        """Do it; a rival gives up after `limit` seconds. `cache` is a folder to share, not a fresh one."""
        if self.script:
            done, found = _rival(self, contest, limit)
        else:
            done, found = _ftkit(self, contest, key, cache)
        when = datetime.now().isoformat(timespec="seconds")
        return Record(
            part=contest.part,
            contestant=self.name,
            repetition=contest.repetition,
            key=key,
            peak_bytes=done.peak_bytes,
            others=round(done.others, 3),
            when=when,
            **found,
        )


def _rival(one: Contestant, contest: Contest, limit: float) -> tuple[Finished, dict[str, Any]]:
    flags = [*one.flags, "--threads", str(contest.threads), "--stop-after", f"{limit:.1f}"]
    command = [sys.executable, str(HERE / one.script), str(contest.train), str(contest.test), *flags]
    done = run(command, contest.threads, cwd=contest.folder)
    *held, last = [json.loads(line) for line in done.output.splitlines() if line.startswith('{"')]
    known = {name: last.pop(name) for name in ("seconds", "train_seconds", "right", "complete")}
    return done, known | {"models": tuple((line["model"], line["accuracy"]) for line in held), "about": last}


def _ftkit(one: Contestant, contest: Contest, key: str, cache: Path | None) -> tuple[Finished, dict[str, Any]]:
    """A run with a cache of its own, unless one is given: no other run may have done part of its work."""
    out = contest.folder / key
    start = time.time()
    command = [*FTKIT, "train", str(contest.train), "--test", str(contest.test), "--text", "text", "--label", "label"]
    command += ["--base", "minilm", *one.flags, "--out", str(out), "--force", "--offline", "--quiet"]
    done = run(command, contest.threads, cwd=contest.folder, cache=cache or out.with_suffix(".cache"))
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    history = [json.loads(line) for line in (out / "history.jsonl").read_text(encoding="utf-8").splitlines()]
    loaded = report["cost"]["begun"] - start  # a run folder is opened when the base has been loaded
    first, last = history[0]["time"] - start, history[-1]["time"] - start
    return done, {
        "seconds": done.seconds,
        "train_seconds": last - loaded,
        "models": held(report, first, last),
        "right": right(out, [text for text, _ in read_rows(contest.test, COLUMNS)]),
        "complete": True,
        "about": {
            "method": report["choices"].get("method", report["method"]),
            "phases": report["cost"]["seconds"],
            "epoch_seconds": epoch_seconds(history),
            "first_step": first - loaded,
        },
    }


def held(report: dict[str, Any], first: float, last: float) -> tuple[tuple[float, float], ...]:
    """ftkit's models: the solved probe, from which training starts, and the delivered one.

    `first` and `last` are the times of its history's lines, in seconds from its start: the first is
    written when the probe is solved, before the first step, and the last one after the last step.
    """
    probe = report["baselines"]["linear_probe"]["accuracy"]["value"]
    return (first, probe), (last, report["scores"]["test"]["accuracy"]["value"])


def epoch_seconds(history: Sequence[dict[str, Any]]) -> list[float]:
    """Of the fit that is delivered, epoch by epoch."""
    times = [line["time"] for line in history if line["part"] == "final" and line["member"] == "fit"]
    return [round(float(took), 3) for took in np.diff(times)]


def right(out: Path, texts: Sequence[str]) -> str:
    """A sign for each test row, from the predictions of a run: its rows are found by their text.

    Raises ValueError where more than one row in a hundred is not found.
    """
    import pandas as pd

    rows = pd.read_parquet(out / "rows.parquet")
    name = {squeezed(" ".join(cells)): row for row, cells in zip(rows["row_id"], rows["input"], strict=True)}
    said = pd.read_parquet(out / "predictions.parquet", columns=["row_id", "predictor", "gold", "prediction"])
    said = said[said["predictor"] == "adapted"]
    hits = dict(zip(said["row_id"], said["gold"] == said["prediction"], strict=True))
    signs = "".join({True: "1", False: "0", None: "-"}[hits.get(name.get(squeezed(text)))] for text in texts)
    if signs.count("-") > len(signs) / 100:
        raise ValueError(f"{out}: {signs.count('-')} of {len(signs)} test rows are not among its predictions")
    return signs
