"""What holds the package together: which way imports point, what `--help` may load, who may write to the terminal."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "ftkit"

# From the ground up. `x.` means all modules inside the folder; a name alone is that module only, so the bases of
# tasks, methods and metrics (their `__init__`) lie below the recipe, which is made of them.
LAYERS = [
    ["ftkit", "ftkit.errors", "ftkit.verbs", "ftkit.search"],
    ["ftkit.privacy"],
    ["ftkit.files", "ftkit.environment", "ftkit.hardware"],
    ["ftkit.locks", "ftkit.folders"],
    ["ftkit.console", "ftkit.failures", "ftkit.runs", "ftkit.runs.log", "ftkit.registry", "ftkit.recipe.shipped"],
    [
        *(
            f"ftkit.recipe.{name}"
            for name in ("yaml_text", "blocks", "paths", "changes", "pace", "curve", "random", "bank")
        ),
        "ftkit.verbs.naming",
    ],
    ["ftkit.tasks", "ftkit.methods", "ftkit.metrics", "ftkit.bases", "ftkit.bases."],
    ["ftkit.recipe.agreement"],
    ["ftkit.recipe"],
    ["ftkit.data", "ftkit.data.", "ftkit.runs.masking", "ftkit.runs.trained"],
    ["ftkit.metrics.", "ftkit.statistics", "ftkit.statistics."],
    ["ftkit.comparison", "ftkit.comparison."],
    ["ftkit.tasks."],
    ["ftkit.models.architecture", "ftkit.models"],
    ["ftkit.methods.", "ftkit.features", "ftkit.features."],
    ["ftkit.models."],
    ["ftkit.search.ladder"],
    ["ftkit.training", "ftkit.training."],
    ["ftkit.reports", "ftkit.reports."],
    ["ftkit.runs."],
    ["ftkit.verbs.reading"],
    ["ftkit.pipeline", *(f"ftkit.verbs.{name}" for name in ("checking", "scoring", "evaluating", "predicting"))],
    ["ftkit.bank", "ftkit.bank."],
    [f"ftkit.search.{name}" for name in ("combinations", "sweep", "gathering", "table", "formats")],
    [f"ftkit.verbs.{name}" for name in ("inferring", "starting", "sweeping", "beginning", "listing", "doctoring")],
    ["ftkit.verbs.comparing", "ftkit.verbs.crossing", "ftkit.verbs.adapting", "ftkit.verbs.banking"],
    ["ftkit.verbs.tending"],
    ["ftkit.cli", "ftkit.cli.", "ftkit.__main__"],
]
HEAVY = {"torch", "transformers", "peft", "accelerate", "datasets", "evaluate", "sklearn", "scipy", "pandas"}
LIGHT = ["ftkit.cli", "ftkit.cli.", *(name for layer in LAYERS[:8] for name in layer if not name.endswith("bases."))]


def modules() -> dict[str, ast.Module]:
    """Every module of the package, parsed."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        found[name] = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    assert len(found) > 40
    return found


MODULES = modules()


def nodes(tree: ast.AST, everywhere: bool = True) -> Iterator[ast.AST]:
    """All nodes, those that only a type checker sees left out; without the bodies of functions if not `everywhere`."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in dotted(node.test):
            continue
        if not everywhere and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        yield node
        yield from nodes(node, everywhere)


def dotted(node: ast.AST) -> str:
    """A name as it is written, `sys.stdout.write`; nothing for any other expression."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def imported(tree: ast.AST, everywhere: bool = True) -> set[str]:
    """Full names of what is imported; `from a import b` counts as `a.b` where that is a module of ours."""
    found = set()
    for node in nodes(tree, everywhere):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            inside = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else str(node.module) for name in inside}
    return found


def matches(name: str, entry: str) -> bool:
    return name.startswith(entry) if entry.endswith(".") else name == entry


def layer(name: str) -> int:
    """The layer of a module: an entry with its own name counts before that of its folder."""
    exact = [i for i, entries in enumerate(LAYERS) if name in entries]
    inside = [i for i, entries in enumerate(LAYERS) if any(matches(name, entry) for entry in entries)]
    assert exact or inside, f"{name} has no place in LAYERS: say which modules it may import"
    return (exact or inside)[0]


def wrong_ways(graph: dict[str, set[str]]) -> list[str]:
    return [f"{a} → {b}" for a, targets in graph.items() for b in sorted(targets) if layer(b) > layer(a)]


def cycle(graph: dict[str, set[str]]) -> list[str]:
    """Modules that import each other in a ring, if there are any."""
    done: set[str] = set()

    def visit(name: str, path: list[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done:
            return []
        for target in sorted(graph.get(name, ())):
            if found := visit(target, [*path, name]):
                return found
        done.add(name)
        return []

    return next(filter(None, (visit(name, []) for name in sorted(graph))), [])


def uses(name: str) -> set[str]:
    """Modules of ours that a module needs. A folder may fetch its own files when a function is called."""
    lazily = {other for other in imported(MODULES[name]) if not other.startswith(f"{name}.")}
    return {other for other in imported(MODULES[name], everywhere=False) | lazily if other in MODULES and other != name}


GRAPH = {name: uses(name) for name in MODULES}


def test_imports_point_one_way() -> None:
    assert wrong_ways(GRAPH) == []
    assert sum(map(len, GRAPH.values())) > 100


def test_no_module_needs_itself() -> None:
    assert cycle(GRAPH) == []


def test_the_guards_above_can_fail() -> None:
    assert wrong_ways({"ftkit.errors": {"ftkit.recipe"}, "ftkit.cli.train": {"ftkit.recipe"}}) == [
        "ftkit.errors → ftkit.recipe"
    ]
    assert cycle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    with pytest.raises(AssertionError, match="no place in LAYERS"):
        layer("ftkit.nowhere")


def test_light_modules_import_no_heavy_library_at_module_level() -> None:
    light = [name for name in MODULES if any(matches(name, entry) for entry in LIGHT)]
    assert len(light) > 20
    found = {
        name: {top.partition(".")[0] for top in imported(MODULES[name], everywhere=False)} & HEAVY for name in light
    }
    assert {name: heavy for name, heavy in found.items() if heavy} == {}


def test_nobody_imports_click() -> None:
    """Typer has a private copy; an exception of the real click would end as a traceback."""
    paths = [path for folder in ("ftkit", "tests") for path in sorted((ROOT / folder).rglob("*.py"))]
    assert len(paths) > 50
    pattern = re.compile(r"^\s*(import|from)\s+click\b", re.MULTILINE)
    assert pattern.search("    from click import Exit")
    assert [path for path in paths if pattern.search(path.read_text(encoding="utf-8"))] == []


def test_only_the_console_writes_to_the_terminal() -> None:
    for name, tree in MODULES.items():
        for node in nodes(tree):
            called = dotted(node.func) if isinstance(node, ast.Call) else ""
            assert called not in ("print", "typer.echo", "typer.secho"), name
            if called in ("sys.stdout.write", "sys.stderr.write"):
                assert name == "ftkit.console", name


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)


def loaded_by(arguments: list[str], folder: Path) -> tuple[int, set[str]]:
    """Exit code of a command and the top-level packages that it loaded, from a process of its own."""
    code = (
        f"import os, sys; os.chdir({str(folder)!r}); from ftkit.cli import main; code = main({arguments!r});"
        "sys.stderr.write('\\nLOADED ' + ' '.join({name.partition('.')[0] for name in sys.modules})); sys.exit(code)"
    )
    done = run(code)
    assert "LOADED" in done.stderr, done.stderr
    return done.returncode, set(done.stderr.rpartition("LOADED ")[2].split())


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["train", "--help"], ["nonsense"]])
def test_help_loads_next_to_nothing(arguments: list[str], tmp_path: Path) -> None:
    code, loaded = loaded_by(arguments, tmp_path)
    assert code == (0 if arguments[-1].startswith("--") else 2)
    assert not loaded & (HEAVY | {"numpy", "yaml", "rich", "jinja2", "huggingface_hub"})
    if arguments[0].startswith("--"):  # typer itself needs pydantic once there are values to check
        assert "pydantic" not in loaded
    assert "typer" in loaded  # else this test looks at nothing


@pytest.mark.parametrize(
    "recipe",
    [
        "base: minilm\ntask: text_classification\nmethod: {name: lora, rnak: 3}\ndata: {train: a.csv}\n",
        "method: [",
    ],
)
def test_checking_a_faulty_recipe_loads_no_torch(recipe: str, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(recipe)
    code, loaded = loaded_by(["check", "bad.yaml"], tmp_path)
    assert code == 2
    assert not loaded & HEAVY
    assert "yaml" in loaded


def test_a_sweep_with_a_fault_loads_no_torch(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text("task: text_classification\nmethod: lora\ndata: {train: a.csv}\n")
    code, loaded = loaded_by(["train", "good.yaml", "--vary", "method.rank=4,8", "--vary", "seed=1,x"], tmp_path)
    assert code == 2
    assert not loaded & HEAVY
    assert "yaml" in loaded


def test_a_good_recipe_is_read_without_torch(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text("task: text_classification\nmethod: lora\ndata: {train: a.csv}\n")
    code, loaded = loaded_by(["new", "good.yaml"], tmp_path)
    assert code == 0 and (tmp_path / "recipe.yaml").is_file()
    assert not loaded & HEAVY


def test_importing_the_package_loads_nothing() -> None:
    done = run(
        "import sys; before = set(sys.modules); import ftkit; print(ftkit.__version__, set(sys.modules) - before)"
    )
    version, _, new = done.stdout.strip().partition(" ")
    assert version.count(".") == 2
    assert "torch" not in new and "typer" not in new and "pydantic" not in new


def test_the_public_names_are_offered_and_not_hidden_by_a_module() -> None:
    import ftkit

    assert len(ftkit._OFFERED) >= 4
    for name, module in ftkit._OFFERED.items():
        assert not (PACKAGE / f"{name}.py").exists() and not (PACKAGE / name).exists(), "a submodule would hide it"
        assert name in dir(ftkit)
        defined = {node.name for node in MODULES[module].body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        assert name in defined
    assert ftkit.Recipe.__name__ == "Recipe"
    with pytest.raises(AttributeError, match="nonsense"):
        ftkit.nonsense  # noqa: B018


def test_the_version_is_stated_once_for_all() -> None:
    import tomllib

    import ftkit

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project.get("version", ftkit.__version__) == ftkit.__version__
    assert project["scripts"]["ftkit"] == "ftkit.cli:main"
