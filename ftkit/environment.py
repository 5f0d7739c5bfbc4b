"""What surrounds a run: settings of the libraries, and their versions.

Nothing is decided or changed at import, and the libraries asked about are not imported: `go_offline` and
`quiet_libraries` set environment variables, so call them before anything heavy is loaded.
"""

from __future__ import annotations

import os
import platform
import sys
from functools import cache
from pathlib import Path

from ftkit.errors import InputError

OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "HF_EVALUATE_OFFLINE": "1",  # evaluate does not look at HF_HUB_OFFLINE
    "WANDB_MODE": "offline",  # trackers too: --offline sends no packet at all
}
QUIET = {
    "DO_NOT_TRACK": "1",  # honoured by several trackers as well
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",  # transformers obeys it too
    "HF_HUB_DISABLE_UPDATE_CHECK": "1",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_VERBOSITY": "error",
    "DATASETS_VERBOSITY": "error",
    "EVALUATE_VERBOSITY": "error",
    "TRANSFORMERS_VERBOSITY": "error",
    "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
    "OMP_WAIT_POLICY": "PASSIVE",  # threads that wait sleep instead of spinning: 3 times faster on a shared CPU
    "TOKENIZERS_PARALLELISM": "false",  # its threads make a later fork print warnings, or hang
}
_SWITCHES = {  # what each library made of the variables, where it is already imported
    "huggingface_hub.constants": {"HF_HUB_OFFLINE": True, "HF_HUB_DISABLE_TELEMETRY": True},
    "datasets.config": {"HF_HUB_OFFLINE": True, "HF_DATASETS_OFFLINE": True},
    "evaluate.config": {"HF_EVALUATE_OFFLINE": True},
}
_TRUE = {"1", "ON", "YES", "TRUE"}

LIBRARIES = [
    "ftkit",
    "torch",
    "transformers",
    "tokenizers",
    "safetensors",
    "peft",
    "accelerate",
    "datasets",
    "evaluate",
]
LIBRARIES += ["huggingface_hub", "numpy", "pandas", "pyarrow", "scikit-learn", "scipy"]


def quiet_libraries() -> None:
    """No telemetry, update checks, bars or advice of their own, and no spinning; what the user has set stays.

    Call it before torch is imported: it reads these once.
    """
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)


def go_offline() -> None:
    """Forbid every library to use the network, also those that are already imported."""
    quiet_libraries()
    os.environ.update(OFFLINE, DO_NOT_TRACK="1", HF_HUB_DISABLE_TELEMETRY="1")
    for module, switches in _SWITCHES.items():
        for name, value in switches.items():
            if module in sys.modules and hasattr(sys.modules[module], name):
                setattr(sys.modules[module], name, value)


def refuse_many_processes() -> None:
    """Raise where torchrun or accelerate launch has started several processes: each would train on its own."""
    if int(os.environ.get("WORLD_SIZE", "1") or 1) > 1:
        raise InputError("ftkit trains in one process so far", "start it without torchrun or accelerate launch")


def offline() -> bool:
    """Whether the network is forbidden, by `--offline` or by the hub library's own variables."""
    return any(os.environ.get(name, "").upper() in _TRUE for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"))


# ---- what is installed ----


def cache_folder() -> Path:
    """Where the user's caches lie: FTKIT_CACHE, else XDG_CACHE_HOME/ftkit, else ~/.cache/ftkit."""
    own = os.environ.get("FTKIT_CACHE")
    return Path(own or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "ftkit").expanduser()


def versions() -> dict[str, str]:
    """Python and the libraries that a result depends on, read from their metadata."""
    return dict(_versions())


@cache  # a process keeps the libraries that it has loaded, and sixteen files of metadata take 40 ms
def _versions() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def extras(package: str = "ftkit") -> dict[str, bool]:
    """Optional extras of an installed package, and whether everything that each asks for is installed."""
    from importlib.metadata import PackageNotFoundError, metadata, requires

    try:
        names = metadata(package).get_all("Provides-Extra") or []
    except PackageNotFoundError:
        return {}
    return {name: _installed(package, name, requires(package) or []) for name in sorted(names)}


def _installed(package: str, extra: str, lines: list[str]) -> bool:
    from importlib.metadata import PackageNotFoundError, version

    from packaging.requirements import Requirement

    for wanted in map(Requirement, lines):
        marker = wanted.marker
        if marker is None or marker.evaluate({"extra": ""}) or not marker.evaluate({"extra": extra}):
            continue
        if wanted.name == package:  # an extra made of other extras
            if not all(_installed(package, other, lines) for other in wanted.extras):
                return False
            continue
        try:
            if not wanted.specifier.contains(version(wanted.name), prereleases=True):
                return False
        except PackageNotFoundError:
            return False
    return True
