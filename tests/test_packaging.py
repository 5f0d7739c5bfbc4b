"""The project's own files: what is installed, pinned and shipped."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
IMPORTED_AS = {"scikit-learn": "sklearn", "pyyaml": "yaml", "vl-convert-python": "vl_convert"}


def pins() -> dict[str, str]:
    """Package: version, from constraints.txt."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pairs}


def required() -> list[Requirement]:
    """All that pyproject.toml asks for, extras included."""
    extras = [line for lines in PROJECT["optional-dependencies"].values() for line in lines]
    found = [Requirement(line) for line in [*PROJECT["dependencies"], *extras]]
    return [one for one in found if one.name != PROJECT["name"]]  # an extra may be made of others


def test_every_requirement_is_pinned_within_its_bounds() -> None:
    found = required()
    assert len(found) > 25
    for requirement in found:
        if requirement.name == "ftkit":  # an extra made of other extras
            continue
        version = pins().get(canonicalize_name(requirement.name))
        assert version, f"{requirement.name} is not in constraints.txt"
        assert requirement.specifier.contains(version), f"{requirement} leaves out the tested {version}"


def test_every_dependency_is_used() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "ftkit").rglob("*.py"))
    names = [Requirement(line).name for line in PROJECT["dependencies"]]
    assert len(names) > 15
    modules = {name: IMPORTED_AS.get(name, name) for name in names if name != "openpyxl"}  # pandas imports that one
    unused = [name for name, module in modules.items() if not re.search(rf"\b(import|from) {module}\b", code)]
    assert unused == [], "a dependency earns its place by being used"


def test_every_install_is_constrained() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    installs = [line for line in makefile.splitlines() if re.search(r"pip install|\$\(PIP\)", line)]
    assert len(installs) >= 3
    assert all("-c constraints.txt" in line or "$(PIP)" in line for line in installs)


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the checkout and unpacked."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


@pytest.mark.parametrize(("source", "target"), [("ftkit", "ftkit"), ("recipes", "ftkit/_recipes")])
def test_the_wheel_holds_everything(unpacked: Path, source: str, target: str) -> None:
    files = [path.relative_to(ROOT / source) for path in (ROOT / source).rglob("*") if path.is_file()]
    wanted = {path for path in files if "__pycache__" not in path.parts}
    assert len(wanted) >= 3
    assert {path for path in wanted if not (unpacked / target / path).is_file()} == set()


def test_the_example_comes_with_the_wheel(unpacked: Path, tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(unpacked)}
    command = [sys.executable, "-m", "ftkit", "new", "--example", "quickstart"]
    made = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)
    assert made.returncode == 0, made.stderr
    assert list((tmp_path / "quickstart").glob("*.csv"))
    assert (tmp_path / "quickstart" / "support.yaml").is_file()
