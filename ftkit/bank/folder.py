"""The folder of a bank: what it says of itself, and the door through which it is read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftkit import bank, files, runs
from ftkit.errors import InputError
from ftkit.files import write_json
from ftkit.statistics.promotion import Prior

if TYPE_CHECKING:
    from ftkit.recipe import Recipe

SCHEMA = 1


@dataclass(frozen=True)
class BankFolder:
    """A finished bank."""

    path: Path
    by: str
    """column of the groups"""
    made_from: str
    """hash of recipe and general adapter"""
    prior: Prior | None
    row_key: str | None
    """fingerprint of the key that names are hashed with; None where they are not hidden"""
    created: str

    @property
    def general(self) -> Path:
        """The run that every group started from."""
        return self.path / bank.GENERAL

    @property
    def shards(self) -> Path:
        """The folder of all adapters."""
        return self.path / bank.SHARDS

    @property
    def index(self) -> Path:
        """The file that finds a group."""
        return self.path / bank.INDEX


def write(folder: BankFolder) -> None:
    """Write what a bank is; a folder without this is none, or not finished."""
    document = {
        "kind": files.BANK_KIND,
        "schema": SCHEMA,
        "by": folder.by,
        "made_from": folder.made_from,
        "prior": None if folder.prior is None else asdict(folder.prior),
        "row_key": folder.row_key,
        "created": folder.created,
    }
    write_json(folder.path / bank.DOCUMENT, document)


def read(path: Path) -> BankFolder:
    """A finished bank; InputError for anything else, with what to do."""
    if not files.is_bank(path):
        begun = (path / bank.GENERAL).is_dir() and files.is_run(path)
        hint = f"ftkit adapt {path} --resume" if begun else "ftkit adapt DATA --by COLUMN makes one"
        raise InputError(f"{path}: is {'a bank that is not finished' if begun else 'no bank'}", hint)
    try:
        document: dict[str, Any] = json.loads((path / bank.DOCUMENT).read_text(encoding="utf-8"))
        if document["schema"] != SCHEMA:
            raise ValueError(f"schema {document['schema']}, but this ftkit reads schema {SCHEMA}")
        prior = _prior(document["prior"])
        known = {name: document[name] for name in ("by", "made_from", "row_key", "created")}
        return BankFolder(path, prior=prior, **known)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path / bank.DOCUMENT}: cannot be read ({error})", "train the bank again") from None


def made_from(recipe: Recipe, general: Path) -> str:
    """Hash of all that decides how a group's adapter comes out, but for its own rows: 64 hex digits."""
    tree = recipe.dump()
    asked = {key: tree[key] for key in ("bank", "task", "method", "train", "seed")}
    state = hashlib.sha256(json.dumps(asked, sort_keys=True).encode("utf-8", "backslashreplace"))
    for place in (runs.ADAPTER, runs.FOLDS):
        for path in sorted((general / place).rglob("*.safetensors")):
            state.update(f"{path.relative_to(general).as_posix()} {files.sha256(path)}\n".encode())
    return state.hexdigest()


def _prior(tree: Mapping[str, Any] | None) -> Prior | None:
    if tree is None:
        return None
    fields: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in tree.items()}
    return Prior(**fields)
