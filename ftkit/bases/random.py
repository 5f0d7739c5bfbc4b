"""Random weights as a base: drawn once for a config and a seed, and kept like any other checkpoint."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ftkit import environment, files
from ftkit.bases import folder as folders
from ftkit.bases import own
from ftkit.bases.base import Base
from ftkit.console import console
from ftkit.errors import InputError

CONFIG = "config.json"


def find(config: str | dict[str, Any], seed: int, beside: Path | None = None) -> Base:
    """The base of that config, its weights drawn with the seed; the same ones each time, also on the same disk later.

    `beside` is a folder whose tokenizer or processor files go with it, where the config is no folder itself.

    Raises InputError for a config that transformers cannot build.
    """
    tree, own = config_of(config)
    beside = own or beside
    kind = tree.get("model_type")
    if not isinstance(kind, str) or not kind:
        raise InputError("base.config: names no model_type", "add model_type, such as bert or vit")
    known = json.dumps([tree, seed, version("torch"), version("transformers"), str(beside or "")], sort_keys=True)
    key = hashlib.sha256(known.encode()).hexdigest()[:32]
    place = environment.cache_folder() / "random" / key
    if not (place / folders.WEIGHTS).is_file():
        try:
            _draw(tree, beside, seed, place)
        except OSError as error:
            raise files.os_error(error, f"writing {place}") from error
    name = f"random weights ({kind})"
    return Base(name, place, "random", folders.digest(folders.weights(place, name)), "random")


def config_of(config: str | dict[str, Any]) -> tuple[dict[str, Any], Path | None]:
    """The keys of a config, and the folder whose tokenizer or processor files go with it."""
    if isinstance(config, dict):
        return config, None
    path = Path(config).expanduser()
    file = path / CONFIG if path.is_dir() else path
    try:
        tree = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        tree = None
    if not isinstance(tree, dict):
        raise InputError(f"base.config: {config}: no config.json can be read there", "give a folder that holds one")
    return tree, file.parent


def _draw(tree: dict[str, Any], beside: Path | None, seed: int, place: Path) -> None:
    """Build the model and write it; another process that does the same writes the same."""
    import torch
    from transformers import AutoConfig, AutoModel
    from transformers.utils import logging

    own.register(tree["model_type"])
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    console.say(f"drawing random weights for a {tree['model_type']}, seed {seed}")
    settings = {name: _tuples(value) for name, value in tree.items() if name not in ("model_type", "architectures")}
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            config = AutoConfig.for_model(tree["model_type"], **settings)
            options: dict[str, Any] = {"dtype": torch.float32, "trust_remote_code": False}
            model = AutoModel.from_config(config, **options)  # type: ignore[no-untyped-call]
    except Exception as error:  # whatever a library makes of keys that do not fit each other
        reason = " ".join(f"{error}".split())[:200]
        raise InputError(f"base.config: transformers cannot build it: {reason}", "mend base.config") from error
    place.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=".drawn-", dir=place.parent))
    try:
        for path in beside.iterdir() if beside else ():
            if path.is_file() and path.suffix in (".json", ".txt", ".model", ".spm") and "index" not in path.name:
                shutil.copy(path, temporary / path.name)
        model.save_pretrained(temporary)
        os.chmod(temporary, 0o755)
        if place.is_dir() and not (place / folders.WEIGHTS).is_file():
            shutil.rmtree(place)  # what a user or a full disk has left of an earlier one
        os.replace(temporary, place)
    except OSError:
        if not (place / folders.WEIGHTS).is_file():  # else somebody was faster
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _tuples(value: Any) -> Any:
    """Lists of a config as tuples: pairs of sizes are compared with those."""
    return tuple(value) if isinstance(value, list) and all(isinstance(one, int) for one in value) else value
