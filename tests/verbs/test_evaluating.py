"""Where an evaluation is kept."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from ftkit.errors import InputError
from ftkit.verbs import scoring


def test_a_run_that_cannot_be_written_is_to_be_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, *_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(InputError, match="read-only") as caught:
        scoring._make(Path("my runs/a/evaluations/0123"))
    assert caught.value.hint.startswith("cp -r 'my runs/a' ") and "--out" not in caught.value.hint
