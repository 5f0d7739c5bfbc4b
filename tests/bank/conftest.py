"""One finished bank for all tests that only read it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import toy_banks
from drawing import undrawn

from ftkit import privacy
from ftkit.bank import making


@pytest.fixture(autouse=True)
def _undrawn() -> Iterator[None]:
    """General runs without page and card, which have tests of their own."""
    with undrawn():
        yield


@pytest.fixture(scope="session")  # `package` would mean the same here, and leak a patch into other folders' tests
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made once; nobody may change it."""
    folder = tmp_path_factory.mktemp("bank")
    with undrawn():
        made, _ = making.make(toy_banks.recipe_for(folder, bank__new_groups=0.3), lambda: _empty(folder / "bank"))
    privacy.hide(False)
    return made


def _empty(folder: Path) -> Path:
    folder.mkdir()
    return folder
