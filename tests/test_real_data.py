"""Real data and the packaged base, as a user would run them; the slow tier."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ftkit import runs
from ftkit.recipe import shipped

pytestmark = pytest.mark.slow
FTKIT = [sys.executable, "-m", "ftkit"]


def ftkit(*words: object, cwd: Path, expect: int = 0, before: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own, without a hub."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    command = [*before, *FTKIT, *map(str, words)]
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == expect, done.stderr[-2000:]
    assert "Traceback" not in done.stderr
    return done


def report_of(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / runs.REPORT).read_text(encoding="utf-8"))
    return found


def test_banking77_with_ten_rows_a_label(shared: Path, workdir: Path) -> None:
    data = shared / "data" / "banking77_en"
    keys = ["--set", f"data.test={data / 'test.csv'}", "--set", "data.per_label=10", "--base", "minilm"]
    ftkit("train", data / "train.csv", *keys, "--method", "head", "--out", "runs/b77", cwd=workdir)
    report = report_of(workdir / "runs" / "b77")
    assert report["scores"]["test"]["accuracy"]["value"] >= 0.84
    assert report["data"]["split_rows"] == {"unused": 9233, "test": 3080, "train": 770}
    assert report["cost"]["peak_memory_bytes"] < 2 * 2**30
    assert (workdir / "runs" / "b77" / runs.PAGE).stat().st_size < 2 * 10**6
    ftkit("predict", "runs/b77", data / "test.csv", cwd=workdir)
    predicted = pd.read_csv(workdir / "test.predicted.csv")
    assert list(predicted) == ["text", "category", "prediction", "confidence"]
    accuracy = (predicted["prediction"] == predicted["category"]).mean()
    assert accuracy == pytest.approx(report["scores"]["test"]["accuracy"]["value"])
    said = ftkit("evaluate", "runs/b77", data / "test.csv", "--json", cwd=workdir).stdout
    assert json.loads(said)["evaluations"][0]["scores"]["test"]["accuracy"]["value"] == pytest.approx(
        accuracy, abs=2e-3
    )


@pytest.mark.parametrize("site", ["amazon", "imdb", "yelp"])
def test_review_sentences_without_a_header(shared: Path, workdir: Path, site: str) -> None:
    file = shared / "data" / "review_sentences_en" / f"{site}_labelled.txt"
    ftkit("train", file, "--method", "head", "--out", "runs/site", cwd=workdir)
    report = report_of(workdir / "runs" / "site")
    assert report["data"]["rows_read"] == 1000
    assert report["scores"]["test"]["accuracy"]["value"] > 0.85


def test_chinese_reviews_are_beyond_the_english_base(shared: Path, workdir: Path) -> None:
    file = shared / "data" / "shopping_reviews_zh" / "reviews.csv"
    keys = ["--set", "data.per_label=200", "--set", "data.folds=3", "--method", "head"]
    small = workdir / "zh.csv"
    pd.read_csv(file, dtype=str).sample(900, random_state=0).to_csv(small, index=False)
    done = ftkit("train", small, *keys, "--out", "runs/zh", cwd=workdir)
    warnings = [line for line in done.stderr.splitlines() if line.startswith("warning")]
    assert "does not know" in warnings[0] and "Chinese" in warnings[0]
    assert done.stdout.startswith("A model without pretraining (TF-IDF) does better")
    assert report_of(workdir / "runs" / "zh")["data"]["unknown_share"] > 0.5


def test_tweets_with_their_official_splits(shared: Path, workdir: Path) -> None:
    data = shared / "data" / "tweets_en"
    keys = ["--test", data / "emotion_test.csv", "--set", f"data.validation={data / 'emotion_val.csv'}"]
    ftkit("train", data / "emotion_train.csv", *keys, "--method", "head", "--out", "runs/emotion", cwd=workdir)
    report = report_of(workdir / "runs" / "emotion")
    rows = report["data"]["split_rows"]
    assert (rows["test"], rows["validation"]) == (1421, 374)
    assert rows["train"] + rows["unused"] == 3257  # what is near-equal to a test row is not trained on
    assert report["labels"] == ["anger", "joy", "optimism", "sadness"]
    assert report["primary"] == "macro_f1"


def test_lora_keeps_up_with_the_probe_on_the_example(workdir: Path) -> None:
    ftkit("new", "--example", "example", cwd=workdir)
    keys = ["--set", "data.folds=2", "--set", "train.epochs=3"]
    ftkit("train", "example/support.yaml", *keys, "--out", "runs/lora", cwd=workdir)
    report = report_of(workdir / "runs" / "lora")
    mine, probe = (
        found["accuracy"]["value"] for found in (report["scores"]["test"], report["baselines"]["linear_probe"])
    )
    assert mine > probe - 0.01
    assert report["verdict"]["outcome"] in ("better", "cannot tell", "not worse", "equivalent")


@pytest.mark.skipif(shutil.which("strace") is None, reason="no strace on this machine (Debian: apt-get install strace)")
def test_offline_sends_no_packet(workdir: Path) -> None:
    log = workdir / "trace.txt"
    watch = ("strace", "-f", "-qq", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o", str(log))
    table = shipped.example_data()
    keys = ["--method", "head", "--set", "data.folds=2", "--offline"]
    ftkit("train", table, *keys, "--out", "runs/offline", cwd=workdir, before=watch)
    lines = log.read_text().splitlines()
    assert lines, "strace saw nothing at all"
    assert not [line for line in lines if "AF_INET" in line]
    missing = ftkit("train", table, "--base", "nobody/nothing", "--offline", cwd=workdir, expect=2, before=watch)
    assert len(missing.stderr.strip().splitlines()) < 12 and "nobody/nothing" in missing.stderr
    assert "AF_INET" not in log.read_text()


def test_names_of_another_domain_on_vectors_of_tokens(shared: Path, workdir: Path) -> None:
    """A head on 100 sentences, without a recipe; the same scores when its predictions are read again."""
    data = shared / "data" / "crossner_en"
    lines = (data / "ai_test.jsonl").read_text(encoding="utf-8").splitlines()[:120]
    (workdir / "test.jsonl").write_text("\n".join(lines), encoding="utf-8")
    keys = ["--test", "test.jsonl", "--method", "head", "--epochs", "0", "--set", "data.validation=none"]
    ftkit("train", data / "ai_train.jsonl", *keys, "--out", "runs/ai", cwd=workdir)
    report = report_of(workdir / "runs" / "ai")
    assert report["task"] == "token_classification" and report["primary"] == "span_f1"
    score = report["scores"]["test"]["span_f1"]
    assert score["low"] < score["value"] < score["high"] and score["value"] > 0.15
    assert report["baselines"]["majority"]["span_f1"]["value"] == 0
    ftkit("predict", "runs/ai", "test.jsonl", cwd=workdir)
    rows = [json.loads(line) for line in (workdir / "test.predicted.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [len(row["prediction"]) for row in rows] == [len(row["tokens"]) for row in rows]
    right = sum(a == b for row in rows for a, b in zip(row["prediction"], row["ner_tags"], strict=True))
    share = right / sum(len(row["tokens"]) for row in rows)
    assert share == pytest.approx(report["scores"]["test"]["token_accuracy"]["value"], abs=2e-3)


def test_ratings_of_other_annotators(shared: Path, workdir: Path) -> None:
    """A text is rated by several people: it is on one side of the split, and resampled whole."""
    rows = pd.read_csv(shared / "data" / "offensiveness_by_annotator_en" / "ratings.csv", dtype=str)
    users = sorted(rows["user_id"].unique())
    rows[rows["user_id"].isin(users[::4])].to_csv(workdir / "ratings.csv", index=False)
    keys = ["--text", "text", "--label", "offensiveness", "--unit", "text", "--set", "data.annotator=user_id"]
    keys += ["--set", "task.max_length=64", "--method", "head"]
    ftkit("train", "ratings.csv", "--task", "text_regression", *keys, "--out", "run", cwd=workdir)
    report = report_of(workdir / "run")
    assert report["kind"] == "values" and "  scale:\n  - 1.0\n  - 5.0\n" in report["recipe"]
    rmse = {name: found["rmse"]["value"] for name, found in report["baselines"].items()}
    assert report["scores"]["test"]["rmse"]["value"] < rmse["mean"] < rmse["median"]
    assert report["scores"]["test"]["pearson"]["value"] > 0.15
    assert any("units" in line for line in report["verdict"]["details"])
    assert report["values"][0]["ratings"] and len(report["values"][0]["bins"]) == 5
    said = [finding["check"] for finding in report["data"]["findings"]]
    assert "conflicting labels" not in said and "label column" not in said
