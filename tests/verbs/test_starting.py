"""What a target may be, and what a recipe's files are; names of what is written; what ships."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ftkit import folders, privacy, registry
from ftkit.errors import InputError
from ftkit.recipe import parse, read, shipped
from ftkit.verbs import naming, starting


def recipe(train: Any = "x.csv", **data: Any) -> Any:
    return parse({"task": "text_classification", "method": "lora", "data": {"train": train} | data})


# ---- targets ----


def test_a_yaml_file_is_a_recipe_whether_or_not_it_is_there(workdir: Path) -> None:
    assert starting.recipe_file("a/b.yaml") == Path("a/b.yaml")
    assert starting.recipe_file("B.YML") == Path("B.YML")
    with pytest.raises(InputError, match="no such file"):
        starting.recipe_for("a/b.yaml", [])


def test_a_shipped_name_is_a_recipe_unless_a_file_has_it(workdir: Path) -> None:
    assert starting.recipe_file("text_classification/lora") == shipped.recipes()["text_classification/lora"]
    (workdir / "text_classification" / "lora").mkdir(parents=True)
    assert starting.recipe_file("text_classification/lora") is None


def test_a_run_is_no_data_and_the_hint_says_how_to_repeat_it(workdir: Path) -> None:
    run = workdir / "my run"
    run.mkdir()
    (run / "status").write_text("partial\n")
    assert folders.is_run(run)
    (run / "recipe.yaml").write_text("")
    with pytest.raises(InputError, match="is a run, not data") as caught:
        starting.recipe_file("my run")
    again = "ftkit train 'my run/recipe.yaml' repeats it"
    assert caught.value.hint == f"ftkit train 'my run' --resume goes on; {again}"
    (run / "status").write_text("complete\n")
    with pytest.raises(InputError, match="is a run, not data") as caught:
        starting.recipe_file("my run")
    assert caught.value.hint == again


def test_a_misspelt_shipped_name_is_not_taken_for_a_hub_id(workdir: Path) -> None:
    with pytest.raises(InputError) as caught:
        starting.recipe_file("text_classification/lroa")
    assert caught.value.hint == "did you mean text_classification/lora?"


@pytest.mark.parametrize("target", ["rows.csv", "org/name", "folder", "name"])
def test_everything_else_is_data(target: str, workdir: Path) -> None:
    (workdir / "folder").mkdir()
    assert starting.recipe_file(target) is None


def test_a_run_is_not_data(workdir: Path) -> None:
    (workdir / "runs" / "a").mkdir(parents=True)
    (workdir / "runs" / "a" / "recipe.yaml").write_text("base: minilm")
    with pytest.raises(InputError, match="is a run") as caught:
        starting.recipe_file("runs/a")
    assert "runs/a/recipe.yaml" in caught.value.hint


def test_a_recipe_can_hide_rows_and_cannot_show_them(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = workdir / "r.yaml"
    path.write_text("task: text_classification\nmethod: head\ndata: {train: a.csv}\nreport: {rows: hide}\n")
    starting.recipe_for(str(path), [])
    assert privacy.hidden()
    monkeypatch.setenv("FTKIT_ROWS", "hide")
    starting.recipe_for(str(path), [("report.rows", "show")])
    assert privacy.hidden()


def test_the_files_behind_a_recipe() -> None:
    one = recipe(["a.csv", "b.csv"], test="c.csv", validation="d.csv")
    assert [Path(name).name for name in starting.sources("r.yaml", one)] == [
        "r.yaml",
        "a.csv",
        "b.csv",
        "c.csv",
        "d.csv",
    ]
    assert [Path(name).name for name in starting.sources("a.csv", recipe("a.csv"))] == ["a.csv"]
    assert starting.sources("org/name", recipe("org/name", validation=0.2)) == ["org/name"]


def test_train_from_python(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys
    from types import ModuleType

    import ftkit

    module = ModuleType("ftkit.pipeline")
    vars(module)["run"] = lambda recipe, claim, *_: (claim(), {"seed": recipe.seed, "label": recipe.task.label})
    monkeypatch.setitem(sys.modules, "ftkit.pipeline", module)
    monkeypatch.setattr(ftkit, "pipeline", module, raising=False)
    (workdir / "r.yaml").write_text("task: text_classification\nmethod: head\ndata: {train: a.csv}\n")
    folder, report = ftkit.train(workdir / "r.yaml", out="mine", changes={"seed": 4, "task.label": "no"})
    assert folder == Path("mine") and folder.is_dir() and report == {"seed": 4, "label": "no"}


# ---- names ----


@pytest.mark.parametrize(
    ("name", "stem", "suffix"),
    [
        ("a.csv", "a", ".csv"),
        ("x/my.reviews.csv.gz", "my.reviews", ".csv.gz"),
        ("a", "a", ""),
        ("org/name", "name", ""),
        ("folder/", "folder", ""),
        ("A.CSV.GZ", "A", ".CSV.GZ"),
        (".hidden", ".hidden", ""),
    ],
)
def test_stem_and_suffix(name: str, stem: str, suffix: str) -> None:
    assert naming.split_suffix(name) == (stem, suffix)


def test_runs_are_called_after_the_recipe_or_its_data() -> None:
    one = recipe("/data/reviews.csv.gz")
    assert naming.run_stem("support.yaml", one) == "support"
    assert naming.run_stem("runs/a/recipe.yaml", one) == "reviews"
    assert naming.run_stem("text_classification/lora", one) == "reviews"
    assert naming.run_stem("reviews.csv.gz", one) == "reviews"
    assert naming.run_stem("org/name", recipe(["org/name", "b.csv"])) == "name"


def test_predictions_lie_in_the_working_folder(workdir: Path) -> None:
    assert naming.predictions_file("/a/b.jsonl.gz", None, False) == Path("b.predicted.jsonl.gz")
    assert naming.predictions_file("org/name", None, False) == Path("name.predicted.csv")
    assert naming.predictions_file("a.csv", Path("x.tsv"), False) == Path("x.tsv")
    (workdir / "x.tsv").write_text("")
    with pytest.raises(InputError, match="already exists"):
        naming.predictions_file("a.csv", Path("x.tsv"), False)
    assert naming.predictions_file("a.csv", Path("x.tsv"), True) == Path("x.tsv")
    with pytest.raises(InputError, match="is the input itself"):
        naming.predictions_file("x.tsv", Path("./x.tsv"), True)
    with pytest.raises(InputError, match="is a folder"):
        naming.predictions_file("a.csv", workdir, True)
    with pytest.raises(InputError, match="there is no folder"):
        naming.predictions_file("a.csv", Path("no/x.csv"), False)


# ---- what ships ----


def test_shipped_recipes_are_sound_and_explain_themselves() -> None:
    found = shipped.recipes()
    assert len(found) >= 5
    for name, path in found.items():
        text = path.read_text(encoding="utf-8")
        one = read(path)
        task, _, method = name.partition("/")
        assert (one.task.name, one.method.name) == (task, method)
        assert Path(str(one.data.train)).is_file(), name
        assert shipped.summary(path).endswith(".") and len(shipped.summary(path)) < 120
        assert f"ftkit train {name}\n" in text and "recipes/README.md" in text
        assert "/work" not in text and "/home" not in text


def test_every_method_has_a_recipe() -> None:
    names = [name for name in registry.names("methods") if name != "auto"]  # which is made of the others
    assert len(names) >= 5
    assert {f"text_classification/{name}" for name in names} <= set(shipped.recipes())


def test_the_example_data_has_the_columns_of_the_recipes() -> None:
    first = shipped.example_data().read_text(encoding="utf-8").partition("\n")[0]
    assert first == "message,label,team"


def test_recipes_are_found_in_a_wheel_and_nowhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "site-packages" / "ftkit"
    inside = package / "_recipes" / "text_classification"
    inside.mkdir(parents=True)
    (inside / "lora.yaml").write_text("# One.\n")
    monkeypatch.setattr(shipped, "PACKAGE", package)
    assert list(shipped.recipes()) == ["text_classification/lora"]
    (package / "_recipes").rename(package.parent / "recipes")  # a stranger's folder of that name
    with pytest.raises(Exception, match="missing from this installation"):
        shipped.root()
