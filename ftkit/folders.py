"""Folders of runs, sweeps, banks and comparisons: what a folder is, and making the next one.

A folder that is there already is never shared, and only cleared where it is one of ours.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shlex
import shutil
from pathlib import Path

from ftkit.errors import InputError
from ftkit.files import os_error
from ftkit.privacy import hidden

STATES = ("running", "partial", "complete", "failed")
"""what the `status` file of a run folder may say"""

RUNS = Path("runs")
COMPARISONS = Path("comparisons")
SWEEP = "sweep.json"
"""what the folder of a sweep holds beside its runs"""
SWEEP_KIND = "ftkit sweep"
BANK = "bank.json"
"""what the folder of a bank holds beside its adapters"""
BANK_KIND = "ftkit bank"


def new_run_folder(wanted: Path | None, stem: str, force: bool) -> Path:
    """Create and return an empty run folder: `wanted`, or `runs/<stem>-<n>` with the next number.

    `mkdir` refuses an existing name, so two commands started together never share a folder. `force` clears `wanted`
    first, but only where it is a run folder or empty: a mistyped --out must not delete anything else.
    """
    if wanted is None:
        return _numbered(RUNS, (re.sub(r"[\s/\\\0]+", "-", stem).strip("-.")[:60] or "run") + "-", "run")
    try:
        if force and os.path.lexists(wanted):
            _clear(wanted)
        wanted.parent.mkdir(parents=True, exist_ok=True)
        wanted.mkdir(mode=_mode())
    except FileExistsError:
        if os.path.lexists(wanted):
            raise _taken(wanted) from None
        raise InputError(f"{wanted}: {wanted.parent} is a file, not a folder", "choose another --out") from None
    except OSError as error:
        raise os_error(error, f"creating {wanted}") from error
    return wanted


def new_comparison_folder(wanted: Path | None, force: bool, document: str) -> Path:
    """Create and return a folder for a comparison: `wanted`, or `comparisons/<n>` with the next number."""
    if wanted is None:
        return _numbered(COMPARISONS, "", "comparison")
    refuse_uncompared(wanted, force, document)
    try:
        wanted.mkdir(parents=True, exist_ok=True, mode=_mode())
    except OSError as error:
        raise os_error(error, f"creating {wanted}") from error
    return wanted


def refuse_uncompared(wanted: Path | None, force: bool, document: str) -> None:
    """Raise InputError for a folder that may not take a comparison, without making it.

    One that is there already must be empty, or hold an earlier comparison (a file called `document`) that `force`
    allows to replace; nothing is ever deleted.
    """
    if wanted is None or not os.path.lexists(wanted):
        return
    if not wanted.is_dir():
        raise InputError(f"{wanted}: is a file, not a folder", "choose another --out")
    try:
        inside = os.listdir(wanted)
    except OSError as error:
        raise os_error(error, f"reading {wanted}") from error
    if inside and document not in inside:
        raise InputError(f"{wanted}: holds something else than a comparison", "choose another --out")
    if inside and not force:
        raise InputError(f"{wanted}: already exists", "--force, or another --out")


def refuse_taken(wanted: Path | None, force: bool) -> None:
    """Raise the InputError that `new_run_folder` would, for a folder that exists, without making or clearing any."""
    if wanted is None or not os.path.lexists(wanted):
        return
    if not force:
        raise _taken(wanted)
    try:
        _must_be_replaceable(wanted)
    except OSError as error:
        raise os_error(error, f"reading {wanted}") from error


def _taken(wanted: Path) -> InputError:
    """What is in the way; `--force` is named only where it would replace it."""
    try:
        _must_be_replaceable(wanted)
    except (InputError, OSError):
        return InputError(f"{wanted}: already exists, and is not a run", "choose another --out")
    return InputError(f"{wanted}: already exists", "--force, or another --out")


def _mode() -> int:
    return 0o700 if hidden() else 0o777


def _numbered(parent: Path, stem: str, what: str) -> Path:
    """Create the folder of the next number."""
    pattern = re.compile(re.escape(stem) + r"(\d+)")
    try:
        parent.mkdir(parents=True, exist_ok=True)
        taken = [int(match[1]) for name in os.listdir(parent) if (match := pattern.fullmatch(name))]
        number = max(taken, default=0) + 1
        while True:
            folder = parent / f"{stem}{number}"
            try:
                folder.mkdir(mode=_mode())
            except FileExistsError:  # another command was faster
                number += 1
            else:
                return folder
    except FileExistsError:
        raise InputError(f"{parent}: is a file, not a folder", "rename it, or choose a folder with --out") from None
    except OSError as error:
        found = os_error(error, f"creating a {what} folder in {parent.resolve()}")
        if isinstance(found, InputError):
            found.hint = "choose a folder elsewhere with --out"
        raise found from error


def state(folder: Path) -> str | None:
    """What the `status` file says: one of the four states; None where the folder holds no run."""
    try:
        word = (folder / "status").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return word if word in STATES else None


def is_run(folder: Path) -> bool:
    """Whether the folder holds a run."""
    return state(folder) is not None


def is_sweep(folder: Path) -> bool:
    """Whether the folder holds the runs of a sweep; a file of that name that says something else does not count."""
    return _kind(folder / SWEEP) == SWEEP_KIND


def is_bank(folder: Path) -> bool:
    """Whether the folder holds a finished bank; `BANK@12` does where BANK does."""
    return _kind(at_generation(folder)[0] / BANK) == BANK_KIND


def begins_bank(folder: Path) -> bool:
    """Whether the folder holds a bank, finished or not."""
    return is_bank(folder) or (is_run(folder) and (folder / "general").is_dir())


def going_on(folder: Path) -> str:
    """The command that takes up what was left unfinished in a folder."""
    return f"ftkit {'adapt' if begins_bank(folder) else 'train'} {shlex.quote(str(folder))} --resume"


def at_generation(path: Path) -> tuple[Path, int | None]:
    """`BANK@12` -> (BANK, 12); a folder that is really called so is itself."""
    found = None if path.exists() else re.fullmatch(r"(.+)@([1-9]\d{0,8})", path.name)
    return (path, None) if found is None else (path.with_name(found[1]), int(found[2]))


def _kind(path: Path) -> object:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return document.get("kind") if isinstance(document, dict) else None


def runs_in(folder: Path) -> list[Path]:
    """The runs in a folder and in the sweeps in it, by name: a-2 before a-10."""
    found = [path for path in folder.iterdir() if not path.name.startswith(".")]  # hidden: on its way out
    inside = [inner for path in found if is_sweep(path) for inner in path.iterdir()]
    return sorted(filter(is_run, [*found, *inside]), key=_natural)


def _natural(path: Path) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", str(path))]


def _must_be_replaceable(folder: Path) -> None:
    hint = "choose another --out, or remove it yourself"
    if folder.is_symlink() or not folder.is_dir():
        raise InputError(f"{folder}: is not a folder, so --force does not replace it", hint)
    if any(folder.iterdir()) and not is_run(folder) and not is_sweep(folder):
        raise InputError(f"{folder}: holds something else than a run, so --force does not delete it", hint)


def _clear(folder: Path) -> None:
    _must_be_replaceable(folder)
    # renamed first: if deleting is cut short, no half run is left under the old name
    doomed = folder.parent / f".{secrets.token_hex(6)}.old"
    folder.rename(doomed)
    shutil.rmtree(doomed)
