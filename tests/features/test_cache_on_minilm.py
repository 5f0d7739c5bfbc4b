"""What the cache is worth, and what it costs in accuracy, with a real base on real rows; the slow tier."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from accelerate import Accelerator
from toy import MEAN, NONE, judge

from ftkit.features import probe
from ftkit.features.cache import Cache
from ftkit.features.examples import Examples, Features
from ftkit.models.assembly import Assembly, assemble
from ftkit.recipe import Recipe, parse
from ftkit.training.loop import fit
from ftkit.training.members import Settings, member
from ftkit.training.passes import Job, predict

pytestmark = pytest.mark.slow


def recipe(method: str, layers: str) -> Recipe:
    task = {"name": "text_classification", "text": "text", "label": "label", "max_length": 64, "multi_label": False}
    return parse(
        {"base": "minilm", "task": task, "method": {"name": method, "layers": layers}, "data": {"train": "a"}}, []
    )


def examples(chosen: Recipe, made: Assembly, texts: list[str]) -> Examples:
    encoded = chosen.task.encode([(text,) for text in texts], made.processor)
    return Examples(chosen.task, made.processor, encoded.rows)


def test_the_second_run_on_2000_rows_has_its_features_at_once(shared: Path, tmp_path: Path) -> None:
    chosen = recipe("lora", "last 2")
    texts = pd.read_csv(shared / "data" / "banking77_en" / "train.csv")["text"].sample(2000, random_state=0).to_list()
    seconds, digests = [], []
    for _ in range(2):
        made = assemble(chosen)
        rows = examples(chosen, made, texts)
        start = time.process_time()  # of this process alone: others share the machine
        features = Features(made.network, rows, (MEAN,), Cache(tmp_path, 2**30))
        features.read(np.arange(2000))
        seconds.append(time.process_time() - start)
        digests.append(features.digest())
    assert features.computed == 0 and digests[0] == digests[1]
    assert seconds[0] > 5 * seconds[1]


def test_adapters_are_as_good_with_the_cache_as_without(shared: Path, tmp_path: Path) -> None:
    chosen = recipe("lora", "last 1")
    file = shared / "data" / "review_sentences_en" / "amazon_labelled.txt"
    table = pd.read_csv(file, sep="\t", names=["text", "label"], quoting=3).sample(400, random_state=0)
    targets, labels = table["label"].to_numpy(np.int64, copy=True), ("0", "1")
    train, test = np.arange(160), np.arange(160, 400)
    made = assemble(chosen)
    rows = examples(chosen, made, table["text"].to_list())
    features = Features(made.network, rows, (MEAN,), Cache(tmp_path, 2**30))
    features.read(np.arange(400))
    assert features.prefix is not None, features.why_not
    solved = probe.fit(features.pooled, targets, 2, train, (MEAN, 0.1))
    job = Job(
        made.network, rows, torch.from_numpy(targets), False, judge(chosen.task, targets, labels), Accelerator(cpu=True)
    )
    settings = Settings(epochs=2, lr=1e-3, batch=16)
    right = np.zeros((5, 2, 240), dtype=bool)  # (seeds, with and without, test rows)
    for seed in range(5):
        for without in (0, 1):
            rows.prefix = None if without else features.prefix
            one = member("m", made.network, chosen.method, solved, train, NONE, settings, seed)
            steps = list(fit(job, [one]))
            right[seed, without] = predict(job, one, test).argmax(1) == targets[test]
    assert len(steps) >= 2 * 10  # it was trained, and not only solved
    accuracy = right.mean(axis=2)  # (seeds, with and without)
    assert accuracy.min() > 0.8
    assert abs(accuracy[:, 0].mean() - accuracy[:, 1].mean()) <= 0.005
    assert (right[:, 0] != right[:, 1]).mean() < 0.02  # row by row as well
