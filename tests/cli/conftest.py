"""A command in this process, and stand-ins for what the verbs call."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ftkit.cli import main


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.out)

    @property
    def errors(self) -> list[str]:
        """Lines that start with `error:`."""
        return [line.removeprefix("error: ") for line in self.err.splitlines() if line.startswith("error: ")]


Run = Callable[..., Outcome]


@pytest.fixture
def ftk(workdir: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command in an empty working folder."""

    def _run(*words: object) -> Outcome:
        capsys.readouterr()
        code = main([str(word) for word in words])
        out, err = capsys.readouterr()
        assert "Traceback" not in err or "--debug" in words
        return Outcome(code, out, err)

    return _run


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Callable[..., ModuleType]:
    """Put a module with the given functions in the place of `ftkit.<name>`, which would load torch."""

    def _put(name: str, **functions: Any) -> ModuleType:
        package, _, last = f"ftkit.{name}".rpartition(".")
        module = ModuleType(f"ftkit.{name}")
        vars(module).update(functions)
        monkeypatch.setitem(sys.modules, f"ftkit.{name}", module)
        monkeypatch.setattr(import_module(package), last, module, raising=False)
        return module

    return _put


@pytest.fixture
def table(workdir: Path) -> Path:
    """A small table of labelled texts."""
    words = ["the parcel is late again", "please reset my password", "what a lovely service", "the invoice is wrong"]
    rows = [f"{words[i % 4]} number {i},{'abcd'[i % 4]},user{i % 5}" for i in range(40)]
    path = workdir / "rows.csv"
    path.write_text("\n".join(["message,topic,user", *rows]) + "\n", encoding="utf-8")
    return path


REPORT: dict[str, Any] = {
    "schema": 1,
    "status": "complete",
    "name": "rows-1",
    "task": "text_classification",
    "kind": "label",
    "method": "lora",
    "labels": ["a", "b"],
    "primary": "accuracy",
    "procedure": "held_out",
    "folds": 0,
    "verdict": {"sentence": "The adapted model is better.", "details": [], "outcome": "better", "metric": "accuracy"},
    "scores": {"test": {"accuracy": {"value": 0.9, "low": 0.8, "high": 0.95}}},
    "baselines": {},
    "data": {"findings": []},
}


@pytest.fixture
def pipeline(stand_in: Callable[..., ModuleType]) -> list[tuple[Any, Path, str]]:
    """A pipeline that writes a report and no weights; gives the calls that it got."""
    calls: list[tuple[Any, Path, str]] = []

    def run(
        recipe: Any, claim: Callable[[], Path], command: str = "", profile: bool = False
    ) -> tuple[Path, dict[str, Any]]:
        folder = claim()
        calls.append((recipe, folder, command))
        (folder / "status").write_text("complete")
        (folder / "report.json").write_text(json.dumps(REPORT | {"name": folder.name}))
        (folder / "checkpoints").mkdir()
        (folder / "checkpoints" / "step-1").write_text("weights")
        return folder, REPORT | {"name": folder.name}

    stand_in("pipeline", run=run)
    return calls
