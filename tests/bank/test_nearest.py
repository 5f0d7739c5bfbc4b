"""Groups that a bank does not know: the nearest one's adapter where that was measured to pay, else the general one."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import toy_adapters
import toy_banks
from drawing import undrawn

from ftkit.bank import changing, folder, index, making, nearest, removing, serving, shards
from ftkit.bank.grouping import key_of
from ftkit.bank.stage import FINAL
from ftkit.privacy import Mask
from ftkit.reports import bank_text
from ftkit.verbs import banking

USERS, OTHERS = [f"user {i}" for i in range(10)], 5
WORDING = "please tomorrow"
"""with which those begin who label the other way round"""


def made(folder: Path, **keys: Any) -> tuple[Path, dict[str, Any]]:
    (folder / "bank").mkdir()
    with undrawn():
        return making.make(toy_banks.recipe_for(folder, USERS, others=OTHERS, **keys), lambda: folder / "bank")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A bank in which the wording tells how somebody labels, and its report; nobody may change it."""
    return made(tmp_path_factory.mktemp("told"), wording=WORDING)


def newcomers(bank: Path, wording: str) -> pd.DataFrame:
    """Rows of two people whom the bank does not know, one of each half, in sentences that nobody has written."""
    with (bank.parent / "toy.csv").open(encoding="utf-8") as file:
        sentences = list(csv.DictReader(file))
    lines = []
    for row in sentences:
        said = f"{row['text']} indeed"
        lines.append({"text": f"{wording} {said}".strip(), "user": "Other", "gold": toy_banks.SWAPPED[row["label"]]})
        lines.append({"text": said, "user": "Same", "gold": row["label"]})
    return pd.DataFrame(lines)


def predicted(bank: Path, rows: pd.DataFrame, place: Path) -> pd.DataFrame:
    rows.to_csv(place / "new.csv", index=False)
    banking.predict(bank, str(place / "new.csv"), place / "out.csv")
    return pd.read_csv(place / "out.csv", keep_default_na=False)


def test_where_the_wording_tells_the_nearest_adapter_is_used_and_is_better(
    told: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    bank, report = told
    cold = report["cold"]
    assert cold["pays"] and cold["low"] > 0.1 and (cold["groups"], cold["of"], cold["rows"]) == (10, 10, 240)
    assert "gets the nearest group's adapter: 10 of 10 groups" in bank_text.cold(report)
    rows = newcomers(bank, WORDING)
    nobody = rows.head(4).assign(user="")
    found = predicted(bank, pd.concat([rows, nobody]), tmp_path)
    assert found["adapter"].tolist() == [serving.NEAREST] * len(rows) + [serving.UNKNOWN] * 4
    found = found.head(len(rows))
    right = (found["prediction"] == found["gold"]).groupby(found["user"]).mean()
    served = serving.load(bank)
    logits, _, _ = served.logits([(text,) for text in rows["text"]], [None] * len(rows), lambda done: None)
    general = np.array(served.stage.labels)[logits.argmax(axis=1)] == rows["gold"].to_numpy()
    assert right.min() > 0.75 and right.mean() > general.mean() + 0.2


def test_where_texts_are_alike_the_general_adapter_stays(tmp_path: Path) -> None:
    bank, report = made(tmp_path)
    assert report["outcomes"]["promoted"] >= 2
    assert report["cold"]["low"] < 0 and not report["cold"]["pays"]
    assert "gets the general adapter: 10 of 10 groups" in bank_text.cold(report)
    found = predicted(bank, newcomers(bank, ""), tmp_path)
    assert set(found["adapter"]) == {serving.UNKNOWN}


def test_nobody_lends_to_himself_and_no_member_has_seen_what_it_is_asked(told: tuple[Path, dict[str, Any]]) -> None:
    bank, _ = told
    adapter, groups = toy_adapters.adapter_of(bank)
    with index.opened(bank / "index.sqlite") as found:
        known = nearest.kept_centres(bank / "shards", found.all())
    borrowers = nearest._borrowers(adapter, groups, known)
    assert sum(map(len, borrowers.values())) == len(groups)
    assert all(key in known and key not in {one.key for one in some} for key, some in borrowers.items())
    turns = nearest._lent(adapter, groups, borrowers)
    content = adapter.frame["content"].to_numpy()
    asked = np.concatenate([turn.test for turn in turns])
    assert np.sort(asked).tolist() == list(range(240))
    for turn in turns:
        assert len(turn.member.train) and not set(content[turn.test]) & set(content[turn.member.train])


def test_a_centre_is_the_mean_of_what_the_untouched_base_says(told: tuple[Path, dict[str, Any]]) -> None:
    from transformers import AutoModel, AutoTokenizer

    bank, _ = told
    served = serving.load(bank)
    base = served.stage.one.base.folder
    texts = pd.read_csv(bank.parent / "rows.csv").query("user == 'user 1'")["text"].tolist()
    tokens = AutoTokenizer.from_pretrained(base)(texts, padding=True, return_tensors="pt")
    with torch.no_grad():
        hidden = AutoModel.from_pretrained(base).eval()(**tokens).last_hidden_state
    mean = served.stage.starts[FINAL].pooling(hidden, tokens["attention_mask"]).mean(0).numpy()
    with index.opened(bank / "index.sqlite") as found:
        known = nearest.kept_centres(bank / "shards", found.all())
    assert np.allclose(known[key_of("user 1", Mask(on=False))], mean, atol=1e-4)
    encoded = served.stage.recipe.task.encode([(text,) for text in texts], served.stage.processor)
    rows = serving.Examples(served.stage.recipe.task, served.stage.processor, encoded.rows)
    assert np.allclose(served._embedded(rows).mean(0), mean, atol=1e-4)


def test_what_was_measured_stays_and_a_removed_group_lends_no_more(
    told: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    bank = Path(shutil.copytree(told[0], tmp_path / "bank"))
    measured = folder.read(bank).generation.cold
    assert changing.rollback(bank, 1, None, "")[0].generation.cold == measured
    key = key_of("user 1", Mask(on=False))
    with index.opened(bank / "index.sqlite") as found:
        one = found.find([key])[key]
    removing.remove(bank, key)
    kept = shards.read(shards.path_of(bank / "shards", one.shard)).centres()
    assert kept is not None and not kept[one.record.place].any() and kept.any()
    assert banking.verify(bank) == []
    found_by = predicted(bank, newcomers(told[0], WORDING), tmp_path)
    assert set(found_by["adapter"]) == {serving.NEAREST} and folder.read(bank).generation.cold == measured


def test_no_mean_is_kept_of_hidden_rows(tmp_path: Path) -> None:
    bank, report = made(tmp_path, wording=WORDING, report__rows="hide", bank__epochs=1)
    assert report["cold"] is None and "of rows that are hidden" in bank_text.cold(report)
    assert [one.centres() for one in shards.read_all(bank / "shards")] == [None] * 4
