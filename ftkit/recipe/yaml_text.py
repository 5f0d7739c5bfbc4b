"""YAML as recipes use it: plain values in and out, and the line that each key stands on.

Plain words follow YAML 1.2, because PyYAML's 1.1 turns a column named `no` into False, a label `01` into 1, a date
into an object, and leaves `1e-3` as text. What is written is quoted so that readers of either version agree.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ftkit.errors import Fault, InputError

_PLAIN = (
    ("tag:yaml.org,2002:bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("tag:yaml.org,2002:null", r"~|null|Null|NULL|", ("~", "n", "N", "")),
    ("tag:yaml.org,2002:int", r"0|-?[1-9][0-9]*", "-0123456789"),
    (
        "tag:yaml.org,2002:float",
        r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)|[-+]?(\.[0-9]+|(0|[1-9][0-9]*)\.[0-9]*)"
        r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+.0123456789",
    ),
    ("tag:yaml.org,2002:merge", r"<<", "<"),
)


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}


class _Dumper(yaml.SafeDumper):
    yaml_implicit_resolvers = {key: list(value) for key, value in yaml.SafeDumper.yaml_implicit_resolvers.items()}

    def ignore_aliases(self, data: Any) -> bool:
        """Write equal lists twice: a recipe with `&id001` in it is not for people."""
        return True

    def represent_text(self, text: str) -> yaml.ScalarNode:
        """Escape line breaks and what else cannot be seen: PyYAML writes the rarer ones raw, but reads blanks."""
        return self.represent_scalar("tag:yaml.org,2002:str", text, None if text.isprintable() else '"')


_Dumper.add_representer(str, _Dumper.represent_text)
for _tag, _pattern, _first in _PLAIN:
    _Loader.add_implicit_resolver(_tag, re.compile(rf"(?:{_pattern})\Z"), list(_first))
    _Dumper.add_implicit_resolver(_tag, re.compile(rf"(?:{_pattern})\Z"), list(_first))


@dataclass(frozen=True)
class Document:
    """A YAML file as read: the plain `tree`, dotted key -> "file:line", and keys given twice."""

    tree: dict[str, Any]
    lines: dict[str, str] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()


def read(path: Path) -> Document:
    """Read a file that holds one mapping.

    Raises InputError with the file and line where it cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file", "ftkit list recipes") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not a recipe (not UTF-8 text)", "save it as UTF-8") from None
    except (OSError, ValueError) as error:  # a folder, no permission, a name that no file can have
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise InputError(f"{path}: cannot be read ({reason})", "ftkit list recipes") from error
    root, tree = _parsed(text, str(path))
    if not isinstance(tree, dict):
        raise InputError(f"{path}: a recipe is a mapping of keys", "ftkit new shows how to begin one")
    lines: dict[str, str] = {}
    faults: list[Fault] = []
    _walk(root, "", str(path), lines, faults)
    return Document(tree, lines, tuple(faults))


def _parsed(text: str, source: str) -> tuple[yaml.Node | None, Any]:
    loader = None
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        # a node that holds itself becomes a value that holds itself, which nothing here could print
        _refuse_cycles(root, (), set())
        return root, None if root is None else loader.construct_document(root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{source}:{mark.line + 1}" if mark else source
        problem = error.problem or error.context or "cannot be read"
        if problem.startswith("but "):
            problem = f"{error.context}, {problem}"
        quotes = "mapping values" in problem or "cannot start any token" in problem
        hint = "a value that holds `: ` or starts with a sign needs quotes" if quotes else ""
        raise InputError(f"{where}: not YAML: {problem}", hint) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{source}: not YAML: {reason}") from None
    finally:
        if loader is not None:
            loader.dispose()


def _refuse_cycles(node: yaml.Node | None, above: tuple[int, ...], done: set[int]) -> None:
    if isinstance(node, yaml.ScalarNode) or node is None or id(node) in done:
        return
    if id(node) in above:
        raise yaml.MarkedYAMLError(problem="an alias that holds itself", problem_mark=node.start_mark)
    items = [child for pair in node.value for child in pair] if isinstance(node, yaml.MappingNode) else node.value
    for child in items:
        _refuse_cycles(child, (*above, id(node)), done)
    done.add(id(node))


def _walk(node: yaml.Node | None, prefix: str, source: str, lines: dict[str, str], faults: list[Fault]) -> None:
    """Note the line of every key of nested mappings; a key given twice is a fault, not the last one silently."""
    if not isinstance(node, yaml.MappingNode) or prefix.count(".") > 3:  # no recipe key lies deeper
        return
    for key, value in node.value:
        name = f"{prefix}.{key.value}".strip(".")
        where = f"{source}:{key.start_mark.line + 1}"
        if name in lines:
            faults.append(Fault(where, f"{name}: given twice", f"first at {lines[name]}"))
            continue
        lines[name] = where
        _walk(value, name, source, lines, faults)


def value(text: str) -> Any:
    """The value of `--set key=value`: YAML, or the text itself where it is none."""
    try:
        return _parsed(text, "")[1]
    except InputError:
        return text


def text(value: Any) -> str:
    """YAML on one line that `value` reads back to an equal value, whatever signs it holds."""
    line = yaml.dump(value, Dumper=_Dumper, default_flow_style=True, allow_unicode=True, width=2**20)
    return line.removesuffix("\n").removesuffix("\n...")


def dump(tree: Any) -> str:
    """YAML of plain values, one key a line, in the order given."""
    return yaml.dump(tree, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
