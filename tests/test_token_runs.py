"""Runs on tokens from a file to a report: every verb, every file type, and nothing shown that is hidden."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ftkit import registry, runs
from ftkit.cli import main
from ftkit.data.tags import spans
from ftkit.models.assembly import load_run

MARK = "xq7marker"
QUICK = {"method": {"name": "lora", "layers": "last 1"}, "train": {"epochs": 2, "batch": 8, "lr": 1e-2}}


def toy(folder: Path, **more: Any) -> dict[str, Any]:
    tree = registry.load("tasks", "token_classification").toy(folder) | QUICK | more
    (folder / "recipe.yaml").write_text(json.dumps(tree))
    return dict(tree)


def rows_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "toy.jsonl").read_text().splitlines()]


def conll(rows: list[dict[str, Any]], tags: bool = True) -> str:
    lines = (zip(row["tokens"], row["tags"], strict=True) for row in rows)
    return "\n".join("".join(f"{token} {tag}\n" if tags else f"{token}\n" for token, tag in line) for line in lines)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the toy, its recipe and a run `runs/toy`."""
    folder = tmp_path_factory.mktemp("tokens")
    toy(folder)
    assert main(["train", str(folder / "recipe.yaml"), "--out", str(folder / "runs" / "toy")]) == 0
    return folder


def test_the_report_tells_of_spans(trained: Path) -> None:
    report = json.loads((trained / "runs" / "toy" / runs.REPORT).read_text())
    assert report["primary"] == "span_f1" and report["kind"] == "tags" and report["labels"][-1] == "O"
    names = {"majority", "token_shapes", "nearest_neighbour", "linear_probe"}
    assert set(report["baselines"]) == names
    assert report["baselines"]["majority"]["span_f1"]["value"] == 0
    assert report["scores"]["test"]["span_f1"]["value"] > 0.8
    assert {line["label"] for line in report["per_label"]} == {"fruit", "tool"}
    assert report["calibration"]["temperature"] is None and report["calibration"]["why_not"]
    assert report["selective"] is None and report["doubtful"]["why_not"]
    page = (trained / "runs" / "toy" / runs.PAGE).read_text()
    assert 'class="spans"' in page or not report["mistakes"]
    assert "span F1" in page


def test_predictions_hold_a_tag_and_a_probability_for_each_token(trained: Path) -> None:
    frame = pd.read_parquet(trained / "runs" / "toy" / runs.PREDICTIONS)
    assert set(frame["kind"]) == {"tags"}
    for row in frame.itertuples():
        assert len(row.gold) == len(row.prediction) == len(row.scores)
        assert spans(row.prediction) is not None and min(row.scores) >= 0
    adapted = frame[frame["predictor"] == "adapted"]
    assert np.isfinite(adapted["loss"]).all()


@pytest.mark.parametrize("name", ["new.jsonl", "new.conll", "new.csv", "new.parquet"])
def test_tags_are_written_beside_the_tokens_in_the_same_kind_of_file(
    trained: Path, workdir: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = rows_of(trained)[:3]
    only = [{"tokens": row["tokens"]} for row in rows]
    if name == "new.conll":
        Path(name).write_text(conll(rows, tags=False))
    elif name == "new.jsonl":
        Path(name).write_text("\n".join(map(json.dumps, [*only, {"tokens": []}])))
    elif name == "new.csv":
        pd.DataFrame([{"id": i, "tokens": json.dumps(row["tokens"])} for i, row in enumerate(only)]).to_csv(
            name, index=False
        )
    else:
        pd.DataFrame(only).to_parquet(name)
    assert main(["predict", str(trained / "runs" / "toy"), name, "--out", f"out.{name.partition('.')[2]}"]) == 0
    if name == "new.conll":
        lines = Path("out.conll").read_text().split("\n\n")
        found = [[line.split() for line in sentence.splitlines()] for sentence in lines if sentence]
        assert [[cells[0] for cells in sentence] for sentence in found] == [row["tokens"] for row in rows]
        tags = [[cells[1] for cells in sentence] for sentence in found]
        assert "confidence: left out" in capsys.readouterr().err
    elif name == "new.jsonl":
        written = [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]
        assert written[3]["prediction"] is None
        tags = [row["prediction"] for row in written[:3]]
    elif name == "new.csv":
        tags = [json.loads(cell) for cell in pd.read_csv("out.csv")["prediction"]]
    else:
        tags = [list(row) for row in pd.read_parquet("out.parquet")["prediction"]]
    model = load_run(trained / "runs" / "toy")
    scores = model.recipe.task.scores(model.logits([tuple(row["tokens"]) for row in rows])[0])
    assert tags == [list(one) for one in model.recipe.task.decode(scores, model.head.labels)]


def test_a_conll_file_trains_without_a_recipe(trained: Path, workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = rows_of(trained)
    rows[0]["tags"] = [tag.replace("B-", "I-") for tag in rows[0]["tags"]]
    Path("names.bio").write_text(conll(rows))
    command = ["train", "names.bio", "--base", str(trained / "base"), "--method", "head", "--epochs", "0"]
    assert main([*command, "--out", "runs/a"]) == 0
    said = capsys.readouterr().err
    assert "task: token_classification; text: tokens; label: tags" in said
    findings = json.loads(Path("runs/a/report.json").read_text())["data"]["findings"]
    assert "2 tags put right: I- without a B- before it" in [one["what"] for one in findings]
    assert main(["train", "names.bio", "--text", "nothing", "--out", "runs/b"]) == 2


def test_runs_are_evaluated_and_compared_on_rows_with_tags(
    trained: Path, workdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new = [{"tokens": ["please", *row["tokens"]], "tags": ["O", *row["tags"]]} for row in rows_of(trained)]
    Path("new.jsonl").write_text("\n".join(map(json.dumps, new)))
    run = str(trained / "runs" / "toy")
    assert main(["evaluate", run, "new.jsonl", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["evaluations"][0]
    assert found["rows"] == 24 and found["scores"]["test"]["span_f1"]["value"] > 0.7
    assert main(["compare", run, f"{run}:nearest_neighbour", "--out", "compared"]) == 0
    document = json.loads(Path("compared/comparison.json").read_text())
    assert document["primary"] == "span_f1"
    assert document["flips"] and "token" in str(document["flips"][0]["gold"] or "token")


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_the_snippet_gives_equal_probabilities(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = trained / "runs" / "toy"
    found = re.search(r"```python\n(.*?)```", (run / runs.CARD).read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None and "import ftkit" not in found[1]
    monkeypatch.chdir(run)
    space: dict[str, Any] = {}
    exec(found[1], space)
    sentences = [("bring", "a", "saw"), ("red", "cherry", "please", "today")]
    model = load_run(run)
    expected = model.recipe.task.scores(model.logits(list(sentences))[0])
    for mine, theirs in zip(space["predict"]([list(one) for one in sentences]), expected, strict=True):
        np.testing.assert_allclose(mine.numpy(), theirs, atol=1e-5)


def test_of_hidden_rows_neither_tokens_nor_types_are_told(
    workdir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FTKIT_ROWS", "hide")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(workdir / "config"))
    toy(workdir)
    rows = rows_of(workdir)
    for row in rows:
        row["tokens"] = [f"{MARK}{token}" for token in row["tokens"]]
        row["tags"] = [tag if tag == "O" else f"{tag}{MARK}" for tag in row["tags"]]
    Path("toy.jsonl").write_text("\n".join(map(json.dumps, rows)))
    for name in ("a", "b"):
        assert main(["train", "recipe.yaml", "--out", f"runs/{name}", "--set", f"seed={ord(name)}"]) == 0
    Path("new.jsonl").write_text(
        "\n".join(json.dumps(row | {"tokens": [*row["tokens"], MARK], "tags": [*row["tags"], "O"]}) for row in rows)
    )
    assert main(["evaluate", "runs/a", "new.jsonl"]) == 0
    assert main(["compare", "runs/a", "runs/b", "runs/a:majority", "--out", "runs/compared"]) == 0
    said = capsys.readouterr()
    assert MARK not in said.out and MARK not in said.err
    seen = 0
    for path in sorted(Path("runs").rglob("*")):
        if path.is_file() and runs.ADAPTER not in path.parts:
            text = pd.read_parquet(path).to_json() if path.suffix == ".parquet" else path.read_text(errors="replace")
            assert MARK not in text, path
            seen += 1
    assert seen > 10
    tags = {tag for cell in pd.read_parquet("runs/a/predictions.parquet")["gold"] for tag in cell}
    assert tags == {"O", "B-label 1", "I-label 1", "B-label 2", "I-label 2"}
    report = json.loads(Path("runs/a/report.json").read_text())
    assert report["labels"] == ["B-label 1", "B-label 2", "I-label 1", "I-label 2", "O"]


def test_a_run_on_other_types_begins_from_the_heads_that_it_knows(trained: Path, workdir: Path) -> None:
    rows = rows_of(trained)
    for row in rows:
        row["tags"] = [tag.replace("tool", "device") for tag in row["tags"]]
        row["tokens"] = [*row["tokens"], "today"]
        row["tags"] = [*row["tags"], "O"]
    Path("other.jsonl").write_text("\n".join(map(json.dumps, rows)))
    run = str(trained / "runs" / "toy")
    command = ["train", "other.jsonl", "--base", run, "--method", "head", "--epochs", "0"]
    assert main([*command, "--set", "data.validation=none", "--out", "runs/next"]) == 0
    first, second = load_run(trained / "runs" / "toy").head, load_run(Path("runs/next")).head
    place = {label: i for i, label in enumerate(first.labels)}
    for i, label in enumerate(second.labels):
        same = label in place and np.array_equal(second.weight[i], first.weight[place[label]])
        assert same == ("device" not in label), label
