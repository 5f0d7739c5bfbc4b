"""What every test stands on: no network, one thread, known seeds, and folders of its own.

Sockets are refused by pytest-socket (see pyproject.toml). What libraries read when they are first
imported is set here at module level, before any test module is loaded.
"""

from __future__ import annotations

import gc
import os
import random
import shutil
import sys
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from drawing import drawn_once, sketched
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent
_HOME = tempfile.mkdtemp(prefix="ftkit-tests-hub-")
os.environ.update(
    HF_HOME=_HOME,  # neither the caches nor the token of whoever runs the tests
    FTKIT_CACHE=f"{_HOME}/ftkit",
    HF_HUB_OFFLINE="1",
    HF_EVALUATE_OFFLINE="1",  # evaluate has a switch of its own
    HF_HUB_DISABLE_PROGRESS_BARS="1",
    HF_HUB_DISABLE_TELEMETRY="1",
    OMP_NUM_THREADS="1",  # two threads that share a busy core spin: up to 9 times slower
    TOKENIZERS_PARALLELISM="false",  # quiet, and safe where a test forks
)
for _name in ("FTKIT_ROWS", "HF_ENDPOINT", "HF_TOKEN"):
    os.environ.pop(_name, None)  # a test that needs one sets it


settings.register_profile("quick", max_examples=30, deadline=None)  # a machine that pauses is no fault of the code
settings.load_profile("quick")


def pytest_collection_finish() -> None:
    """What the libraries have made at import stays; no collection of garbage needs to walk through it again."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure() -> None:
    """Remove the hub cache of this session."""
    shutil.rmtree(_HOME, ignore_errors=True)


def _chromium() -> str | None:
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say once a test why it cannot open a browser here."""
    if _chromium():
        return
    absent = pytest.mark.skip(reason="no Chromium on this machine (Debian: apt-get install chromium)")
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(absent)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Make runs cheap before any fixture of a quick test, of whatever scope, carries one out."""
    if item.get_closest_marker("slow"):
        return (yield)
    with short_baselines(), drawn_once() if item.path.parent.name == "reports" else sketched():
        return (yield)


@contextmanager
def short_baselines() -> Iterator[None]:
    """The model from scratch that runs of pictures, sounds and sensors have beside them learns little."""
    with pytest.MonkeyPatch.context() as patch:
        if "torch" in sys.modules:
            from ftkit.training import scratch

            patch.setattr(scratch, "PASSES", 2)
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_waiting_for_the_disk() -> Iterator[None]:
    """A power cut during a test spoils nothing; what happens where `fsync` fails has tests that fail it themselves."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture(autouse=True)
def _same_start() -> Iterator[None]:
    """Seeds, threads and process-wide settings, for the libraries that are loaded and no others."""
    random.seed(0)
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed(0)
    if torch := sys.modules.get("torch"):
        torch.manual_seed(0)
        torch.set_num_threads(1)
    yield
    if accelerate := sys.modules.get("accelerate.state"):
        accelerate.AcceleratorState._reset_state(True)  # else the next test inherits its precision
    if privacy := sys.modules.get("ftkit.privacy"):
        privacy.hide(False)
    if speaker := sys.modules.get("ftkit.console"):
        speaker.console.mode = "human"


@pytest.fixture
def workdir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, for what writes `runs/`."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def chromium() -> str:
    """The browser's program; tests that use it carry the marker `browser`, which skips them without one."""
    program = _chromium()
    assert program, "mark this test with @pytest.mark.browser"
    return program


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data that lies beside a checkout (or FTKIT_SHARED)."""
    folder = Path(os.environ.get("FTKIT_SHARED", ROOT.parent / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip(f"no real data at {folder}; FTKIT_SHARED may name another folder")
    return folder
