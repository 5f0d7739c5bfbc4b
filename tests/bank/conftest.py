"""One finished bank for all tests that only read it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import toy_banks

from ftkit import privacy
from ftkit.bank import making


@pytest.fixture(scope="package", autouse=True)
def _undrawn() -> Iterator[None]:
    """General runs without page and card, which have tests of their own."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("render_run", "render_card"):
            patch.setattr(f"ftkit.runs.saving.{name}", lambda *given: "")
        yield


@pytest.fixture(scope="package")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Made once; nobody may change it."""
    folder = tmp_path_factory.mktemp("bank")
    made, _ = making.make(toy_banks.recipe_for(folder, bank__new_groups=0.3), lambda: _empty(folder / "bank"))
    privacy.hide(False)
    yield made


def _empty(folder: Path) -> Path:
    folder.mkdir()
    return folder
