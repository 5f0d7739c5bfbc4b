"""What tests of tasks whose rows are files share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ftkit import registry


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache that no other test has filled."""
    monkeypatch.setenv("FTKIT_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def toy(tmp_path: Path, request: pytest.FixtureRequest) -> dict[str, Any]:
    """The recipe of the toy of the module's TASK, its head alone."""
    recipe: dict[str, Any] = registry.load("tasks", request.module.TASK.name).toy(tmp_path)
    return recipe | {"method": "head"}
