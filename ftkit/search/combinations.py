"""`--vary KEY=VALUE,VALUE` from the command line to combinations: every value of one key with every one of the others.

Nothing here reads a file, so that a slip is told before anything else happens.
"""

from __future__ import annotations

import itertools
import math
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ftkit import folders, runs
from ftkit.errors import Fault, Faults, InputError
from ftkit.recipe import yaml_text
from ftkit.recipe.changes import ENTRIES
from ftkit.recipe.paths import DATA_FILE
from ftkit.verbs import naming

SOME = "such as --vary train.lr=1e-3,2e-3"
RESERVED = (folders.SWEEP, runs.SWEEP_PAGE)  # what else lies beside the runs
LONGEST = 120  # bytes; file systems take 255 in one name, and a run's own paths come below it
PATHS = ("base", "data.train", "data.test", "data.validation")
"""keys whose values may be paths"""

_OPENING, _CLOSING = "[{", "]}"
_QUOTED = re.compile(r"""\"(?:[^"\\]|\\.)*\"|'(?:[^']|'')*'""")


@dataclass(frozen=True)
class Varied:
    """One `--vary`: a dotted recipe key and its values, as YAML texts."""

    key: str
    texts: tuple[str, ...]

    @property
    def values(self) -> tuple[Any, ...]:
        """The values as a recipe reads them."""
        return tuple(yaml_text.value(text) for text in self.texts)


@dataclass(frozen=True)
class Combination:
    """One value for each varied key, and the name of the folder that its run gets."""

    name: str
    values: dict[str, Any]
    """dotted key: plain value"""
    changes: tuple[tuple[str, str], ...]
    """the same as changes to a recipe: (dotted key, YAML)"""

    def __str__(self) -> str:
        return named(self.values)


def parse(items: Iterable[str], settled: Collection[str] = ()) -> list[Varied]:
    """The keys and values of every `--vary`; `settled` are keys that other options set.

    Raises Faults with all that is wrong: no value, a value given twice, a bracket left open, a key that is varied
    twice, that lies inside another varied one, or that another option sets.
    """
    found: list[Varied] = []
    faults: list[Fault] = []
    for item in items:
        try:
            found.append(_one(item))
        except InputError as error:
            faults.append(Fault("", error.message, error.hint))
    faults += _overlaps([varied.key for varied in found], settled)
    if faults:
        raise Faults(faults)
    return found


def combine(varied: Sequence[Varied], most: int) -> list[Combination]:
    """Every combination, the last key changing fastest; InputError where there are more than `most`."""
    count = math.prod(len(one.texts) for one in varied)
    if count > most:
        factors = " × ".join(f"{len(one.texts)} of {one.key}" for one in varied)
        raise InputError(
            f"{count:,} runs are too many ({factors})", f"vary less, or allow them with --max-runs {count}"
        )
    keys = [one.key for one in varied]
    texts = list(itertools.product(*(one.texts for one in varied)))
    values = list(itertools.product(*(one.values for one in varied)))
    names = _names(varied)
    return [
        Combination(name, dict(zip(keys, some, strict=True)), tuple(zip(keys, said, strict=True)))
        for name, some, said in zip(names, values, texts, strict=True)
    ]


def named(values: Mapping[str, Any]) -> str:
    """`method.name=ia3, data.train=b.csv`."""
    return ", ".join(f"{key}={spelled(value)}" for key, value in values.items())


def spelled(value: Any) -> str:
    """A recipe's value on one line, as a person would type it: `0.001`, `last 2`, `a.csv, b.csv`, `true`."""
    if isinstance(value, str):
        return " ".join(value.split())
    if isinstance(value, float):
        return short if float(short := f"{value:g}") == value else repr(value)
    if isinstance(value, list | tuple):
        return ", ".join(map(spelled, value)) or "[]"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {spelled(item)}" for key, item in value.items()) or "{}"
    return yaml_text.text(value)


def merged(found: Iterable[tuple[int, Fault]], everyone: Sequence[Mapping[str, Any]]) -> list[Fault]:
    """Each fault once, with the combinations that it belongs to where these are not all.

    `found` are (position of a combination, fault), `everyone` the values of every combination.
    """
    places: dict[Fault, list[int]] = {}
    for place, fault in found:
        places.setdefault(fault, []).append(place)
    return [
        Fault(fault.where, fault.what + _among([everyone[place] for place in some], everyone), fault.hint)
        for fault, some in places.items()
    ]


def _among(some: Sequence[Mapping[str, Any]], everyone: Sequence[Mapping[str, Any]]) -> str:
    """` (with method.name=head)`: the values that these combinations share and no other one has, else the first."""
    if len(some) == len(everyone):
        return ""
    first = some[0]
    shared = {key: value for key, value in first.items() if all(one[key] == value for one in some)}
    if sum(shared.items() <= one.items() for one in everyone) == len(some):
        return f" (with {named(shared)})"
    return f" (with {named(first)}, and {len(some) - 1} more of {len(everyone)} combinations)"


def flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A recipe's plain values by dotted key: `{"method": {"rank": 8}}` becomes `{"method.rank": 8}`."""
    found: dict[str, Any] = {}
    for key, value in tree.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) and value else {f"{prefix}{key}": value}
    return found


def _one(item: str) -> Varied:
    key, sign, rest = item.partition("=")
    key = key.strip()
    if not sign or not all(key.split(".")):
        raise InputError(f"--vary {item}: expected KEY=VALUE,VALUE", SOME)
    texts = tuple(text.strip() for text in _pieces(rest, item))
    if not all(texts):
        raise InputError(f"--vary {item}: an empty value", "leave out the comma, or write null for no value")
    values = [yaml_text.value(text) for text in texts]
    plain = [yaml_text.text(value) for value in values]
    again = dict.fromkeys(text for text, one in zip(texts, plain, strict=True) if plain.count(one) > 1)
    if again:
        raise InputError(f"--vary {key}: the same value twice: {', '.join(again)}", "give each value once")
    if key in ENTRIES and all(isinstance(value, str) for value in values):
        key = f"{key}.name"
    return Varied(key, texts)


def _pieces(text: str, item: str) -> Iterator[str]:
    """Split at commas that stand outside brackets and quotes; a quote opens only where a value begins."""
    depth = start = place = 0
    begins = True
    while place < len(text):
        sign, quoted = text[place], _QUOTED.match(text, place) if begins else None
        if begins and sign in "'\"" and not quoted:
            raise InputError(f"--vary {item}: a quote is left open", "close it")
        depth += (sign in _OPENING) - (sign in _CLOSING and depth > 0)
        if sign == "," and not depth:
            yield text[start:place]
            start = place + 1
        begins = sign in f",:{_OPENING}" or (begins and sign.isspace())
        place = quoted.end() if quoted else place + 1
    if depth:
        raise InputError(f"--vary {item}: a bracket is left open", "close it")
    yield text[start:]


def _canonical(key: str) -> str:
    return f"{key}.name" if key in ENTRIES else key


def _overlaps(keys: Sequence[str], settled: Collection[str]) -> Iterator[Fault]:
    """Keys that two options would decide on, of which one would silently lose."""
    for key in dict.fromkeys(keys):
        if keys.count(key) > 1:
            yield Fault("", f"--vary {key}: given twice", f"--vary {key}=… with all values")
        for inner in (other for other in keys if other.startswith(f"{key}.")):
            yield Fault("", f"--vary {key}: {inner} is a part of it", f"vary {key} as a whole, or its parts")
        lost = [other for other in settled if _canonical(other) == _canonical(key)]
        if key not in ENTRIES:  # their names are put in first, so what is set inside them stays
            lost += [other for other in settled if other.startswith(f"{key}.")]
        for other in lost:
            yield Fault("", f"{other}: is both set and varied", "leave out one of them")


def _names(varied: Sequence[Varied]) -> list[str]:
    """Folder names of the product: `lora,a`; by number where they would be too long for a file system."""
    names = [",".join(parts) for parts in itertools.product(*map(_slugs, varied))]
    if max(len(name.encode()) for name in names) > LONGEST:
        return [f"run-{number}" for number in range(1, len(names) + 1)]
    return names


def _slugs(varied: Varied) -> list[str]:
    """A readable part of a name for each value; signs that mean something to a shell or a path become `-`."""
    taken = set(RESERVED)
    found = []
    for value in varied.values:
        plain = re.sub(r"[^\w.+=-]+", "-", _label(varied.key, value)).strip("-.") or "value"
        tries = itertools.chain([plain], (f"{plain}-{number}" for number in itertools.count(2)))
        # compared without case: some disks take A and a for one name
        slug = next(one for one in tries if one.casefold() not in taken)
        taken.add(slug.casefold())
        found.append(slug)
    return found


def _label(key: str, value: Any) -> str:
    """What a value is called in a folder's name: files by their stems, numbers with their key."""
    if isinstance(value, list):
        return "+".join(_label(key, item) for item in value)
    if isinstance(value, Mapping):
        return "+".join(spelled(item) if name == "name" else f"{name}={spelled(item)}" for name, item in value.items())
    if not isinstance(value, str):
        return f"{key.rpartition('.')[2]}={spelled(value)}"
    if key in PATHS:
        value = os.path.basename(os.path.normpath(value))
    return naming.split_suffix(value)[0] if DATA_FILE.fullmatch(value) else value
