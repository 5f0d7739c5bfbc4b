"""A sweep: one folder with a run for each combination of varied recipe keys, trained one after another.

`sweep.json` is written once, before anything is trained: what was varied, and name, values and recipe
of every run. How far the sweep is follows from the runs' own `status` files, so that nothing can
disagree after a crash. A run that fails leaves `error.txt`, and the others go on without it.
"""

from __future__ import annotations

import datetime
import gc
import json
import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ftkit import files, folders, hardware, runs
from ftkit.console import console
from ftkit.errors import Fault, FtkitError, InputError, Interrupted
from ftkit.failures import known
from ftkit.recipe import Recipe, parse
from ftkit.runs.folder import RunFolder
from ftkit.search.combinations import flat, merged, named, spelled

SCHEMA = 1
SAME = "ask for what it was begun with, or train in another folder"


@dataclass(frozen=True)
class Planned:
    """One run of a sweep, whether it was trained or not."""

    name: str
    values: Mapping[str, Any]
    """varied key: its value as typed"""
    recipe: Recipe

    def __str__(self) -> str:
        return named(self.values)


@dataclass(frozen=True)
class Sweep:
    """What is trained, and where."""

    folder: Path
    runs: tuple[Planned, ...]
    files: Mapping[str, str] = field(default_factory=dict)
    """data file: sha256 when the sweep was begun"""

    def path(self, run: Planned) -> Path:
        """The folder of a run."""
        return self.folder / run.name

    def left(self) -> list[Planned]:
        """The runs that are not complete: never begun, cut short, or failed."""
        return [run for run in self.runs if folders.state(self.path(run)) != "complete"]

    def failed(self) -> dict[str, str]:
        """Name of each failed run: what went wrong, on one line."""
        return {run.name: error_of(self.path(run)) for run in self.runs if folders.state(self.path(run)) == "failed"}


def write(sweep: Sweep, command: str) -> None:
    """Begin a sweep in its new, empty folder."""
    vary: dict[str, list[Any]] = {}
    for run in sweep.runs:
        for key, value in run.values.items():
            if value not in vary.setdefault(key, []):
                vary[key].append(value)
    planned = [{"name": run.name, "values": run.values, "recipe": run.recipe.dump()} for run in sweep.runs]
    document = {
        "kind": folders.SWEEP_KIND,
        "schema": SCHEMA,
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": command,
        "vary": vary,
        "files": sweep.files,
        "runs": planned,
    }
    try:
        files.write_json(sweep.folder / folders.SWEEP, document)
    except FtkitError:
        with suppress(OSError):  # an empty folder would be nothing to anybody
            sweep.folder.rmdir()
        raise


def document_of(folder: Path) -> dict[str, Any]:
    """What `sweep.json` holds; InputError where it is damaged or of another version."""
    path = folder / folders.SWEEP
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if found["kind"] != folders.SWEEP_KIND or not {"vary", "files", "runs"} <= found.keys():
            raise ValueError("it is not a sweep")
        if wrong := [run["name"] for run in found["runs"] if run["name"] != _plain(run["name"])]:
            raise ValueError(f"{wrong[0]!r} is no name for a run")  # it might lead out of the folder
        schema = int(found["schema"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: cannot be read ({error})", "train again, in another folder") from None
    if schema > SCHEMA:
        raise InputError(f"{path}: written by a newer ftkit (schema {schema})", "update ftkit")
    return found


def _plain(name: str) -> str:
    return Path(name).name.lstrip(".")


def read(folder: Path) -> Sweep:
    """The sweep that was begun in a folder."""
    document = document_of(folder)
    source = str(folder / folders.SWEEP)
    planned = [Planned(run["name"], run["values"], parse(run["recipe"], source=source)) for run in document["runs"]]
    return Sweep(folder, tuple(planned), document["files"])


def differences(begun: Sweep, asked: Sweep) -> list[Fault]:
    """What keeps a sweep that was begun from going on as it is asked for now: other runs, recipes or data."""
    before, after = ({run.name: run for run in one.runs} for one in (begun, asked))
    faults = []
    if gone := [name for name in before if name not in after]:
        faults.append(Fault("", f"the sweep was begun with {some(gone)}, which this command does not ask for", SAME))
    if new := [name for name in after if name not in before]:
        faults.append(Fault("", f"the sweep was begun without {some(new)}", SAME))
    found = [
        (place, Fault("", said, SAME))
        for place, run in enumerate(asked.runs)
        if run.name in before
        for said in _differing(before[run.name].recipe, run.recipe)
    ]
    return faults + merged(found, [run.values for run in asked.runs]) + changed(begun, asked.files)


def some(names: list[str], most: int = 5) -> str:
    """The first few names, and how many more there are."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _differing(before: Recipe, after: Recipe) -> Iterator[str]:
    """What differs between two recipes; of a map that holds labels only that it does."""
    if before.data.label_map != after.data.label_map:
        yield "data.label_map is not what it was when the sweep was begun"
    old, new = (flat(one.replace({"data.label_map": {}}).dump()) for one in (before, after))
    for key in dict.fromkeys([*old, *new]):
        if old.get(key) != new.get(key):
            yield f"{key} was {spelled(old.get(key))} when the sweep was begun, and is {spelled(new.get(key))} now"


def changed(begun: Sweep, now: Mapping[str, str]) -> list[Fault]:
    """The data files that are not what they were when the sweep was begun."""
    return [
        Fault("", f"{path}: has changed since the sweep was begun", "put it back as it was, or train in another folder")
        for path, sha256 in now.items()
        if begun.files.get(path, sha256) != sha256
    ]


def carry_out(sweep: Sweep, train: Callable[[Planned, Path], None]) -> None:
    """Train every run that is not complete, one after another in this process; a failed one does not stop the rest.

    Raises Interrupted at Ctrl-C or SIGTERM: complete runs stay complete.
    """
    with _alone(sweep.folder):
        left = sweep.left()
        for run in left:
            folders.refuse_taken(sweep.path(run), force=True)  # before hours of training, not after
        for number, run in enumerate(sweep.runs, 1):
            if run not in left:
                continue
            console.say(f"run {number} of {len(sweep.runs)}: {run}")
            hardware.forget_peak_memory()  # the cost of each run is its own
            try:
                train(run, sweep.path(run))
            except (KeyboardInterrupt, Interrupted):
                done = len(sweep.runs) - len(sweep.left())
                message = f"{sweep.folder}: interrupted; {done} of {len(sweep.runs)} runs are complete"
                raise Interrupted(message, f"ftkit train {shlex.quote(str(sweep.folder))} --resume") from None
            except Exception as error:  # it is told and kept with the run; the others may do without its cause
                _fail(run, sweep.path(run), error)
            gc.collect()  # models hold rings of references: the last one must not wait beside the next


def error_of(path: Path) -> str:
    """Why a run failed, on one line; empty where nobody could write it down."""
    try:
        return " ".join((path / runs.ERROR).read_text(encoding="utf-8").partition("\n\n")[0].split())
    except (OSError, UnicodeDecodeError):
        return ""


def cut(text: str, width: int = 100) -> str:
    """The beginning of an error that may name many rows; the whole of it stays in the folder of its run."""
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _fail(run: Planned, path: Path, error: Exception) -> None:
    """Keep what went wrong with the run, also where it failed before it had a folder."""
    told = known(error, again=f"ftkit train {shlex.quote(str(path / runs.RECIPE))} --debug")
    console.say(f"failed: {' '.join(told.message.split())}" + (f"\n  → {told.hint}" if told.hint else ""))
    try:
        path.mkdir(exist_ok=True)
    except OSError as refused:
        raise files.os_error(refused, f"creating {path}") from refused
    kept = RunFolder(path)
    kept.status("failed")
    if not (path / runs.RECIPE).exists():
        kept.recipe(run.recipe)
    files.write_text(path / runs.ERROR, f"{told.message}\n\n{told.hint}".rstrip() + "\n")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process at a time: two would share the work badly, since each takes the runs in the same order."""
    from filelock import FileLock, Timeout

    lock = FileLock(folder / ".lock", blocking=False, mode=0o600)
    try:
        lock.acquire()
    except Timeout:
        raise InputError(f"{folder}: another process is training in it", "wait for it to end") from None
    except OSError as error:
        raise files.os_error(error, f"writing {folder}") from error
    try:
        yield
    finally:
        lock.release()
