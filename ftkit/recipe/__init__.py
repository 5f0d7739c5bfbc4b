"""The recipe: YAML in, checked blocks out. A run is a function of its recipe, its data and its seed.

Reading a recipe loads no torch. Every fault is found in one pass and names its line.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, StrictBool, field_validator

from ftkit import registry
from ftkit.errors import did_you_mean
from ftkit.methods import Method
from ftkit.recipe import agreement, yaml_text
from ftkit.recipe.bank import Bank
from ftkit.recipe.blocks import Block, Checker, percent
from ftkit.recipe.changes import ENTRIES, changed, put
from ftkit.recipe.curve import Curve
from ftkit.recipe.pace import Pace
from ftkit.recipe.paths import anchor
from ftkit.recipe.random import Random
from ftkit.tasks import Task

Paths = str | list[str]
Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(gt=0, lt=1)]
Text = Annotated[str, BeforeValidator(lambda value: str(value) if type(value) is int else value)]
"""a name from the user's data: 1 is as good as "1" (what YAML takes for a whole number reads the same as text)"""


class Data(Block):
    """Where the rows come from, how files are read, and how rows are split."""

    train: Paths
    """file(s), a folder with one subfolder per label, or a hub data set id"""
    test: Paths | None = None
    """file(s) kept apart for the final score; without it, folds or a held-out fifth"""
    validation: Literal["auto", "none"] | Share | str | list[str] = "auto"
    """auto: folds inside the training rows choose, then fit on all; none: nothing is chosen; or a share; or file(s)"""
    delimiter: Literal["auto", "comma", "semicolon", "tab", "pipe"] = "auto"
    """what separates columns in delimited text"""
    quoting: Literal["auto", "on", "off"] = "auto"
    """whether a double quote opens a quoted cell"""
    header: Literal["auto"] | StrictBool | Count = "auto"
    """whether the first row holds column names, or the number (from 1) of the row that does"""
    encoding: str = "auto"
    """utf-8, utf-16, cp1252, gb18030, … or auto"""
    sheet: str | Count | None = None
    """Excel sheet, by name or number from 1; the fullest when not given"""
    columns: dict[Text, Text] = {}
    """new name: column in the file"""
    path: Text | None = None
    """columns from file names, such as {user}_{execution}_{device}.csv"""
    split: Text | None = None
    """column that holds the official split (train, validation, test)"""
    label_map: dict[Text, Text] = {}
    """label in the file: label to use"""
    unit: Text | None = None
    """column of what hangs together (document, person): split and resampled together"""
    group: Text | None = None
    """column of the user, domain or device that a row belongs to"""
    annotator: Text | None = None
    """column of who labelled the row: differing labels are then no conflict"""
    per_label: Count | None = None
    """draw at most this many training rows of each label"""
    rare: Literal["keep", "drop", "merge"] = "keep"
    """what to do with labels of fewer than `rare_below` training rows"""
    rare_below: int = Field(default=2, ge=2)
    """rows"""
    folds: int | str = "auto"
    """cross-fitting folds; auto: 5 without test rows and below 1,000 rows; 0: hold out a fifth instead; by COLUMN: each
    of its values in turn"""
    split_seed: int = Field(default=0, ge=0)
    """seed of the splits, apart from `seed` so that runs share their test rows"""
    max_bad: Annotated[float, BeforeValidator(percent), Field(ge=0, le=1)] = 0.01
    """share of unusable rows above which nothing is trained"""
    max_chars: int = Field(default=100_000, ge=1)
    """characters; a longer text is an unusable row"""

    @field_validator("folds")
    @classmethod
    def _several(cls, value: int | str) -> int | str:
        known = value == 0 or value >= 2 if isinstance(value, int) else re.fullmatch(r"auto|by\s+\S.*", value)
        if not known:
            raise ValueError("expected auto, 0, at least 2, or by COLUMN")
        return value

    @property
    def left_out(self) -> str | None:
        """The column whose values are left out one by one; None where folds are drawn."""
        return self.folds[2:].strip() if isinstance(self.folds, str) and self.folds != "auto" else None


class Train(Block):
    """How long, how fast and how carefully to train."""

    epochs: Annotated[int, Field(ge=0)] | Literal["auto"] = "auto"
    """passes over the training rows at most; auto: by method"""
    lr: Annotated[float, Field(gt=0)] | Literal["default", "auto"] = "default"
    """peak learning rate; default: by method; auto: the best of three on validation rows"""
    batch: Count | Literal["auto"] = "auto"
    """rows in one optimiser step; auto: 32, and fewer of few rows, so that an epoch has some steps"""
    accumulate: int = Field(default=1, ge=1)
    """parts that a batch is run in, to save memory"""
    warmup: float = Field(default=0.1, ge=0, lt=1)
    """fraction of steps"""
    decay: Literal["linear", "cosine", "none"] = "linear"
    """course of the learning rate after the warm-up"""
    weight_decay: float = Field(default=0.01, ge=0)
    """decoupled, on weight matrices only"""
    clip: float = Field(default=1.0, gt=0)
    """largest gradient norm"""
    patience: Count | Literal["auto"] = "auto"
    """epochs without a better validation score before training stops; auto: 3, and 10 from random weights"""
    augment: list[str] = []
    """random changes of training rows, by task, such as flip or crop; what is scored is never changed"""
    class_weight: Literal["none", "balanced"] = "none"
    """balanced: a row weighs in inverse proportion to its label's count"""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """of training steps; scores are always computed in the precision that the base was loaded in"""
    threads: Count | Literal["auto"] = "auto"
    """of arithmetic; auto: OMP_NUM_THREADS, else one for each core, and one alone where the base's states are narrow; a
    bank trains in as many processes"""
    checkpoint: str = "every 2 minutes"
    """how often the state of training is saved: every N steps, or every N minutes"""
    trackers: list[str] = []
    """experiment trackers by Accelerate's names, such as tensorboard"""

    @field_validator("checkpoint")
    @classmethod
    def _pace(cls, value: str) -> str:
        Pace.parse(value)
        return value


class Evaluate(Block):
    """What is measured on the held-out rows."""

    metrics: list[str] = []
    """names, or paths of one's own; the first is the primary one; empty: by task"""
    slices: list[Text] = []
    """columns whose values get scores of their own"""


class Report(Block):
    """What may be written down."""

    rows: Literal["show", "hide"] = "show"
    """hide: no input, label or group name reaches a report, message or log"""


class Recipe(Block):
    """One experiment, whole."""

    base: str | Random = "minilm"
    """hub id, folder, earlier run, or a packaged name; {config: …} starts from random weights; default: by task"""
    task: Task
    data: Data
    method: Method
    train: Train = Train()
    evaluate: Evaluate = Evaluate()
    curve: Curve = Curve()
    bank: Bank = Bank()
    report: Report = Report()
    seed: int = Field(default=0, ge=0)
    """of training: order of rows, dropout, new weights"""
    seeds: int = Field(default=1, ge=1)
    """repetitions of training, with seed, seed + 1, …"""

    @property
    def start(self) -> str:
        """What messages call the base."""
        return self.base if isinstance(self.base, str) else self.base.kind

    def dump(self) -> dict[str, Any]:
        """Plain values, ready for YAML; parsing them gives an equal recipe."""
        return self._plain(exclude_defaults=False)

    def brief(self) -> dict[str, Any]:
        """The same without what is at its default: how a person would write it."""
        return self._plain(exclude_defaults=True)

    def _plain(self, exclude_defaults: bool) -> dict[str, Any]:
        tree = self.model_dump(mode="json", exclude={"task", "method"}, exclude_defaults=exclude_defaults)
        for key in ENTRIES:
            entry: registry.Entry = getattr(self, key)
            tree[key] = {"name": entry.name} | entry.model_dump(mode="json", exclude_defaults=exclude_defaults)
        tree.setdefault("base", self.model_dump(mode="json", include={"base"})["base"])
        return {key: tree[key] for key in type(self).model_fields if key in tree}

    def replace(self, values: Mapping[str, Any]) -> Self:
        """A copy with dotted keys replaced: `recipe.replace({"train.lr": 1e-3})`."""
        tree = self.dump()
        for key, value in values.items():
            put(tree, key.split("."), value)
        return type(self)(**_blocks(tree, Checker("recipe")))

    def nameless(self) -> Self:
        """A copy that names no label, as it may be shown where rows are hidden."""
        kind = type(self.task)
        named = {f"task.{key}": kind.model_fields[key].default for key in kind.names_labels}
        return self.replace({"data.label_map": {}} | named)

    def to_yaml(self, header: str = "", brief: bool = False) -> str:
        """YAML with one key a line; `header` becomes a comment."""
        comment = "".join(f"# {line}".rstrip() + "\n" for line in header.splitlines())
        printable = "".join(
            sign if sign.isprintable() or sign == "\n" else "\N{REPLACEMENT CHARACTER}" for sign in comment
        )
        return printable + yaml_text.dump(self.brief() if brief else self.dump())


BLOCKS: dict[str, type[Block]] = {
    "data": Data,
    "train": Train,
    "evaluate": Evaluate,
    "curve": Curve,
    "bank": Bank,
    "report": Report,
}


def read(path: Path, changes: Iterable[tuple[str, str]] = ()) -> Recipe:
    """Read a recipe file; `changes` are (dotted key, YAML value) from the command line.

    Raises Faults with every fault of the file and of the changes, each with file and line.
    """
    document = yaml_text.read(path)
    anchor(document.tree, Path(os.path.abspath(path)).parent)
    checker = Checker(str(path), document.lines, list(document.faults))
    return Recipe(**_blocks(changed(document.tree, changes, checker.lines), checker))


def parse(tree: Mapping[str, Any], changes: Iterable[tuple[str, str]] = (), source: str = "command line") -> Recipe:
    """Check a tree of plain values; paths in `changes` are relative to the working folder."""
    checker = Checker(source)
    return Recipe(**_blocks(changed(tree, changes, checker.lines), checker))


def schema() -> dict[str, Any]:
    """The JSON schema of a recipe, with one alternative for each task and method."""
    whole = Recipe.model_json_schema()
    for key, kind in ENTRIES.items():
        names = registry.names(kind)
        choices: list[dict[str, Any]] = [
            {"enum": names, "description": "the name alone, with every key at its default"}
        ]
        for name in names:
            one = registry.load(kind, name).model_json_schema()
            whole.setdefault("$defs", {}).update(one.pop("$defs", {}))
            one["properties"]["name"] = {"const": name, "description": registry.summary(kind, name)}
            one["required"] = sorted({"name", *one.get("required", [])})
            choices.append(one)
        own = {"type": "string", "pattern": r"\.py$", "description": "the path of a Python file of one's own"}
        choices.append({"type": "object", "properties": {"name": own}, "required": ["name"]})
        whole["properties"][key] = {"anyOf": choices, "description": key}
        whole["$defs"].pop(key.title(), None)
    return whole


def _blocks(tree: dict[str, Any], checker: Checker) -> dict[str, Any]:
    """Check every block on its own, so that all faults come at once; a key left empty is at its default."""
    parts: dict[str, Any] = {}
    plain: dict[str, Any] = {}
    for key, value in tree.items():
        if key not in Recipe.model_fields:
            checker.add(str(key), "unknown key", _elsewhere(str(key)) or did_you_mean(str(key), Recipe.model_fields))
        elif key in ENTRIES:
            parts[key] = agreement.entry(key, value, checker)
        elif key in BLOCKS:
            parts[key] = checker.check(BLOCKS[key], {} if value is None else value, key)
        elif key == "base" and isinstance(value, dict):
            parts[key] = checker.check(Random, value, key)
        elif value is not None:
            plain[key] = value
    if isinstance(chosen := parts.get("evaluate"), Evaluate):
        agreement.metrics(chosen.metrics, parts.get("task"), checker)
    if isinstance(task := parts.get("task"), Task) and task.kind == "values":
        agreement.numbers(task, parts, checker)
    if isinstance(train := parts.get("train"), Train) and isinstance(task := parts.get("task"), Task):
        agreement.augment(train.augment, task, checker)
    if "base" not in {*parts, *plain} and isinstance(task := parts.get("task"), Task):
        start = task.default_base
        if not start:
            message = f"base: missing, and {task.name} has none of its own"
            checker.add("", message, f"--base {task.suggested_base}, or the folder of a model")
        parts["base"] = start if isinstance(start, str) else Random(**start)
    for key in ("task", "data", "method"):
        if key not in tree:
            checker.add("", f"{key}: missing", f"add {key}:, or start from `ftkit new`")
    stand_ins = {"task": Task(), "method": Method(), "data": Data(train="-")}
    checked = checker.check(Recipe, stand_ins | plain, "")
    checker.finish()
    return parts | {key: getattr(checked, key) for key in plain}


def _elsewhere(key: str) -> str:
    """A key that stands one level too high."""
    holders = [block for block, model in BLOCKS.items() if key in model.model_fields]
    return f"did you mean {holders[0]}.{key}?" if holders else ""
