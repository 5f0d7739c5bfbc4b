"""Blocks of a recipe: checked groups of keys, and complaints that say what was expected, found, and where."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError

from ftkit.errors import Fault, Faults, did_you_mean


class Block(BaseModel):
    """A group of recipe keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)


Model = TypeVar("Model", bound=BaseModel)


def percent(value: object) -> object:
    """`1%` as 0.01; anything else as it is."""
    if isinstance(value, str) and (found := re.fullmatch(r"\s*(\d+\.?\d*|\.\d+)\s*%\s*", value)):
        return float(found[1]) / 100
    return value


EXPECTED = {
    "int_": "a whole number",
    "float_": "a number",
    "finite_number": "a finite number",
    "bool_": "true or false",
    "string_": "text",
    "list_": "a list",
    "dict_": "keys with values",
    "greater_than_equal": "at least {ge}",
    "greater_than": "more than {gt}",
    "less_than_equal": "at most {le}",
    "less_than": "less than {lt}",
    "literal_error": "{expected}",
    "invalid_key": "keys that are text",
}


@dataclass
class Checker:
    """Checks blocks one by one and collects the faults of all: `lines` is dotted key -> "file:line"."""

    source: str
    lines: dict[str, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def add(self, path: str, what: str, hint: str = "", at: str = "") -> None:
        """Note a fault of the key `path`, at its own line, else at that of the nearest key around `at` or it."""
        where = at or path
        while where and where not in self.lines:
            where = where.rpartition(".")[0]
        self.faults.append(Fault(self.lines.get(where, self.source), f"{path}: {what}" if path else what, hint))

    def check(self, model: type[Model], tree: Any, prefix: str) -> Model | None:
        """The checked block, or None after noting its faults."""
        if not isinstance(tree, Mapping):
            self.add(prefix, f"expected keys such as {', '.join(list(model.model_fields)[:4])}, got {short(tree)}")
            return None
        flags = [key for key, value in tree.items() if isinstance(value, bool) and _is_number(model, key)]
        for key in flags:  # pydantic would take true for 1
            self.add(f"{prefix}.{key}".strip("."), f"expected a number, got {short(tree[key])}{_meaning(model, key)}")
        try:
            checked = model.model_validate(dict(tree))
        except ValidationError as error:
            self._explain(error, model, prefix, skip=flags)
            return None
        return None if flags else checked

    def _explain(self, error: ValidationError, model: type[BaseModel], prefix: str, skip: list[str]) -> None:
        by_key: dict[str, list[Any]] = {}
        for item in error.errors():
            by_key.setdefault(str(item["loc"][0]) if item["loc"] else "", []).append(item)
        for key, items in by_key.items():
            path = f"{prefix}.{key}".strip(".")
            if items[0]["type"] == "extra_forbidden":
                self.add(path, "unknown key", did_you_mean(key, model.model_fields))
            elif items[0]["type"] == "missing":
                self.add(path, f"missing{_meaning(model, key)}", at=prefix)
            elif key not in skip:
                for place, what, hint in _complaints(items, model, key):
                    self.add(path + place, what, hint)

    def finish(self) -> None:
        """Raise Faults if there are any, in the order of the file."""
        if self.faults:
            raise Faults(sorted(self.faults, key=_line))


def _line(fault: Fault) -> int:
    found = re.search(r":(\d+)$", fault.where)
    return int(found[1]) if found else 2**31


def _complaints(items: list[Any], model: type[BaseModel], key: str) -> Iterator[tuple[str, str, str]]:
    """(place below the key, what is wrong, hint): a union of types reports an error for each of them."""
    deep = [item for item in items if any(isinstance(part, int) for part in item["loc"][1:])]
    table = get_origin(_annotation(model, key)) is dict
    groups: dict[str, list[Any]] = {}
    for item in deep or items:
        place = f".{item['loc'][1]}" if table and len(item["loc"]) > 1 else ""
        number = next((part for part in item["loc"][1:] if isinstance(part, int)), None)
        groups.setdefault(place if number is None or table else f" (item {number + 1})", []).append(item)
    for place, group in groups.items():
        value = group[0]["input"]
        wanted = " or ".join(dict.fromkeys(_expected(item) for item in group))
        unquoted = "text" in wanted and isinstance(value, bool | int | float)
        hint = f'write it in quotes: "{value}"' if unquoted else ""
        yield place, f"expected {wanted}, got {short(value)}{_meaning(model, key)}", hint


def _expected(item: Any) -> str:
    context = item.get("ctx", {})
    if item["type"] == "value_error":
        return str(context["error"]).removeprefix("expected ")
    for start, words in EXPECTED.items():
        if item["type"].startswith(start):
            return words.format(**context).replace("'", "")
    said = str(item["msg"])
    return said[:1].lower() + said[1:]


_REPR = reprlib.Repr()  # bounded: by aliases, a few lines of YAML can hold more items than there are atoms
_REPR.maxstring = _REPR.maxother = 200


def short(value: object, width: int = 60) -> str:
    """A value of a recipe as it stands in a message: cut to `width` characters."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    text = _REPR.repr(value)
    return text if len(text) <= width else text[: width - 1] + "…"


def _meaning(model: type[BaseModel], key: str) -> str:
    said = getattr(model.model_fields.get(key), "description", "") or ""
    return f" ({' '.join(said.split())})" if said else ""


def _annotation(model: type[BaseModel], key: object) -> Any:
    return getattr(model.model_fields.get(str(key)), "annotation", None)


def _types(annotation: Any) -> set[type]:
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if isinstance(annotation, type) and not get_args(annotation):
        return {annotation}
    return set[type]().union(*map(_types, get_args(annotation)))


def _is_number(model: type[BaseModel], key: object) -> bool:
    found = _types(_annotation(model, key))
    return bool(found & {int, float}) and bool not in found
