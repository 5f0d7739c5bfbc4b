"""Earlier runs as bases: what a run folder must hold before another run may start from it."""

from __future__ import annotations

import hashlib
import json
import shlex
from pathlib import Path
from typing import Any

from ftkit import files, folders
from ftkit.errors import InputError

HEAD = ("head.safetensors", "head.json")


def looks_like_run(folder: Path) -> bool:
    """Whether the folder is a run's, finished or not."""
    return folders.is_run(folder) or ((folder / "recipe.yaml").is_file() and (folder / "status").is_file())


def base_name(run: Path, name: str) -> str | None:
    """The base that the run's recipe names, None for random weights; a run that is not complete is refused."""
    must_be_complete(run, name)
    if folders.is_bank(run):
        raise InputError(f"{name}: is a bank, not a run", f"its general run is {run / 'general'}")
    import yaml

    try:
        tree: Any = yaml.safe_load((run / "recipe.yaml").read_text(encoding="utf-8"))
    except OSError as error:
        raise files.os_error(error, f"reading {run / 'recipe.yaml'}") from error
    except (yaml.YAMLError, UnicodeDecodeError):
        tree = None
    base = tree.get("base") if isinstance(tree, dict) else None
    if isinstance(base, dict) and "config" in base:
        return None
    if not isinstance(base, str):
        raise InputError(f"{name}: its recipe.yaml names no base", "choose another run, or run it again")
    return base


def recorded(run: Path) -> tuple[str, str]:
    """Revision and sha256 of the base when the run was made, from its report; empty where it does not say."""
    try:
        base = json.loads((run / "report.json").read_text(encoding="utf-8"))["base"]
        return str(base["revision"]), str(base["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        return "", ""


def must_be_complete(run: Path, name: str) -> None:
    """Raise InputError, with what to do about it, for a run that did not end well."""
    try:
        status = (run / "status").read_text(encoding="utf-8", errors="replace").strip()
    except OSError as error:
        raise files.os_error(error, f"reading {run / 'status'}") from error
    what = "bank" if folders.begins_bank(run) else "run"
    again = f"train it again, with --out {shlex.quote(name)} --force to put it in the same folder"
    if (run / "recipe.yaml").is_file():
        again = f"{folders.going_on(run)} goes on from where it stopped"
    if status == "running":
        raise InputError(f"{name}: this {what} is still going, or was killed", f"wait for it, or {again}")
    if status == "partial":
        raise InputError(f"{name}: this {what} was interrupted before it was complete", again)
    if status == "failed":
        failed = f"{name}: this {what} failed, so it has no weights to be trusted"
        raise InputError(failed, f"{again}, or choose another")
    if status != "complete":
        raise InputError(f"{name}: not a run of ftkit: its status file says {status[:40]!r}", "choose another base")


def digest(run: Path, base: str) -> str:
    """Hash of the base underneath and of every weight and setting that the run added to it."""
    added = [path for path in (run / "adapter").rglob("*") if path.suffix in (".safetensors", ".json")]
    added += [run / part for part in HEAD if (run / part).is_file()]
    if not any(path.suffix == ".safetensors" for path in added):
        raise InputError(f"{run}: this run holds no adapter/ with weights", "run it again, or choose another base")
    whole = hashlib.sha256(base.encode())
    for path in sorted(added, key=lambda path: path.relative_to(run).as_posix()):
        whole.update(f"\n{path.relative_to(run).as_posix()} {files.sha256(path)}".encode())
    return whole.hexdigest()
