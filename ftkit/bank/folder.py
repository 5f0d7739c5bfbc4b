"""The folder of a bank: what it says of itself, its generations, and the door through which it is read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftkit import bank, files, folders, runs
from ftkit.errors import InputError
from ftkit.files import write_json
from ftkit.statistics.promotion import Prior

if TYPE_CHECKING:
    from ftkit.recipe import Recipe

SCHEMA = 2


@dataclass(frozen=True)
class Cold:
    """What groups gained from the adapter of the nearest other group when they were left out of the bank in turn."""

    groups: int
    """that were left out"""
    of: int
    """groups that could have been"""
    rows: int
    few: int
    """rows of a group, at most, by which its nearest was found"""
    gain: float
    """mean difference to the general adapter; positive: the nearest group's is better"""
    low: float | None
    high: float | None
    """95 % interval over whole groups; None where they are too few"""

    @property
    def pays(self) -> bool:
        """Whether a group that the bank does not know gets the nearest group's adapter."""
        return self.low is not None and self.low > 0


@dataclass(frozen=True)
class Generation:
    """One state of a bank, and how it came from the one before."""

    number: int
    what: str
    """adapt, update, promote or rollback"""
    created: str
    general: str
    """folder of the general adapter's run"""
    made_from: str
    """hash of recipe and general adapter"""
    prior: Prior | None
    command: str = ""
    shards: tuple[int, ...] = ()
    """numbers of the shards that were trained for it"""
    back: int | None = None
    """the generation that was gone back to"""
    group: str | None = None
    """key of the only group that went back; None: all"""
    gated: bool = True
    """whether a new adapter had to be no worse than the one in service"""
    counts: Mapping[str, int] = field(default_factory=dict)
    """what was done: groups trained, replaced, kept, added, unchanged, gone"""
    change: Prior | None = None
    """what the changes of the groups retrained for it say of one another; None where they are too few"""
    cold: Cold | None = None
    """measured where everybody was trained, and kept since like the prior; None where it could not be"""


@dataclass(frozen=True)
class BankFolder:
    """A finished bank, as it is or was in one generation."""

    path: Path
    by: str
    """column of the groups"""
    row_key: str | None
    """fingerprint of the key that names are hashed with; None where they are not hidden"""
    created: str
    newest: int
    """the generation in service"""
    generation: Generation

    @property
    def prior(self) -> Prior | None:
        """What groups are judged with."""
        return self.generation.prior

    @property
    def made_from(self) -> str:
        """Hash of recipe and general adapter."""
        return self.generation.made_from

    @property
    def general(self) -> Path:
        """The run that every group started from."""
        return self.path / self.generation.general

    @property
    def shards(self) -> Path:
        """The folder of all adapters."""
        return self.path / bank.SHARDS

    @property
    def rows(self) -> Path:
        """The folder of what was said of rows out of fold, a file for each shard."""
        return self.path / bank.ROWS

    @property
    def index(self) -> Path:
        """The file that finds a group."""
        return self.path / bank.INDEX


def write(folder: BankFolder) -> None:
    """Write what a bank is; a folder without this is none, or not finished."""
    document = {
        "kind": folders.BANK_KIND,
        "schema": SCHEMA,
        "by": folder.by,
        "row_key": folder.row_key,
        "created": folder.created,
        "generation": folder.newest,
    }
    write_json(folder.path / bank.DOCUMENT, document)


def read(path: Path) -> BankFolder:
    """A finished bank; `BANK@12` is its 12th generation. InputError for anything else, with what to do."""
    path, wanted = folders.at_generation(path)
    if not folders.is_bank(path):
        begun = folders.begins_bank(path)
        hint = folders.going_on(path) if begun else "ftkit adapt DATA --by COLUMN makes one"
        raise InputError(f"{path}: is {'a bank that is not finished' if begun else 'no bank'}", hint)
    document = _document(path / bank.DOCUMENT)
    known = {name: document[name] for name in ("by", "row_key", "created")}
    newest = document["generation"]
    if wanted is not None and not 1 <= wanted <= newest:
        raise InputError(f"{path}: has no generation {wanted}, but 1 to {newest}", f"ftkit bank history {path}")
    return BankFolder(path, newest=newest, generation=generation(path, wanted or newest), **known)


def place_of(path: Path, number: int) -> Path:
    """The file of a generation."""
    return path / bank.GENERATIONS / f"{number:06}.json"


def write_generation(path: Path, one: Generation) -> None:
    """Write what a generation is; it is in service once `write` names it as the newest."""
    place = place_of(path, one.number)
    place.parent.mkdir(exist_ok=True)
    write_json(place, asdict(one))


def generation(path: Path, number: int) -> Generation:
    """A generation by its number."""
    document = _document(place_of(path, number))
    shards, cold = tuple(document.pop("shards")), document.pop("cold", None)
    try:
        priors = {name: _prior(document.get(name)) for name in ("prior", "change")}
        return Generation(**{**document, **priors, "shards": shards, "cold": cold and Cold(**cold)})
    except TypeError as error:
        raise _unreadable(place_of(path, number), error) from None


def generations(folder: BankFolder) -> list[Generation]:
    """All of them, the first one first."""
    return [generation(folder.path, number) for number in range(1, folder.newest + 1)]


def made_from(recipe: Recipe, general: Path) -> str:
    """Hash of all that decides how a group's adapter comes out, but for its own rows: 64 hex digits."""
    tree = recipe.dump()
    asked = {key: tree[key] for key in ("bank", "task", "method", "train", "seed")}
    state = hashlib.sha256(json.dumps(asked, sort_keys=True).encode("utf-8", "backslashreplace"))
    for place in (runs.ADAPTER, runs.FOLDS):
        for path in sorted((general / place).rglob("*.safetensors")):
            state.update(f"{path.relative_to(general).as_posix()} {files.sha256(path)}\n".encode())
    return state.hexdigest()


def _document(path: Path) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if document.get("schema", SCHEMA) != SCHEMA:
            raise ValueError(f"schema {document['schema']}, but this ftkit reads schema {SCHEMA}")
    except (OSError, ValueError, AttributeError) as error:
        raise _unreadable(path, error) from None
    return document


def _unreadable(path: Path, error: Exception) -> InputError:
    return InputError(f"{path}: cannot be read ({error})", "take it from a backup, or make the bank again")


def _prior(tree: Mapping[str, Any] | None) -> Prior | None:
    if tree is None:
        return None
    fields: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in tree.items()}
    return Prior(**fields)
