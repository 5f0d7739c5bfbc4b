"""The toy that most tests of training stand on, built once a module."""

from __future__ import annotations

import pytest
from toy import Toy, build, method_named, with_accelerator


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """LoRA on the last block of the text toy."""
    return build(tmp_path_factory.mktemp("toy"), method_named("lora"))


@pytest.fixture
def toy(built: Toy) -> Toy:
    """The same, with an accelerator of this test's own."""
    return with_accelerator(built)
