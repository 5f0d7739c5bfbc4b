"""What a benchmark keeps, so that it can go on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from bench import RIVALS, Bench, tune
from measure import CommandFailed, Finished
from records import Bound, Record, Records, digest, typical
from running import Contest, Contestant, epoch_seconds, held, right
from sets import SETS, Fewer


def record(**given: Any) -> Record:
    """A record whose result has an accuracy of 0.75."""
    plain: dict[str, Any] = {"part": "amazon", "contestant": "SetFit", "repetition": 0, "key": "k", "seconds": 20.0}
    plain |= {"train_seconds": 9.0, "models": ((12.0, 0.5), (18.0, 0.75)), "right": "1101", "complete": True}
    plain |= {"peak_bytes": 2**30, "others": 0.0, "when": "2026-11-23T09:00:00"}
    return Record(**plain | given)


def test_the_time_to_an_accuracy_is_a_bound_where_it_was_not_reached() -> None:
    one = record()
    assert one.accuracy == 0.75 and record(right="11-0").accuracy == pytest.approx(2 / 3)
    assert one.time_to(0.5) == Bound(12.0) and one.time_to(0.6) == Bound(18.0)
    assert str(one.time_to(0.9)) == "> 18.0" and str(one.time_to(0.9).over(36.0)) == "> 0.50"
    assert typical([Bound(1.0), Bound(4.0, at_least=True), Bound(3.0)]) == Bound(3.0, at_least=True)


def test_records_outlive_a_benchmark_that_was_killed(tmp_path: Path) -> None:
    path = tmp_path / "bench" / "records.jsonl"
    first, second = record(), record(key="other", complete=False)
    for one in (first, second):
        Records(path).add(one)
    with path.open("a", encoding="utf-8") as file:
        file.write('{"part": "ama')
    known = Records(path)
    assert known.find("k") == first
    assert known.find("other", least=20.0) == second and known.find("other", least=21.0) is None
    known.add(record(key="third"))
    assert [json.loads(line)["key"] for line in path.read_text().splitlines()] == ["k", "other", "third"]


def test_a_key_depends_on_rows_flags_and_threads(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("text,label\na,b\n")
    contest = Contest("amazon", 0, tmp_path / "train.csv", tmp_path / "train.csv", 1, tmp_path)
    keys = {Contestant("x", flags, "rival_setfit.py").key(contest, "setfit 1") for flags in ((), ("--pairs", "5"))}
    (tmp_path / "train.csv").write_text("text,label\na,c\n")
    keys.add(Contestant("x", (), "rival_setfit.py").key(contest, "setfit 1"))
    keys.add(Contestant("x", (), "rival_setfit.py").key(contest, "setfit 2"))
    keys.add(Contestant("x", ()).key(contest, "setfit 1"))
    assert len(keys) == 5
    assert digest("a", "b") != digest("ab")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A benchmark of one part, with nothing known."""
    records = Records(tmp_path / "records.jsonl")
    return Bench(tmp_path, tmp_path, records, 1, True, Fewer(), 8.0, ("amazon",), RIVALS)


def test_what_is_known_is_not_measured_again(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "train.csv").write_text("text,label\na,b\n")
    contest = Contest("amazon", 0, tmp_path / "train.csv", tmp_path / "train.csv", 1, tmp_path)
    runs = []

    def run(command: list[str], threads: int, cwd: Path) -> Finished:
        runs.append(command)
        if "broken" in command:
            raise CommandFailed("exit code 1")
        lines = [
            '{"model": 3.0, "accuracy": 0.5}',
            "noise",
            '{"seconds": 4.0, "train_seconds": 1.0, "right": "10", "complete": true, "lr": 1}',
        ]
        return Finished(5.0, 5.0, 0.0, 1000, 0, "\n".join(lines))

    monkeypatch.setattr("running.run", run)
    monkeypatch.setattr("bench.versions", lambda packages: "setfit 1")
    one = Contestant("SetFit", (), "rival_setfit.py")
    made = bench.one(one, contest, "setfit", limit=60.0)
    assert made is not None and made.models == ((3.0, 0.5),) and made.about == {"lr": 1} and "60.0" in runs[0]
    assert bench.one(one, contest, "setfit") == made and len(runs) == 1
    assert bench.one(one, contest, fresh=True) is not None and len(runs) == 2
    assert bench.one(Contestant("SetFit", ("broken",), "rival_setfit.py"), contest) is None
    assert bench.failed == ["amazon, SetFit"] and "exit code 1" in capsys.readouterr().err
    bench.parts = ("imdb",)
    assert bench.one(one, contest) == made and bench.one(Contestant("other", (), "rival_setfit.py"), contest) is None
    assert len(runs) == 3 and bench.found == [made] * 4


def test_what_ftkit_left(tmp_path: Path) -> None:
    import pandas as pd

    report = {
        "baselines": {"linear_probe": {"accuracy": {"value": 0.7}}},
        "scores": {"test": {"accuracy": {"value": 0.8}}},
    }
    assert held(report, 5.0, 9.0) == ((5.0, 0.7), (9.0, 0.8))
    lines = [{"part": "final", "member": "fit", "time": t} for t in (1.0, 2.5, 3.0)]
    assert epoch_seconds([{"part": "final", "member": "inner 1", "time": 0.0}, *lines]) == [1.5, 0.5]
    pd.DataFrame({"row_id": ["x", "y"], "input": [["a  text"], ["b"]]}).to_parquet(tmp_path / "rows.parquet")
    said = {"row_id": ["x", "y", "x"], "predictor": ["adapted", "adapted", "base"], "gold": ["p", "p", "p"]}
    pd.DataFrame(said | {"prediction": ["p", "n", "n"]}).to_parquet(tmp_path / "predictions.parquet")
    assert right(tmp_path, ["b", "a text"]) == "01"
    with pytest.raises(ValueError, match="1 of 2 test rows"):
        right(tmp_path, ["b", "unknown"])


def test_the_learning_rate_that_is_soonest_is_taken(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contest = Contest("amazon", 0, tmp_path, tmp_path, 1, tmp_path)
    ends: dict[str, tuple[float, float]] = {"0.005": (30.0, 0.9), "0.002": (20.0, 0.85), "0.001": (20.0, 0.7)}
    limits = []

    def one(self: Bench, who: Contestant, contest: Contest, rival: str, limit: float) -> Record:
        limits.append(limit)
        return record(models=(ends[who.flags[1]],), right="1" * round(100 * ends[who.flags[1]][1]) + "0")

    monkeypatch.setattr(Bench, "one", one)
    bench.tuned = ("emotion",)
    tune(bench, SETS["amazon"], contest, 60.0)
    assert bench.rates == {"amazon": 5e-3} and not limits  # the one that is known
    bench.tuned, bench.rates = ("amazon",), {}
    tune(bench, SETS["amazon"], contest, 60.0)
    assert bench.rates == {"amazon": 2e-3} and limits == [60.0, 30.0, 20.0]
    bench.rates = {}
    ends |= {"0.005": (30.0, 0.6), "0.002": (20.0, 0.7)}  # nobody gets there: the best of them
    tune(bench, SETS["amazon"], contest, 60.0)
    assert bench.rates == {"amazon": 2e-3}
