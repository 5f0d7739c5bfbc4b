"""A bank by phone over radio maps: an adapter for each phone, beside the general one that all phones share.

A model learns from the training fingerprints of all phones, every weight of it from random ones. The bank then is made
of the fingerprints of the testing file, at other places: a general adapter (LoRA on all blocks) and one for each phone,
scored out of fold, with whole places on one side. Once in the building HCXY, where six phones share a floor, and once
over all three buildings with the set encoder, where nine phones share neither access points nor coordinates.

    python tests/benchmarks/phones.py --data ../shared/data
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
from measure import machine, table, write_section
from pairs_radio import FILES, building, centred, heard

from ftkit import metrics
from ftkit.console import console
from ftkit.recipe import yaml_text
from ftkit.reports import words
from ftkit.statistics import predictions
from ftkit.statistics.paired import Comparison, compare
from ftkit.training.scratch import Scratch

README = Path(__file__).resolve().parents[2] / "recipes" / "README.md"
HEADER = ("phone", "fingerprints", "general adapter", "its own", "gain seen", "gain expected", "harm", "outcome")
SOURCE = {"method.name": "full", "data.folds": 0, "data.validation": "none", "train.epochs": 15}
BANK = {"method.name": "lora", "method.layers": "all", "bank.by": "phone"}


def one_building(data: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """HCXY as it is published: a column for each access point."""
    both = [one.rename(columns={"PhoneID": "phone"}) for one in building(data, "HCXY")]
    other = ["BuildingID", "FloorID", "SceneID", "UserID", "SampleTimes"]
    return both[0].drop(columns=other), both[1].drop(columns=other)


def three_buildings(data: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Pairs of access point and strength; coordinates counted from the middle of each building's training places."""
    found: list[list[pd.DataFrame]] = [[], []]
    for name in FILES:
        train, test = building(data, name)
        for side, one in zip(found, (train, test), strict=True):
            placed = centred(one, train)
            side.append(heard(placed, name).assign(phone=[f"{name} {phone}" for phone in one["PhoneID"]]))
    return pd.concat(found[0]), pd.concat(found[1])


SETS = {"HCXY, six phones": one_building, "three buildings, nine phones (set encoder)": three_buildings}


def made(train: pd.DataFrame, test: pd.DataFrame, folder: Path) -> tuple[dict[str, Any], dict[str, Comparison]]:
    """The report of a bank of the testing rows on a source of the training rows, and its gains by place."""
    import ftkit
    from ftkit.verbs.adapting import carry_out
    from ftkit.verbs.starting import recipe_for

    files = [folder / "train.parquet", folder / "test.parquet"]
    for frame, file in zip((train, test), files, strict=True):
        frame.to_parquet(file, index=False)
    keys: dict[str, Any] = {"task.name": "vector_regression", "task.floor": "none", "train.augment": ["noise", "mask"]}
    taken = [str(name) for name in train if str(name).startswith("MAC") or name == "heard"]
    keys |= {"task.label": ["ECoord", "NCoord"], "task.position": True, "task.inputs": taken}
    with patch.object(Scratch, "of", return_value=None):
        source, _ = ftkit.train(str(files[0]), folder / "source", changes=keys | SOURCE)
        changes = [(key, yaml_text.text(one)) for key, one in (keys | BANK | {"base": str(source)}).items()]
        recipe = recipe_for(str(files[1]), changes)
        bank, report = carry_out(recipe, str(files[1]), folder / "bank", force=False, command="")
    return report, by_place(bank)


def by_place(bank: Path) -> dict[str, Comparison]:
    """By how much each predictor errs less than the general adapter, places resampled: phones are too few for that."""
    frame, about = predictions.read(bank / "predictions.parquet")
    seed, labels = int(frame["seed"].iloc[0]), about["labels"]
    sides = {name: predictions.scored(frame, name, seed, labels, "values")[0] for name in WHO}
    place = np.unique(sides["general"].gold, axis=0, return_inverse=True)[1].reshape(-1)
    metric = metrics.load("mean_error")
    return {name: compare(metric, sides[name], sides["general"], place) for name in ("adapted", "bank")}


def line(one: Mapping[str, Any]) -> list[str]:
    """A row of the table."""
    seen = [words.score(one["general"]), words.score(one["own"]), f"{one['gain']:+.2f}"]
    between = f"{one['expected']:+.2f} ({one['low']:+.2f} to {one['high']:+.2f})"
    told = [*seen, between, words.share(one["harm"]), one["outcome"]]
    return [str(one["group"]), str(one["rows"]), *(cell.replace("-", "−") for cell in told)]


def said(name: str, report: Mapping[str, Any], gained: Mapping[str, Comparison]) -> str:
    """A heading and what all phones come to."""
    counts, total = report["outcomes"], report["predictors"]
    scores = [f"{who} {_spelled(total[key]['mean_error'])}" for key, who in WHO.items()]
    between = "; ".join(f"{WHO[key]}: {_gain(one)}" for key, one in gained.items())
    used = f"{counts.get('promoted', 0)} of {sum(counts.values())} promoted, {counts.get('harmed', 0)} harmed"
    spent = f"{report['cost']['seconds']['total']:.0f} s, {report['cost']['adapter_bytes'] / 1000:.0f} kB of adapters"
    return f"**{name}**: mean error {', '.join(scores)} m. Gain over the general adapter, {between}. {used}; {spent}."


WHO = {"general": "general adapter", "adapted": "each phone its own", "bank": "bank as it is used"}


def _spelled(found: Mapping[str, Any]) -> str:
    span = words.interval(found["low"], found["high"])
    return words.score(found["value"]) + (f" ({span})" if span else "")


def _gain(found: Comparison) -> str:
    text = f"{found.difference:+.2f}"
    if found.low is not None and found.high is not None:
        text += f" ({found.low:+.2f} to {found.high:+.2f})"
    return f"{text}, {found.outcome}".replace("-", "−")


def arguments() -> argparse.Namespace:
    """Flags of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the data sets")
    return parser.parse_args()


def main() -> None:
    """Make both banks, and write their tables."""
    args = arguments()
    console.mode = "quiet"
    parts = [machine(1), f"Measured {date.today()}; mean error in metres, a positive gain is better."]
    with tempfile.TemporaryDirectory() as name:
        os.environ["FTKIT_CACHE"] = str(Path(name) / "cache")
        for title, rows in SETS.items():
            report, gained = made(*rows(args.data.resolve()), Path(tempfile.mkdtemp(dir=name)))
            lines = [line(one) for one in sorted(report["groups"], key=lambda one: str(one["group"]))]
            parts += [said(title, report, gained), table(HEADER, lines)]
            print(parts[-2], parts[-1], sep="\n\n", flush=True)
            write_section("phones", "\n\n".join(parts), README)


if __name__ == "__main__":
    main()
