"""A radio map over the months: adapted each month to a few new fingerprints, against never.

The source learns from two surveys of month 1 of the library. In each later month the model of the month before is
adapted to some fingerprints of that month, and both are scored at places where nobody surveyed; so are neighbours
among the month's own few fingerprints. Each repetition draws other fingerprints in every month, and goes through all
months anew. Intervals of scores are over repetitions, those of differences over repetitions and test places. The curve
of decay is drawn as `recipes/months.svg`.

    python tests/benchmarks/months.py --data ../shared/data
"""

from __future__ import annotations

import argparse
import os
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
from measure import machine, table, write_section
from spreads import half_of_both, half_width

from ftkit.console import console
from ftkit.training.scratch import Scratch

README = Path(__file__).resolve().parents[2] / "recipes" / "README.md"
DRAWING = README.with_name("months.svg")
LATER = (2, 5, 8, 11, 15)
SIDES = ("never", "monthly", "neighbours")
NAMES = {"never": "never adapted", "monthly": "adapted monthly", "neighbours": "neighbours of the few"}
HEADER = ("month", "never adapted", "adapted monthly", "adapting gains", "verdict", "neighbours of the month's few")
AUGMENT = ["noise", "mask"]
Found = tuple[list[float], tuple[float, float]]
"""mean errors as of `SIDES`, and the interval of the first less the second, by place"""


@dataclass
class Month:
    """Mean errors in metres at one month's test places, an entry for each repetition."""

    never: list[float] = field(default_factory=list)
    monthly: list[float] = field(default_factory=list)
    neighbours: list[float] = field(default_factory=list)
    over_places: list[tuple[float, float]] = field(default_factory=list)
    """the interval of never less monthly, paired by place"""

    def add(self, errors: Iterable[float], over_places: tuple[float, float]) -> None:
        """One more repetition."""
        self.over_places.append(over_places)
        for side, value in zip(SIDES, errors, strict=True):
            getattr(self, side).append(value)

    def line(self, month: int) -> list[str]:
        """A row of the table."""
        gains = np.subtract(self.never, self.monthly)
        value, half = float(gains.mean()), half_of_both(gains, self.over_places)
        verdict = "better" if value > half else "worse" if value < -half else "cannot tell"
        cells = [_spelled(self.monthly), f"{value:+.3f} ± {half:.3f}", verdict, _spelled(self.neighbours)]
        return [str(month), f"{self.never[0]:.3f}", *(cell.replace("-", "−") for cell in cells)]


def survey(frame: pd.DataFrame, month: int, *sets: str) -> pd.DataFrame:
    """The rows of some campaigns."""
    mine = frame[(frame["month"] == month) & frame["set"].isin(sets)]
    return mine.drop(columns=["month", "set", "time", "sample_id"])


def trained(rows: pd.DataFrame, folder: Path, name: str, changes: Mapping[str, Any]) -> tuple[Path, dict[str, Any]]:
    """A run without a model from scratch beside it, which is no question here."""
    import ftkit

    file = folder / f"{name}.parquet"
    rows.to_parquet(file, index=False)
    keys = {"task.name": "vector_regression", "train.augment": AUGMENT, "train.epochs": 15, "data.validation": "none"}
    with patch.object(Scratch, "of", return_value=None):
        run, report = ftkit.train(str(file), folder / name, changes=keys | dict(changes))
    return run, report


def _spelled(values: Sequence[float]) -> str:
    return f"{np.mean(values):.3f} ± {half_width(values):.3f}"


def scored(run: Path, report: Mapping[str, Any], source: Path, file: str) -> Found:
    """What a month's test rows say."""
    from ftkit import metrics
    from ftkit.statistics import predictions
    from ftkit.statistics.paired import compare
    from ftkit.verbs.evaluating import evaluate

    (never,) = evaluate([source], file)
    sides = []
    for folder in (run, Path(never["folder"])):
        frame, about = predictions.read(folder / "predictions.parquet")
        frame = frame[(frame["predictor"] == "adapted") & (frame["split"] == "test")].assign(unit=None)
        sides.append(predictions.scored(frame, "adapted", None, about["labels"], "values")[0])
    place = np.unique(sides[0].gold, axis=0, return_inverse=True)[1].reshape(-1)
    found = compare(metrics.load("mean_error"), sides[0], sides[1], place)
    assert found.low is not None and found.high is not None
    few = report["baselines"]["weighted_neighbours"]["mean_error"]["value"]
    values = [side["scores"]["test"]["mean_error"]["value"] for side in (never, report)]
    return [*values, few], (found.low, found.high)


def repetition(frame: pd.DataFrame, source: Path, folder: Path, number: int, rows: int) -> dict[int, Found]:
    """Go through the months once, each model starting from the one of the month before."""
    last = source
    found: dict[int, Found] = {}
    for month in LATER:
        file = folder / f"test-{month}.parquet"
        survey(frame, month, "tst02").to_parquet(file, index=False)
        few = survey(frame, month, "trn01").sample(rows, random_state=number)
        keys = {"base": str(last), "data.test": str(file), "method.name": "lora", "method.layers": "all"}
        last, report = trained(few, folder, f"month-{month}-{number}", keys | {"train.lr": 1e-3})
        found[month] = scored(last, report, source, str(file))
        print(number, month, *(f"{value:.3f}" for value in found[month][0]), flush=True)
    return found


def drawn(months: Mapping[int, Month]) -> str:
    """The curve of decay: month 1's model as it is, and adapted monthly, with intervals."""
    from ftkit.reports.marks import layer, plain, quantity
    from ftkit.reports.palette import LIGHT
    from ftkit.reports.svg import draw

    points: list[dict[str, Any]] = []
    for side in SIDES:
        for month, found in months.items():
            values = getattr(found, side)
            middle, half = float(np.mean(values)), 0.0 if side == "never" else half_width(values)
            points.append({"x": month, "y": middle, "low": middle - half, "high": middle + half, "side": side})
    top = max(point["high"] for point in points) * 1.05
    x = quantity("x", (1, LATER[-1] + 1), True, 8) | {"axis": {"title": "month of the survey", "grid": False}}
    y = quantity("y", (0, top), True, 5) | {"axis": {"title": "mean error, m", "tickCount": 5}}
    layers = []
    for place, (side, colour) in enumerate(zip(SIDES, ("edge", "accent", "bad"), strict=True)):
        mine = [point for point in points if point["side"] == side]
        stroke = {"stroke": f"var(--{colour})", "strokeWidth": 2}
        layers.append(layer(mine, {"type": "line", **stroke}, x=x, y=y))
        span = {"y": y | {"field": "low"}, "y2": {"field": "high"}}
        layers.append(layer(mine, {"type": "rule", **stroke, "opacity": 0.5}, x=x, **span))
        layers.append(layer(mine, {"type": "point", "filled": True, "size": 50, "fill": f"var(--{colour})"}, x=x, y=y))
        key = {"type": "text", "align": "left", "fill": f"var(--{colour})", "text": f"● {NAMES[side]}"}
        layers.append(layer([{}], key, x={"value": 180 * place}, y={"value": -14}))
    spec = {**plain(560, 260, {"left": 60, "right": 20, "top": 36, "bottom": 50}), "layer": layers}
    said = f"Mean error in months {', '.join(map(str, months))}: never adapted, adapted monthly, neighbours of the few."
    picture = str(draw(spec, said)).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    return re.sub(r"var\(--([a-z-]+)\)", lambda found: LIGHT[found[1]], picture)


def arguments() -> argparse.Namespace:
    """Flags of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the data sets")
    parser.add_argument("--rows", type=int, default=100, help="new fingerprints a month")
    parser.add_argument("--repetitions", type=int, default=5, help="draws of them, at least two")
    return parser.parse_args()


def main() -> None:
    """Train, adapt month by month, and write table and drawing at the end."""
    args = arguments()
    console.mode = "quiet"
    frame = pd.read_parquet(args.data.resolve() / "wifi_library_months" / "fingerprints.parquet")
    held = ", ".join(map(str, sorted(frame["month"].unique())))
    months = {month: Month() for month in LATER}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["FTKIT_CACHE"] = str(folder / "cache")
        keys = {"method.name": "full", "data.folds": 0}
        source, _ = trained(survey(frame, 1, "trn01", "trn02"), folder, "source", keys)
        for number in range(args.repetitions):
            for month, (values, ends) in repetition(frame, source, folder, number, args.rows).items():
                months[month].add(values, ends)
    lines = [one.line(month) for month, one in months.items()]
    told = f"mean error in metres, {args.rows} fingerprints a month, {args.repetitions} draws"
    about = f"{machine(1)}\n\nMeasured {date.today()}; {told}; the data hold months {held}."
    picture = f"![The curve of decay]({DRAWING.name})"
    write_section("months", f"{about}\n\n{picture}\n\n{table(HEADER, lines)}", README)
    DRAWING.write_text(drawn(months), encoding="utf-8")


if __name__ == "__main__":
    main()
