"""Banks of tags: spans of one's own, whole and valid, from the first fold to a later week."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import toy_banks
from drawing import undrawn

from ftkit import folders, runs
from ftkit.bank import adapting, index, making, nearest, rows, serving, shards
from ftkit.bank.evaluating import evaluate
from ftkit.bank.grouping import key_of
from ftkit.bank.measuring import Measure
from ftkit.bank.stage import FINAL, open_stage
from ftkit.cli import main
from ftkit.data.tags import mended, types_of
from ftkit.errors import Faults, Interrupted
from ftkit.privacy import Mask
from ftkit.recipe import Recipe
from ftkit.statistics import predictions
from ftkit.verbs import adapting as verb
from ftkit.verbs import banking, tending

Lines = list[dict[str, Any]]
OFF = Mask(on=False)
HEAD: dict[str, Any] = {"method": {"name": "head"}}
"""the quicker method, where it does not matter which"""


def lines_of(folder: Path) -> Lines:
    return [json.loads(line) for line in (folder / "rows.jsonl").read_text(encoding="utf-8").splitlines()]


def write(path: Path, lines: Lines) -> str:
    path.write_text("\n".join(map(json.dumps, lines)) + "\n", encoding="utf-8")
    return str(path)


def made(recipe: Recipe, place: Path) -> tuple[Path, Any]:
    with undrawn():
        return making.make(recipe, lambda: folders.new_run_folder(place / "bank", "", False))


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bank of eight people, four of whom mark a fruit where others mark a tool; nobody may change it."""
    place = tmp_path_factory.mktemp("names")
    return made(toy_banks.tags_recipe_for(place), place)[0]


@pytest.fixture
def mine(names: Path, tmp_path: Path) -> Path:
    """A copy that may change, beside its rows."""
    return toy_banks.copied(names, tmp_path)


def valid(tags: Any) -> bool:
    """Whether tags are BIO as it should be: nothing had to be mended."""
    return not mended(list(tags), "bio")[1]


def row_f1(gold: Any, said: Any) -> float:
    """F1 of the spans of a single row, counted by hand."""

    def spans(tags: Any) -> set[tuple[str, int, int]]:
        starts = [i for i, tag in enumerate(tags) if tag[0] == "B"]
        ends = [next((j for j in range(i + 1, len(tags)) if tags[j][0] != "I"), len(tags)) for i in starts]
        return {(tags[i][2:], i, j) for i, j in zip(starts, ends, strict=True)}

    true, guess = spans(gold), spans(said)
    return 2 * len(true & guess) / (len(true) + len(guess)) if true or guess else 1.0


def test_a_gain_is_by_how_much_more_of_a_texts_spans_are_right(names: Path) -> None:
    frame, about = predictions.read(names / runs.PREDICTIONS)
    assert about["labels"] == ["B-fruit", "B-tool", "I-fruit", "I-tool", "O"] and len(frame) == 3 * 135
    assert all(map(valid, frame["prediction"]))
    assert all(len(row.gold) == len(row.prediction) == len(row.scores) for row in frame.itertuples())
    frame["f1"] = [row_f1(gold, said) for gold, said in zip(frame["gold"], frame["prediction"], strict=True)]
    f1 = frame.pivot_table("f1", "group", "predictor")
    report = toy_banks.report_of(names)
    for line in report["groups"]:
        apart = f1.loc[line["group"], "adapted"] - f1.loc[line["group"], "general"]
        assert line["gain"] == pytest.approx(apart) and line["own"] == pytest.approx(f1.loc[line["group"], "adapted"])
    assert (report["primary"], report["judged_by"]) == ("span_f1", "row_span_f1")
    assert toy_banks.promoted_in(names) and report["outcomes"].get("failed", 0) == 0
    before, after = (report["predictors"][name]["span_f1"]["value"] for name in ("general", "bank"))
    assert after > before + 0.2  # the primary metric is told beside it
    page = (names / "bank.html").read_text(encoding="utf-8")
    assert "row span F1" in page and "span F1" in page


@pytest.mark.parametrize("primary", ["span_f1", "token_accuracy", "token_log_loss"])
def test_single_groups_are_judged_by_the_spans_of_each_row(tmp_path: Path, primary: str) -> None:
    """Neither by a share of tokens, nor by a loss, which rows of unknown tags have not."""
    recipe = toy_banks.tags_recipe_for(tmp_path, evaluate__metrics=[primary])
    measure = Measure.of(recipe, LABELS)
    assert measure.metric.name == "row_span_f1"
    targets = np.array([[0, 2, 2], [1, 2, -2], [-1, 2, -2]])
    worse, better = (said_of([[2, 2, 2], [1, 2], [2, 2]]), said_of([[0, 2, 2], [1, 2], [2, 2]]))
    assert measure.gains(targets, worse, better).tolist() == [1.0, 0.0, 0.0]
    assert measure.margin(measure.scored(targets, worse)) == 0.01


LABELS = ("B-a", "B-b", "O")


def said_of(places: list[list[int]]) -> np.ndarray:
    """Probabilities of each token that are nearly sure of one tag."""
    each = [np.full((len(row), len(LABELS)), 0.01) for row in places]
    for one, row in zip(each, places, strict=True):
        one[np.arange(len(row)), row] = 0.98
    return np.fromiter(each, object, len(each))


def test_mixed_rows_are_given_the_tags_of_their_own_adapters(names: Path) -> None:
    served, name = serving.load(names), toy_banks.promoted_in(names)[0]
    inputs = [tuple(line["tokens"]) for line in lines_of(names.parent)[:6]]
    together, used, _ = served.logits(inputs, [name, None, "nobody", name, None, name], lambda done: None)
    alone, general = (served.logits(inputs, [who] * 6, lambda done: None)[0] for who in (name, None))
    own = [one == serving.OWN for one in used]
    assert own == [True, False, False, True, False, True]
    for here, mine, other, one in zip(together, alone, general, own, strict=True):
        assert np.allclose(here, mine if one else other, atol=1e-4) and np.abs(mine - other).max() > 0.5


def test_predict_and_export_say_the_same_tags(names: Path, tmp_path: Path) -> None:
    from peft import PeftModel
    from safetensors.torch import load_file
    from transformers import AutoModel, AutoTokenizer

    name = toy_banks.promoted_in(names)[0]
    theirs = [line for line in lines_of(names.parent) if line["user"] == name]
    new = write(tmp_path / "new.jsonl", [{"tokens": line["tokens"], "user": name} for line in theirs])
    banking.predict(names, new, tmp_path / "out.jsonl")
    found = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert list(found[0]) == ["tokens", "user", "prediction", "confidence", "adapter"]
    assert {line["adapter"] for line in found} == {"own"} and all(valid(line["prediction"]) for line in found)
    out, base = banking.export(names, name, tmp_path / "adapter"), serving.load(names).stage.one.base.folder
    model = PeftModel.from_pretrained(AutoModel.from_pretrained(base), str(out)).eval()
    head, labels = load_file(out / "head.safetensors"), json.loads((out / "head.json").read_text())["labels"]
    tokenizer = AutoTokenizer.from_pretrained(base)
    for line in found:
        batch = tokenizer(line["tokens"], is_split_into_words=True, return_tensors="pt")
        first = [batch.word_ids().index(i) for i in range(len(line["tokens"]))]
        with torch.no_grad():
            logits = model(**batch).last_hidden_state[0, first] @ head["weight"].T + head["bias"]
        plain = [labels[i] for i in logits.argmax(dim=1)]
        assert line["prediction"] == plain or not valid(plain)


def test_a_file_that_names_no_group_is_refused(names: Path, tmp_path: Path) -> None:
    """As CoNLL's columns do, which hold sentences alone."""
    lines = lines_of(names.parent)[:2]
    spelled = ["".join(f"{token} {tag}\n" for token, tag in zip(*one, strict=True)) for one in map(_sides, lines)]
    (tmp_path / "new.conll").write_text("\n".join(spelled))
    with pytest.raises(Faults, match="bank.by: no column 'user'"):
        banking.predict(names, str(tmp_path / "new.conll"), tmp_path / "out.conll")
    write(tmp_path / "new.jsonl", [{"tokens": line["tokens"], "tags": line["tags"]} for line in lines])
    with pytest.raises(Faults, match="bank.by: no column 'user'"):
        evaluate(names, str(tmp_path / "new.jsonl"), lambda recipe: recipe)


def _sides(line: dict[str, Any]) -> tuple[list[str], list[str]]:
    return line["tokens"], line["tags"]


def with_types(line: dict[str, Any]) -> dict[str, Any]:
    """The last two people mark no tool but a thing."""
    later = line["user"] in ("user 6", "user 7")
    return line | {"tags": [tag.replace("tool", "thing") if later else tag for tag in line["tags"]]}


def test_own_tags_are_whole_spans_of_the_types_that_a_group_carries(tmp_path: Path) -> None:
    recipe = toy_banks.tags_recipe_for(tmp_path, **HEAD, bank__labels="own", bank__epochs=4, bank__min_rows=4)
    lines = [with_types(line) for line in lines_of(tmp_path)]
    single = [line for line in lines if line["user"] == "user 7" and not any(tag[0] == "I" for tag in line["tags"])]
    lines = [line for line in lines if line["user"] != "user 7"] + single  # whose spans are of one token each
    write(tmp_path / "rows.jsonl", lines)
    bank, _ = made(recipe, tmp_path)
    carried = {
        user: set(types_of(tag for line in lines if line["user"] == user for tag in line["tags"]))
        for user in {line["user"] for line in lines}
    }
    assert set(map(len, carried.values())) == {2} and len(set.union(*carried.values())) == 3
    table, _ = predictions.read(bank / runs.PREDICTIONS)
    for row in table[table["predictor"] == "adapted"].itertuples():
        assert valid(row.prediction) and set(types_of(row.prediction)) <= carried[row.group]
    stage = open_stage(bank / "general", folds=False)
    weight = stage.starts[FINAL].weights["head.weight"]
    for shard in shards.read_all(bank / "shards"):
        for record in shard.records:
            own = {stage.labels[i] for i in record.labels or ()}
            types = carried[str(record.name)]
            assert own == {"O", *(f"{letter}-{kind}" for letter in "BI" for kind in types)}
            lacking = [i for i, label in enumerate(stage.labels) if label not in own]
            assert record.place is not None and len(lacking) == 2
            assert torch.equal(shard.adapter(record.place)["head.weight"][lacking], weight[lacking])
    served = serving.load(bank)
    inputs = [tuple(line["tokens"]) for line in lines]
    logits, used, _ = served.logits(inputs, ["user 7"] * len(inputs), lambda done: None)
    if used[0] == serving.OWN:
        said = served.stage.recipe.task.decode(served.stage.recipe.task.scores(logits), served.stage.labels)
        assert {kind for one in said for kind in types_of(one)} <= carried["user 7"]


def test_without_spans_there_is_one_tag_and_what_is_cut_off_teaches_nothing(tmp_path: Path) -> None:
    """A row of tokens that the base is not shown, most of them tagged, is scored as outside."""
    recipe = toy_banks.tags_recipe_for(tmp_path, **HEAD, task__max_length=5, bank__epochs=2, bank__labels="own")
    lines = lines_of(tmp_path)
    for line in lines:
        if line["user"] == "user 0":
            line["tags"] = ["O"] * len(line["tags"])
    write(tmp_path / "rows.jsonl", lines)
    bank, report = made(recipe, tmp_path)
    groups = {line["group"]: line for line in report["groups"]}
    assert groups["user 0"]["outcome"] == "one label" and report["outcomes"].get("failed", 0) == 0
    assert np.isfinite([groups[f"user {i}"]["gain"] for i in range(1, 8)]).all()
    table, _ = predictions.read(bank / runs.PREDICTIONS)
    for row in table.itertuples():
        assert set(row.prediction[3:]) <= {"O"} and np.isfinite(row.scores).all()
    served = serving.load(bank)
    logits, _, _ = served.logits([("a", "ripe", "apple", "and", "one", "pear")], ["user 1"], lambda done: None)
    assert np.isneginf(logits[0][3:]).all() and np.isfinite(logits[0][:3]).all()


def test_a_closed_list_leaves_alone_what_the_base_is_not_shown() -> None:
    tags = np.array([[2.0, 1.0, 0.0], [-np.inf] * 3])
    closed = adapting.closed_to(tags, [1, 2])
    assert closed[0, 0] < -1000 and closed[0, 1:].tolist() == [1.0, 0.0] and np.isneginf(closed[1]).all()
    assert adapting.closed_to(tags, None) is tags


def test_evaluate_is_of_rows_that_it_has_not_seen(names: Path, tmp_path: Path) -> None:
    lines = lines_of(names.parent)
    fresh = [line | {"tokens": ["please", *line["tokens"]], "tags": ["O", *line["tags"]]} for line in lines]
    found = evaluate(names, write(tmp_path / "later.jsonl", [*lines[:5], *fresh]), lambda recipe: recipe)
    assert found["left_out"] >= 5 and 100 < found["rows"] <= len(fresh)
    assert found["difference"]["metric"] == "row_span_f1" and found["difference"]["value"] > 0.1
    assert found["scores"]["span_f1"]["value"] > found["general"]["span_f1"]["value"]


def more(lines: Lines, user: str) -> Lines:
    """Rows, and as many again of somebody: what is there with one more word in front."""
    theirs = [line for line in lines if line["user"] == user]
    return lines + [line | {"tokens": ["today", *line["tokens"]], "tags": ["O", *line["tags"]]} for line in theirs]


def turned(lines: Lines, user: str) -> Lines:
    """Rows, every other one of somebody's the other way round."""
    wrong = [line for line in lines if line["user"] == user][::2]
    return [
        line | {"tags": list(map(toy_banks.swapped_tag, line["tags"]))} if line in wrong else line for line in lines
    ]


def update(bank: Path, lines: Lines, **options: Any) -> Any:
    given: dict[str, Any] = {"changes": [("bank.margin", "0.3")], "general": None, "only": None} | options
    return verb.update(write(bank.parent / "week.jsonl", lines), bank, command="", **given)[1]


def said(bank: Path) -> list[np.ndarray]:
    """What a bank says of a sentence for everybody, and for a stranger."""
    who = [*(f"user {i}" for i in range(8)), "nobody"]
    return list(
        serving.load(bank).logits([("bring", "apple", "or", "the", "saw")] * 9, list(who), lambda done: None)[0]
    )


def test_weeks_and_the_way_back(mine: Path) -> None:
    name, first = toy_banks.promoted_in(mine)[0], said(mine)
    number = int(name[-1])
    lines = lines_of(mine.parent)
    report = update(mine, more(lines, name))
    assert report["generation"] == 2 and report["update"]["trained"] == 1 and report["update"]["replaced"] == 1
    second = said(mine)
    assert [np.array_equal(*pair) for pair in zip(first, second, strict=True)] == [i != number for i in range(9)]
    found = tending.compare(mine.with_name("bank@1"), mine, None, "not-worse")
    assert found["metric"] == "row_span_f1" and found["pooled"]["rows"] == 135 and len(found["groups"]) == 1
    assert found["pooled"]["outcome"] != "worse" and found["unchanged"] == 7
    report, shown = update(mine, turned(lines, name)), banking.show(mine, name)
    assert report["update"].get("replaced", 0) == 0 and shown["generation"] == 2
    assert shown["kept"].startswith(("worse", "cannot tell on "))
    tending.rollback(mine, 1, None, "")
    assert all(np.array_equal(*pair) for pair in zip(said(mine), first, strict=True))
    assert tending.promote(mine, "")["changed"] is not None
    listed = banking.listing(mine)
    (mine / "index.sqlite").unlink()
    banking.repair(mine)
    assert banking.listing(mine) == listed and banking.verify(mine) == []
    before, key = said(mine), key_of(name, OFF)
    tending.remove(mine, name)
    after = said(mine)
    assert [np.array_equal(*pair) for pair in zip(before, after, strict=True)] == [i != number for i in range(9)]
    assert np.array_equal(after[number], after[8]) and banking.verify(mine) == []
    assert key not in set(rows.read(sorted((mine / "rows").glob("*.parquet"))).frame["key"])


@pytest.mark.slow  # everybody is trained twice
def test_a_type_that_comes_later_is_told_and_learnt_by_a_new_general_adapter(
    mine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [with_types(line) for line in lines_of(mine.parent)]
    report = update(mine, lines)
    said_of_it = capsys.readouterr().err
    count = sum("B-thing" in line["tags"] for line in lines)
    assert (
        f"{count} rows with labels that the general adapter does not know" in said_of_it and "new trains" in said_of_it
    )
    assert report["update"]["trained"] == 2 and "B-thing" not in report["labels"]
    report = update(mine, lines, general="new")
    assert "B-thing" in report["labels"] and report["update"]["trained"] == 8
    table, _ = predictions.read(mine / runs.PREDICTIONS)
    assert "B-thing" in {tag for row in table["prediction"] for tag in row}


@pytest.mark.slow  # the bank is made again; how one is taken up is no matter of what it predicts
def test_a_bank_that_was_stopped_ends_as_one_that_nobody_disturbed(
    names: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, turns = toy_banks.tags_recipe_for(tmp_path), list[str]()
    plain = adapting.Adapter._turns

    def stopping(self: Any, group: Any) -> Any:
        if len(turns) == 4:
            raise KeyboardInterrupt
        turns.append(group.name)
        return plain(self, group)

    with monkeypatch.context() as patch:
        patch.setattr(adapting.Adapter, "_turns", stopping)
        with pytest.raises(Interrupted), undrawn():
            making.make(recipe, lambda: folders.new_run_folder(tmp_path / "bank", "", False))
    with undrawn():
        making.make(recipe, lambda: tmp_path / "bank")
    kept = [rows.read(sorted((bank / "rows").glob("*.parquet"))) for bank in (names, tmp_path / "bank")]
    assert kept[0].frame.equals(kept[1].frame)
    assert all(np.array_equal(one, other) for one, other in zip(kept[0].own, kept[1].own, strict=True))
    weights = [
        [one.sha256 for shard in shards.read_all(bank / "shards") for one in shard.records]
        for bank in (names, tmp_path / "bank")
    ]
    assert weights[0] == weights[1]


def test_a_centre_is_the_mean_of_the_tokens_of_the_untouched_base(names: Path) -> None:
    from transformers import AutoModel, AutoTokenizer

    served, name = serving.load(names), toy_banks.promoted_in(names)[0]
    inputs = [tuple(line["tokens"]) for line in lines_of(names.parent) if line["user"] == name]
    base = served.stage.one.base.folder
    model, tokenizer = AutoModel.from_pretrained(base).eval(), AutoTokenizer.from_pretrained(base)
    means = []
    for tokens in inputs:
        batch = tokenizer(list(tokens), is_split_into_words=True, return_tensors="pt")
        first = [batch.word_ids().index(i) for i in range(len(tokens))]
        with torch.no_grad():
            means.append(model(**batch).last_hidden_state[0, first].mean(0).numpy())
    with index.opened(names / "index.sqlite") as found:
        known = nearest.kept_centres(names / "shards", found.all())
    assert np.allclose(known[key_of(name, OFF)], np.mean(means, axis=0), atol=1e-4)
    encoded = served.stage.recipe.task.encode(inputs, served.stage.processor)
    examples = serving.Examples(served.stage.recipe.task, served.stage.processor, encoded.rows)
    assert np.allclose(served._embedded(examples), means, atol=1e-4)


@pytest.mark.slow  # measured by training lenders once more
def test_a_stranger_is_given_the_nearest_adapter_where_the_wording_tells(tmp_path: Path) -> None:
    """Ten people, as fewer allow no interval; five of them begin each sentence with the same two words."""
    users = [f"user {i}" for i in range(10)]
    recipe = toy_banks.tags_recipe_for(tmp_path, users, **HEAD)
    lines = lines_of(tmp_path)
    for line in lines:
        if int(line["user"][-1]) < toy_banks.OTHERS:
            line["tokens"], line["tags"] = ["please", "today", *line["tokens"]], ["O", "O", *line["tags"]]
    write(tmp_path / "rows.jsonl", lines)
    bank, report = made(recipe, tmp_path)
    assert report["cold"]["pays"] and report["cold"]["low"] > 0
    new = [
        line | {"tokens": [*line["tokens"], "indeed"], "user": "stranger"} for line in lines if line["user"] == "user 1"
    ]
    served = serving.load(bank)
    inputs = [tuple(line["tokens"]) for line in new]
    logits, used, _ = served.logits(inputs, ["stranger"] * len(new), lambda done: None)
    assert set(used) == {serving.NEAREST}
    task = served.stage.recipe.task
    general = served.logits(inputs, [None] * len(new), lambda done: None)[0]
    own, others = (task.decode(task.scores(one), served.stage.labels) for one in (logits, general))
    gold = [[*line["tags"], "O"] for line in new]
    mean = [np.mean([row_f1(a, b) for a, b in zip(gold, one, strict=True)]) for one in (own, others)]
    assert mean[0] > mean[1] + 0.2


def test_hidden_rows_leave_no_token_no_type_and_no_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = toy_banks.tags_recipe_for(tmp_path, **HEAD, report__rows="hide", bank__epochs=1)
    lines = [
        {
            "tokens": [f"xq7{token}" for token in line["tokens"]],
            "tags": [tag if tag == "O" else f"{tag}xq7" for tag in line["tags"]],
            "user": f"xq7 {line['user']}",
        }
        for line in lines_of(tmp_path)
    ]
    write(tmp_path / "rows.jsonl", lines)
    bank, report = made(recipe, tmp_path)
    assert report["groups"][0]["group"].startswith("group ") and report["judged_by"] == "row_span_f1"
    assert report["labels"][0].startswith("B-label ")
    write(
        tmp_path / "later.jsonl",
        [*lines, *(one | {"tokens": [*one["tokens"], "xq7"], "tags": [*one["tags"], "O"]} for one in lines[:16])],
    )
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    assert main(["adapt", "later.jsonl", "--update", str(bank)]) == 0
    assert main(["compare", f"{bank}@1", str(bank)]) == 0
    assert main(["bank", "rollback", str(bank), "--to", "1"]) == 0
    assert main(["bank", "rm", str(bank), lines[0]["user"]]) == 0
    assert not [text for text in capsys.readouterr() if "xq7" in text]
    paths = [path for path in [*bank.rglob("*"), *(tmp_path / "runs").rglob("*")] if path.is_file()]
    for path in paths:
        text = pd.read_parquet(path).to_json() if path.suffix == ".parquet" else path.read_text(errors="replace")
        assert "xq7" not in text or path.name == "head.json", path  # whoever predicts must know the types
    assert len(paths) > 20


def test_the_command_line_makes_a_bank_of_tags(workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree = toy_banks.write_tags(workdir, [f"user {i}" for i in range(8)])
    keys = ["--base", tree["base"], "--method", "head", "--set", "data.folds=2", "--set", "bank.lr=0.1"]
    command = ["adapt", "rows.jsonl", "--by", "user", "--task", "token_classification", *keys, "--out", "bank"]
    assert main([*command, "--set", "task.label=tags", "--set", "bank.epochs=4"]) == 0
    out = capsys.readouterr().out
    assert "span F1, the bank as it is used" in out and "gain of the bank in row span F1" in out
    assert main(["bank", "verify", "bank"]) == main(["compare", "bank"]) == 0
    assert "8 groups by user" in capsys.readouterr().out
