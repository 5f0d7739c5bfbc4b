"""Options that several verbs share: written once here, and added to the signature of each verb that asks.

A verb asks with the annotation of a parameter: `changes: Changes` stands for all shortcuts, `trail: Trail` for no
option at all. The four common options are added to every verb.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, get_args

import typer

from ftkit.cli._trail import Trail
from ftkit.errors import InputError


@dataclass(frozen=True)
class Shared:
    """Marks a parameter that is made from the options of another function."""

    make: Callable[..., Any]


def shortcuts(
    base: Annotated[str | None, typer.Option(metavar="NAME", help="Hub id, folder, run, or minilm.")] = None,
    task: Annotated[str | None, typer.Option(metavar="NAME", help="What is predicted: see ftkit list tasks.")] = None,
    method: Annotated[
        str | None, typer.Option(metavar="NAME", help="Which weights move: see ftkit list methods.")
    ] = None,
    text: Annotated[list[str] | None, typer.Option(metavar="COL", help="Column of the text; may be repeated.")] = None,
    label: Annotated[
        list[str] | None, typer.Option(metavar="COL", help="Column of the label; repeated for 0/1 columns.")
    ] = None,
    test: Annotated[
        list[str] | None, typer.Option(metavar="FILE", help="Rows kept apart for the score; may be repeated.")
    ] = None,
    unit: Annotated[str | None, typer.Option(metavar="COL", help="Column of what hangs together.")] = None,
    epochs: Annotated[int | None, typer.Option(min=0, metavar="N", help="Passes over the rows at most.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, metavar="N", help="Of the training.")] = None,
    seeds: Annotated[int | None, typer.Option(min=1, metavar="N", help="Repetitions, with seeds of their own.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Any recipe key, as in train.lr=1e-3.")
    ] = None,
) -> list[tuple[str, str]]:
    """The options as changes to a recipe: (dotted key, YAML)."""
    from ftkit.recipe import yaml_text

    values = {
        "base": base,
        "task.name": task,
        "method.name": method,
        "task.text": _one(text),
        "task.label": _one(label),
        "data.test": _one(test),
        "data.unit": unit,
        "train.epochs": epochs,
        "seed": seed,
        "seeds": seeds,
    }
    changes = [(key, yaml_text.text(value)) for key, value in values.items() if value is not None]
    return changes + _pairs(set_, "train.lr=1e-3")


def curve(
    curve: Annotated[
        bool, typer.Option("--curve", help="Train on growing shares too: what would more labels buy?")
    ] = False,
) -> list[tuple[str, str]]:
    """The option as changes to a recipe: (dotted key, YAML)."""
    return [("curve.points", "6")] if curve else []


def reading(
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="How to read FILE: data.encoding=cp1252.")
    ] = None,
) -> list[tuple[str, str]]:
    """The options as changes to how a finished run reads a file: (dotted key, YAML)."""
    return _pairs(set_, "data.encoding=cp1252")


def _pairs(items: list[str] | None, example: str) -> list[tuple[str, str]]:
    pairs = []
    for item in items or []:
        key, sign, value = item.partition("=")
        if not sign or not all(key.strip().split(".")):
            raise InputError(f"--set {item}: expected KEY=VALUE", f"such as --set {example}")
        pairs.append((key.strip(), value))
    return pairs


def _one(values: list[str] | None) -> str | list[str] | None:
    """An option given once is a value, given again a list."""
    return values[0] if values and len(values) == 1 else values or None


Changes = Annotated[list[tuple[str, str]], Shared(shortcuts)]
Reading = Annotated[list[tuple[str, str]], Shared(reading)]
Target = Annotated[str, typer.Argument(metavar="RECIPE-or-DATA", help="A recipe, its shipped name, or data.")]
File = Annotated[str, typer.Argument(metavar="FILE", help="A table: file, folder or hub id.")]
Force = Annotated[bool, typer.Option("--force", help="Replace what is there already.")]
Profile = Annotated[bool, typer.Option("--profile", help="Write where the time went (profile.json, .html).")]

Curve = Annotated[list[tuple[str, str]], Shared(curve)]


def where(default: str) -> Any:
    """The option `--out`, which every verb that writes has, with its own default."""
    return typer.Option("--out", metavar="PATH", help=f"Where to write, if not to {default}.")


@dataclass(frozen=True)
class Bound:
    """A verb with its options parsed, not yet run."""

    command: Callable[..., int | None]
    offline: bool
    options: dict[str, Any]
    shared: Mapping[str, Callable[[], Any]]
    trail: str | None
    """name of the parameter that takes the trail"""

    def run(self, trail: Trail) -> int:
        """Run it and return its exit code."""
        trail.logged = self.trail is not None
        extra = {self.trail: trail} if self.trail else {}
        return self.command(**self.options, **{name: make() for name, make in self.shared.items()}, **extra) or 0


def common(
    json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Results and errors only.")] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Send no packet at all.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> bool:
    """Options of every verb; `main` has looked at the others itself."""
    return offline


def deferred(command: Callable[..., int | None]) -> Callable[..., Bound]:
    """A function with all options of the verb in its signature, which returns the verb ready to run."""
    own: list[inspect.Parameter] = []
    groups: dict[str, Shared] = {}
    trail: str | None = None
    for parameter in inspect.signature(command, eval_str=True).parameters.values():
        marks = [mark for mark in get_args(parameter.annotation)[1:] if isinstance(mark, Shared)]
        if marks:
            groups[parameter.name] = marks[0]
        elif parameter.annotation is Trail:
            trail = parameter.name
        else:
            own.append(parameter)
    taken = {name: _parameters(group.make) for name, group in groups.items()}
    always = _parameters(common)

    @functools.wraps(command)
    def bind(**options: Any) -> Bound:
        shared = {}
        for name, parameters in taken.items():
            given = {parameter.name: options.pop(parameter.name) for parameter in parameters}
            shared[name] = functools.partial(groups[name].make, **given)
        offline = common(**{parameter.name: options.pop(parameter.name) for parameter in always})
        return Bound(command, offline, options, shared, trail)

    everything = [*own, *(parameter for group in taken.values() for parameter in group), *always]
    everything = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in everything]
    bind.__signature__ = inspect.Signature(everything)  # type: ignore[attr-defined]  # what typer reads
    bind.__annotations__ = {parameter.name: parameter.annotation for parameter in everything}
    return bind


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    return list(inspect.signature(function, eval_str=True).parameters.values())
