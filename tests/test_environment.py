"""Settings and versions."""

from __future__ import annotations

import os
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from fresh import python

from ftkit import environment


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the code under test sets is gone after the test."""
    for name in environment.OFFLINE | environment.QUIET:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


# ---- switches ----


def test_importing_changes_and_loads_nothing() -> None:
    code = (
        "import os, sys; before = dict(os.environ); import ftkit.environment as e, ftkit.hardware as h; "
        "assert dict(os.environ) == before; e.versions(); e.extras(); "
        "h.machine(); h.processors(); h.memory_limit(); h.peak_memory(); h.threads()\n"
        "heavy = {'torch', 'transformers', 'huggingface_hub', 'datasets', 'numpy', 'pandas'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    assert python(code) == "[]"


@pytest.mark.usefixtures("variables")
def test_quiet_leaves_the_users_own_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRANSFORMERS_VERBOSITY", "debug")
    environment.quiet_libraries()
    assert os.environ["TRANSFORMERS_VERBOSITY"] == "debug"
    assert os.environ["HF_HUB_DISABLE_TELEMETRY"] == os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] == "1"
    assert os.environ["TOKENIZERS_PARALLELISM"] == "false"
    assert not environment.offline()


@pytest.mark.usefixtures("variables")
def test_offline_wins_over_the_users_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    assert not environment.offline()
    for name in ("huggingface_hub.constants", "datasets.config", "evaluate.config"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    sys.modules["huggingface_hub.constants"].HF_HUB_OFFLINE = False  # type: ignore[attr-defined]
    sys.modules["datasets.config"].HF_HUB_OFFLINE = False  # type: ignore[attr-defined]
    sys.modules["evaluate.config"].HF_EVALUATE_OFFLINE = False  # type: ignore[attr-defined]
    environment.go_offline()
    assert environment.offline()
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE", "HF_EVALUATE_OFFLINE"):
        assert os.environ[name] == "1"
    assert sys.modules["huggingface_hub.constants"].HF_HUB_OFFLINE is True  # type: ignore[attr-defined]
    assert sys.modules["datasets.config"].HF_HUB_OFFLINE is True  # type: ignore[attr-defined]
    assert sys.modules["evaluate.config"].HF_EVALUATE_OFFLINE is True  # type: ignore[attr-defined]
    assert not hasattr(sys.modules["datasets.config"], "HF_DATASETS_OFFLINE")  # nothing is invented


@pytest.mark.parametrize("order", ["before", "after"])
def test_the_hub_library_sends_nothing_when_offline(order: str) -> None:
    lines = ["from huggingface_hub.utils import get_session", "from ftkit import environment; environment.go_offline()"]
    code = "\n".join(lines if order == "after" else reversed(lines)) + (
        "\nimport socket\n"
        "def refuse(*a, **k): raise SystemExit('a packet was about to be sent')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "from huggingface_hub import model_info\n"
        "from huggingface_hub.errors import OfflineModeIsEnabled\n"
        "try: model_info('org/name')\n"
        "except OfflineModeIsEnabled: print('refused')"
    )
    assert python(code) == "refused"


@pytest.mark.parametrize(("value", "expected"), [("1", True), ("true", True), ("on", True), ("0", False), ("", False)])
@pytest.mark.usefixtures("variables")
def test_offline_reads_what_the_hub_library_reads(monkeypatch: pytest.MonkeyPatch, value: str, expected: bool) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", value)
    assert environment.offline() is expected


# ---- what is installed ----


def test_versions_name_what_a_result_depends_on() -> None:
    found = environment.versions()
    assert found["python"] == sys.version.split()[0]
    assert found["numpy"] == np.__version__
    assert {"torch", "transformers", "peft", "accelerate", "safetensors"} <= set(found)


def _distribution(site: Path, name: str, version: str, metadata: str = "") -> None:
    folder = site / f"{name}-{version}.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{metadata}")


def test_extras_say_whether_all_they_ask_for_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wants = (
        "numpy",
        "here; extra == 'vision'",
        "absent; extra == 'audio'",
        "here; extra == 'audio'",
        "here>=9; extra == 'new'",
        "absent; sys_platform == 'nowhere' and extra == 'elsewhere'",
        "tool[vision]; extra == 'some'",
        "tool[vision,audio]; extra == 'all'",
    )
    extras = ("vision", "audio", "new", "elsewhere", "some", "all")
    lines = [f"Requires-Dist: {want}" for want in wants] + [f"Provides-Extra: {extra}" for extra in extras]
    _distribution(tmp_path, "tool", "1.0", "\n".join(lines) + "\n")
    _distribution(tmp_path, "here", "2.0")
    monkeypatch.syspath_prepend(tmp_path)
    assert environment.extras("tool") == {
        "all": False,
        "audio": False,
        "elsewhere": True,
        "new": False,
        "some": True,
        "vision": True,
    }
    assert environment.extras("no-such-package") == {}
