"""Recipes and example data that come with ftkit: at the top of a checkout, inside the package of a wheel."""

from __future__ import annotations

from pathlib import Path

from ftkit.errors import FtkitError

PACKAGE = Path(__file__).resolve().parent.parent
EXAMPLE = "support_messages.csv"


def root() -> Path:
    """The folder of recipes, which also holds `data`."""
    inside, beside = PACKAGE / "_recipes", PACKAGE.parent / "recipes"
    if inside.is_dir():
        return inside
    # in site-packages a folder named recipes would be somebody else's
    if beside.is_dir() and (PACKAGE.parent / "pyproject.toml").is_file():
        return beside
    raise FtkitError("the shipped recipes are missing from this installation", "pip install --force-reinstall ftkit")


def recipes() -> dict[str, Path]:
    """`<task>/<method>` -> file, sorted."""
    return {f"{path.parent.name}/{path.stem}": path for path in sorted(root().glob("*/*.yaml"))}


def example_data() -> Path:
    """About 400 support messages in 8 labels, with a column of teams."""
    return root() / "data" / EXAMPLE


def summary(path: Path) -> str:
    """What a recipe is for: the first line of its header comment."""
    first = path.read_text(encoding="utf-8").partition("\n")[0]
    return first.lstrip("# ").rstrip() if first.startswith("#") else ""
