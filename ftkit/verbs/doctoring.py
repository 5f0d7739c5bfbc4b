"""What this machine offers, for `ftkit doctor`: facts, and one thing to type for whatever is missing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ftkit import environment, hardware
from ftkit.errors import FtkitError
from ftkit.privacy import hidden


def diagnose() -> dict[str, Any]:
    """Device, memory, hub, caches, bases, extras and versions as a document. Loads torch."""
    return {
        "machine": hardware.machine(),
        "device": _device(),
        "threads": hardware.threads(),
        "memory_bytes": hardware.memory_limit(),
        "hub": _hub(),
        "bases": _bases(),
        "caches": [_cache(name, folder) for name, folder in _caches().items()],
        "activations": _activations(),
        "extras": environment.extras(),
        "versions": environment.versions(),
        "rows": "hide" if hidden() else "show",
    }


def _device() -> dict[str, Any]:
    try:
        return hardware.device_summary()
    except (ImportError, OSError, RuntimeError) as error:  # a broken install or driver is what a doctor is asked about
        return {"device": None, "problem": " ".join(str(error).split())[:200]}


def _hub() -> dict[str, Any]:
    """Whether the hub answers; nothing is sent where the network is off."""
    if environment.offline():
        return {"reachable": None, "address": None, "offline": True}
    from ftkit.bases import hub

    reached, address = hub.answers()
    return {"reachable": reached, "address": address, "offline": False}


def _bases() -> dict[str, str]:
    """Packaged bases, and what is wrong with each ("" for nothing)."""
    from ftkit.bases import packaged

    found = {}
    for name in packaged.PACKAGED:
        try:
            packaged.find(name)
            found[name] = ""
        except FtkitError as error:
            found[name] = f"{error.message} → {error.hint}"
    return found


def _caches() -> dict[str, Path]:
    """Where the libraries keep what they fetched, by their own variables."""
    home = Path(os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")) / "huggingface")
    places = {"models": ("HF_HUB_CACHE", "hub"), "datasets": ("HF_DATASETS_CACHE", "datasets")}
    chosen = {name: os.environ.get(variable) or home / folder for name, (variable, folder) in places.items()}
    return {name: Path(folder).expanduser() for name, folder in chosen.items()}


def _cache(name: str, folder: Path) -> dict[str, Any]:
    size = 0
    for place, _, names in os.walk(folder):
        for file in names:
            path = os.path.join(place, file)
            size += 0 if os.path.islink(path) else os.lstat(path).st_size
    return {"name": name, "folder": str(folder), "bytes": size}


def _activations() -> dict[str, Any]:
    """What frozen layers have said of rows, kept for later runs."""
    from ftkit.features import cache

    kept = cache.Cache.default()
    files, size = cache.entries(kept.root)
    return {"folder": str(kept.root), "files": files, "bytes": size, "limit_bytes": kept.limit}


def clear_activations() -> dict[str, Any]:
    """Delete them; a run that is under way goes on with what it has open."""
    from ftkit.features import cache

    return {"folder": str(environment.cache_folder()), "freed_bytes": cache.clear()}


def cleared(found: dict[str, Any]) -> str:
    """The same for people."""
    return f"{found['folder']}: {_size(found['freed_bytes'])} of activations and decoded files deleted"


def _activations_text(found: dict[str, Any]) -> str:
    size = f"{_size(found['bytes'])} of at most {_size(found['limit_bytes'])} in {found['folder']}"
    return f"{size} (ftkit doctor --clear-cache deletes them)" if found["files"] else size


def text(found: dict[str, Any]) -> str:
    """The document for people: a line for each thing."""
    rows = [
        ("machine", found["machine"]),
        ("device", _device_text(found["device"])),
        ("threads", str(found["threads"])),
        ("memory", _size(found["memory_bytes"])),
        ("hub", _hub_text(found["hub"])),
        *((f"base {name}", problem or "ready") for name, problem in found["bases"].items()),
        *((f"{cache['name']} cached", f"{_size(cache['bytes'])} in {cache['folder']}") for cache in found["caches"]),
        ("activations", _activations_text(found["activations"])),
        *((f"extra {name}", _extra(name, there)) for name, there in found["extras"].items()),
        ("rows", "hidden in reports and messages" if found["rows"] == "hide" else "shown in reports"),
        *((name, version) for name, version in found["versions"].items()),
    ]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:{width}}  {value}" for name, value in rows)


def _device_text(device: dict[str, Any]) -> str:
    if device["device"] is None:
        return f"torch does not work: {device['problem']} → pip install --force-reinstall torch"
    precision = "fp32, and bf16 in hardware" if device["bf16"] else "fp32"
    if device["device"] == "cpu":
        return f"cpu, {precision}"
    count = f"{device['count']} × " if device["count"] > 1 else ""
    return f"{device['device']}, {count}{device['name']}, {_size(device['memory_bytes'])}, {precision}"


def _hub_text(hub: dict[str, Any]) -> str:
    if hub["offline"]:
        return "not asked: the network is off"
    return f"{hub['address']} " + ("answers" if hub["reachable"] else "cannot be reached → ftkit … --offline")


def _extra(name: str, there: bool) -> str:
    return "installed" if there else f"not installed → pip install 'ftkit[{name}]'"


def _size(count: int) -> str:
    value = float(count)
    for unit in ("B", "KiB", "MiB"):
        if value < 1024:
            return f"{value:.0f} {unit}"
        value /= 1024
    return f"{value:.1f} GiB"
