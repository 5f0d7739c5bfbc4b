"""Metrics by name, of one's own, and in the form of the `evaluate` library."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ftkit import environment, registry
from ftkit.bases import hub
from ftkit.errors import InputError
from ftkit.metrics import Metric, Scored, as_evaluate, family, load

OWN = """
from ftkit.metrics import Metric, Scored

class Wrong(Metric):
    higher_is_better = False

    def compute(self, scored: Scored) -> float:
        return float((scored.gold != scored.prediction).mean())
"""
SCRIPT = """
import datasets
import evaluate

class Halves(evaluate.Metric):
    def _info(self):
        whole = datasets.Value("int64")
        features = datasets.Features({"predictions": whole, "references": whole})
        return evaluate.MetricInfo(description="", citation="", inputs_description="", features=features)

    def _compute(self, predictions, references):
        same = sum(int(a == b) for a, b in zip(predictions, references))
        return {"rows": len(predictions), "halves": same / 2}
"""
ROWS = Scored(("a", "b"), np.array([0, 1, 1]), np.array([0, 1, 0]), np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]))


def test_every_name_of_the_folder_loads_and_has_a_summary() -> None:
    names = registry.names("metrics")
    assert len(names) >= 16
    for name in names:
        metric = load(name)
        assert isinstance(metric, Metric) and metric.name == name
        assert registry.summary("metrics", name)


def test_every_metric_is_of_the_family_of_each_of_its_kinds() -> None:
    known = {kind: family(kind) for kind in ("label", "labels", "values")}
    of_footage = {"false_alarms_per_hour", "scene_recall"}
    assert of_footage < set(known["label"]) and known["label"][0] == "accuracy"
    assert tuple(name for name in known["label"] if name not in of_footage) == known["labels"]
    of_numbers = {"mae", "pearson", "quadratic_kappa", "rmse", "spearman", "within_one"}
    of_positions = {"evaal", "floor_hit_rate", "mean_error", "median_error", "p95_error"}
    assert known["values"] == tuple(sorted(of_numbers | of_positions))
    assert not set(known["label"]) & set(known["values"])


def test_a_file_of_ones_own_gives_its_metric(tmp_path: Path) -> None:
    path = tmp_path / "wrong.py"
    path.write_text(OWN)
    metric = load(str(path))
    assert metric.compute(ROWS) == pytest.approx(1 / 3)
    assert metric.name == str(path) and not metric.higher_is_better


@pytest.mark.parametrize("text", ["from ftkit.metrics import Metric\n", "import ftkit\nclass A:\n    pass\n"])
def test_a_file_without_a_metric_is_an_input_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "none.py"
    path.write_text(text)
    with pytest.raises(InputError, match="expected one metric, found 0"):
        load(str(path))


def test_a_file_that_is_not_python_is_an_input_error(tmp_path: Path) -> None:
    path = tmp_path / "broken.py"
    path.write_text("class (")
    with pytest.raises(InputError, match="not Python"):
        load(str(path))


@pytest.mark.parametrize(("name", "hint"), [("acuracy", "accuracy"), ("macro-f1", "macro_f1"), ("rocauc", "roc_auc")])
def test_a_misspelt_name_is_answered_without_the_library(name: str, hint: str) -> None:
    before = "evaluate" in sys.modules
    with pytest.raises(InputError) as caught:
        load(name)
    assert caught.value.hint == f"did you mean {hint}?" and "\n" not in caught.value.message
    assert ("evaluate" in sys.modules) == before


def test_a_path_that_is_not_there_is_an_input_error() -> None:
    with pytest.raises(InputError, match="no such metric file"):
        load("./mine.py")


def test_an_unreachable_hub_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "offline", lambda: False)
    monkeypatch.setattr(hub, "answers", lambda: (False, "https://hub.test"))
    with pytest.raises(InputError) as caught:
        load("mauve_score")
    assert caught.value.message == "no metric named 'mauve_score' here, and https://hub.test cannot be reached"
    assert "accuracy" in caught.value.hint


def test_loading_metrics_costs_no_heavy_library() -> None:
    code = (
        "import sys; from ftkit import registry; from ftkit.metrics import load\n"
        "print(len([load(name) for name in registry.names('metrics')]))\n"
        "heavy = {'torch', 'sklearn', 'scipy', 'pandas', 'evaluate', 'datasets'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and int(done.stdout) == len(registry.names("metrics")), done.stderr


@pytest.mark.slow  # importing evaluate takes 8 s
def test_a_script_of_the_evaluate_library_works_from_a_file_and_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "halves"
    folder.mkdir()
    (folder / "halves.py").write_text(SCRIPT)
    for name in (folder / "halves.py", folder):
        assert load(str(name)).compute(ROWS) == 1.0
    broken = tmp_path / "empty"
    broken.mkdir()
    with pytest.raises(InputError, match="no metric that `evaluate` can load"):
        load(str(broken))
    with pytest.raises(InputError, match="no metric named 'mauve'"):
        load("mauve")  # offline: what is not cached is not there


@pytest.mark.slow
def test_every_metric_computes_as_an_evaluate_metric_and_writes_nothing() -> None:
    import evaluate

    home = Path(os.environ["HF_HOME"])
    before = sorted(home.rglob("*"))
    many = Scored(("a", "b"), np.array([[1, 0], [1, 1], [0, 1]]), np.array([[1, 0], [0, 1], [0, 1]]), ROWS.scores)
    seen = 0
    for name in family("label"):
        module, metric = as_evaluate(name), load(name)
        assert isinstance(module, evaluate.Metric) and module.name == name
        for scored in (ROWS, many):
            guesses = scored.scores if metric.needs_scores else scored.prediction
            if scored is many and metric.needs_scores:
                scored = Scored(many.labels, many.gold, (np.asarray(many.scores) >= 0.5).astype(int), many.scores)
            found = module.compute(predictions=guesses, references=scored.gold)[name]
            assert found == pytest.approx(metric.compute(scored), nan_ok=True)
            seen += 1
    assert seen == 2 * len(family("label")) >= 20
    for name in family("values"):
        found = as_evaluate(name).compute(predictions=[1.5, 2.0, 4.0], references=[1.0, 2.0, 3.0])[name]
        values = Scored(("stars",), np.array([[1.0], [2.0], [3.0]]), np.array([[1.5], [2.0], [4.0]]))
        assert found == pytest.approx(load(name).compute(values), nan_ok=True)  # floors, where none is predicted
    combined = evaluate.combine([as_evaluate("accuracy"), as_evaluate("macro_f1")])
    assert set(combined.compute(predictions=[0, 1], references=[0, 0])) == {"accuracy", "macro_f1"}
    assert sorted(home.rglob("*")) == before
