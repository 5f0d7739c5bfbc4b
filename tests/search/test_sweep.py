"""A folder of runs as one piece of work: what is kept before it begins, and what a failure or a crash leaves of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from made_runs import make_run, recipe

from ftkit import folders, hardware, privacy
from ftkit.errors import FtkitError, InputError, Interrupted
from ftkit.search import sweep
from ftkit.search.sweep import Planned, Sweep
from ftkit.verbs import sweeping

Train = Callable[[Planned, Path], None]


def planned(folder: Path, seeds: tuple[int, ...] = (1, 2, 3), **changes: Any) -> Sweep:
    """A sweep over seeds, not yet written."""
    some = tuple(Planned(f"seed={seed}", {"seed": seed}, recipe(seed=seed, **changes)) for seed in seeds)
    return Sweep(folder, some, {"/data/a.csv": "1f"})


@pytest.fixture
def begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sweep:
    """A sweep over three seeds, written."""
    monkeypatch.setattr("gc.collect", lambda: 0)  # 0.1 s a run where torch is loaded, and no model is left here
    made = planned(tmp_path / "s")
    made.folder.mkdir()
    sweep.write(made, "ftkit train")
    return made


def trainer(trained: list[str], failing: dict[str, BaseException] | None = None) -> Train:
    """Makes the folder of a run, and ends as it is told."""

    def train(run: Planned, path: Path) -> None:
        trained.append(run.name)
        if error := (failing or {}).get(run.name):
            raise error
        make_run(path, seed=run.recipe.seed)

    return train


def test_a_sweep_reads_back_as_it_was_written(begun: Sweep) -> None:
    assert sweep.read(begun.folder) == begun
    document = json.loads((begun.folder / folders.SWEEP).read_text())
    assert document["vary"] == {"seed": [1, 2, 3]} and document["command"] == "ftkit train"
    assert folders.is_sweep(begun.folder) and not folders.is_run(begun.folder)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"kind": "sweep"}, "it is not a sweep"),
        ({"schema": 99}, "newer ftkit"),
        ({"schema": "x"}, "cannot be read"),
        ({"runs": [{"name": "../x", "values": {}, "recipe": {}}]}, "is no name for a run"),
        ({"runs": [{"name": "..", "values": {}, "recipe": {}}]}, "is no name for a run"),
        ({"runs": [{"values": {}}]}, "cannot be read"),
        ({"runs": [{"name": "a", "values": {}, "recipe": {"method": "lroa"}}]}, "did you mean lora"),
    ],
)
def test_a_damaged_sweep_is_one_line(change: dict[str, Any], what: str, begun: Sweep) -> None:
    path = begun.folder / folders.SWEEP
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(InputError, match=what):
        sweep.read(begun.folder)


def test_every_run_is_trained_in_its_folder(begun: Sweep, capsys: pytest.CaptureFixture[str]) -> None:
    trained: list[str] = []
    sweep.carry_out(begun, trainer(trained))
    assert trained == ["seed=1", "seed=2", "seed=3"] and begun.left() == [] and begun.failed() == {}
    assert "run 2 of 3: seed=2\n" in capsys.readouterr().err
    sweep.carry_out(begun, trainer(trained))
    assert len(trained) == 3


def test_a_failed_run_is_kept_with_its_reason_and_stops_nobody(begun: Sweep) -> None:
    trained: list[str] = []
    error = FtkitError("the loss is not a number\nat step 7", "--set train.lr=1e-4")
    sweep.carry_out(begun, trainer(trained, {"seed=2": error}))
    assert trained == ["seed=1", "seed=2", "seed=3"]
    assert begun.failed() == {"seed=2": "the loss is not a number at step 7"}
    folder = begun.path(begun.runs[1])
    assert folders.state(folder) == "failed" and "seed: 2" in (folder / "recipe.yaml").read_text()
    assert "--set train.lr=1e-4" in (folder / "error.txt").read_text()
    sweep.carry_out(begun, trainer(trained, {"seed=2": error}))
    assert trained[3:] == ["seed=2"], "what failed is tried again, what is complete is not"


@pytest.mark.parametrize("rows", ["show", "hide"])
def test_an_unexpected_error_is_kept_without_a_cell_of_hidden_rows(rows: str, begun: Sweep) -> None:
    privacy.hide(rows == "hide")
    sweep.carry_out(begun, trainer([], {"seed=1": RuntimeError("bad value 'a secret'\nmore")}))
    said = begun.failed()["seed=1"]
    assert said == "unexpected error: RuntimeError" + (": bad value 'a secret'" if rows == "show" else "")
    assert ("secret" in (begun.folder / "seed=1" / "error.txt").read_text()) is (rows == "show")
    assert "seed=1/recipe.yaml --debug" in (begun.folder / "seed=1" / "error.txt").read_text()


@pytest.mark.parametrize("signal", [KeyboardInterrupt(), Interrupted("seed=2: interrupted")])
def test_ctrl_c_leaves_complete_runs_complete_and_says_how_to_go_on(signal: BaseException, begun: Sweep) -> None:
    trained: list[str] = []
    with pytest.raises(Interrupted, match="1 of 3 runs are complete") as caught:
        sweep.carry_out(begun, trainer(trained, {"seed=2": signal}))
    assert caught.value.hint == f"ftkit train {begun.folder} --resume"
    sweep.carry_out(sweep.read(begun.folder), trainer(trained))
    assert trained == ["seed=1", "seed=2", "seed=2", "seed=3"]


def test_long_errors_are_cut_on_the_way_to_the_terminal() -> None:
    assert sweep.cut("x" * 500) == "x" * 99 + "…" and sweep.cut("short") == "short"
    assert sweep.some(list("abcdefg"), 2) == "a, b and 5 more" and sweep.some(["a"]) == "a"


def test_what_a_killed_process_left_is_trained_again(begun: Sweep) -> None:
    make_run(begun.folder / "seed=1")
    make_run(begun.folder / "seed=2", state="running")
    (begun.folder / "seed=3").mkdir()
    assert [run.name for run in begun.left()] == ["seed=2", "seed=3"]


def test_somebody_elses_folder_is_refused_before_anything_is_trained(begun: Sweep) -> None:
    (begun.folder / "seed=3").mkdir()
    (begun.folder / "seed=3" / "thesis.tex").write_text("mine")
    trained: list[str] = []
    with pytest.raises(InputError, match="holds something else than a run"):
        sweep.carry_out(begun, trainer(trained))
    assert trained == [] and (begun.folder / "seed=3" / "thesis.tex").read_text() == "mine"


def test_two_processes_do_not_train_in_one_folder(begun: Sweep) -> None:
    def train(run: Planned, path: Path) -> None:
        with pytest.raises(InputError, match="another process is training in it"):
            sweep.carry_out(begun, trainer([]))
        make_run(path)

    sweep.carry_out(begun, train)
    assert begun.left() == []


def test_each_run_counts_its_own_memory(begun: Sweep) -> None:
    peaks: list[int] = []

    def train(run: Planned, path: Path) -> None:
        held = bytearray(64_000_000 if run.name == "seed=1" else 1)
        held[::4096] = bytes(len(held[::4096])).replace(b"\0", b"\1")
        peaks.append(hardware.peak_memory())
        make_run(path)

    sweep.carry_out(begun, train)
    assert peaks[1] < peaks[0] - 30_000_000


# ---- on with what was begun ----


def test_other_recipes_runs_or_data_are_refused_with_what_differs(begun: Sweep) -> None:
    assert sweep.differences(begun, planned(begun.folder)) == []
    asked = planned(begun.folder, (1, 2, 4), train__epochs=3, data__label_map={"a secret": "b"})
    found = list(map(str, sweep.differences(begun, Sweep(asked.folder, asked.runs, {"/data/a.csv": "2f"}))))
    assert len(found) == 5
    assert found[0].startswith("the sweep was begun with seed=3, which this command does not ask for")
    assert found[1].startswith("the sweep was begun without seed=4")
    assert "data.label_map is not what it was" in found[2]
    assert "train.epochs was auto when the sweep was begun, and is 3 now" in found[3]
    assert found[4].startswith("/data/a.csv: has changed since the sweep was begun")
    assert "secret" not in "".join(found)


def test_a_sweep_is_only_replaced_as_a_whole_and_when_asked(begun: Sweep, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="already exists") as caught:
        folders.new_run_folder(begun.folder, "s", force=False)
    assert "--force" in caught.value.hint
    assert list(folders.new_run_folder(begun.folder, "s", force=True).iterdir()) == []
    other = tmp_path / "other"
    other.mkdir()
    (other / "sweep.json").write_text('{"kind": "a broom"}')
    with pytest.raises(InputError, match="something else than a run"):
        folders.new_run_folder(other, "s", force=True)


# ---- for real ----


def test_runs_of_a_sweep_do_not_disturb_each_other(workdir: Path) -> None:
    """Two recipes that come to the same must give the same weights, though one follows the other in one process."""
    from ftkit import registry
    from ftkit.recipe import yaml_text

    tree = registry.load("tasks", "text_classification").toy(workdir)
    tree |= {"method": {"name": "lora", "layers": "last 1"}, "train": {"epochs": 1, "batch": 8}}
    (workdir / "toy.yaml").write_text(yaml_text.dump(tree))
    vary = ["data.max_chars=1000,2000"]
    made = sweeping.begin("toy.yaml", [("data.folds", "2")], vary, 9, Path("s"), False, False, "ftkit train")
    sweeping.carry_out(made, "ftkit train")
    text, document, code = sweeping.outcome(made)
    assert code == 0 and "2 of 2 runs are complete" in text
    first, second = (Path("s") / run["name"] for run in document["runs"])
    assert document["runs"][0]["scores"] == document["runs"][1]["scores"] != {}
    for name in ("adapter_model.safetensors", "head.safetensors"):
        assert (first / "adapter" / name).read_bytes() == (second / "adapter" / name).read_bytes()
    page = Path("s/sweep.html").read_text()
    assert 'href="max_chars%3D1000/report.html"' in page and "n=2" not in page
