"""Every shipped recipe on the example data: what it scores, whether that beats the linear probe, what it costs.

Each recipe is run as it is, by the `ftkit train` command in its header, one after the other, and the
table of recipes/README.md is written anew.

    python tests/benchmarks/recipes.py
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measure import FTKIT, Finished, machine, run, table, write_section

from ftkit import metrics
from ftkit.metrics import Metric
from ftkit.recipe import shipped
from ftkit.statistics import predictions, wording
from ftkit.statistics.paired import Comparison, compare

README = Path(__file__).resolve().parents[2] / "recipes" / "README.md"
MODELS = Path(__file__).resolve().parents[3] / "shared" / "models"
STAND_INS = {
    "image_classification": "vit-tiny-patch16-224",
    "audio_classification": "whisper-tiny.en-encoder",
    "video_classification": "mobilenet-v2-0.35-224-backbone",
}
"""task: the checkpoint in MODELS that is measured in place of a recipe's base, since nothing here has a network"""
HEADER = [
    "recipe",
    "score",
    "better than the linear probe by",
    "verdict",
    "passes kept by fold",
    "seconds",
    "of CPU",
    "peak MiB",
    "trained weights",
    "adapter bytes",
    "measured",
]


@dataclass(frozen=True)
class Measured:
    """One recipe after its run."""

    name: str
    report: dict[str, Any]
    over_probe: Comparison
    """the adapted model against the linear probe, on the same rows"""
    done: Finished


def measured(name: str, folder: Path, threads: int) -> Measured:
    """Run one recipe in `folder`, and read what it left."""
    out = folder / name.replace("/", "_")
    stand_in = STAND_INS.get(name.partition("/")[0])
    base = ["--base", str(MODELS / stand_in)] if stand_in else []
    command = [*FTKIT, "train", name, *base, "--out", str(out), "--offline", "--quiet"]
    done = run(command, threads, cwd=folder, cache=out.with_suffix(".cache"))
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    return Measured(name, report, over_probe(out, int(report["seed"])), done)


def over_probe(out: Path, seed: int) -> Comparison:
    """The adapted model of a run against its linear probe, by the run's primary metric.

    The report compares with the best baseline instead.
    """
    frame, about = predictions.read(out / "predictions.parquet")
    kind = str(frame["kind"].iloc[0])
    adapted, probe = (
        predictions.scored(frame, name, seed, about["labels"], kind)[0] for name in ("adapted", wording.PROBE)
    )
    return compare(metrics.load(about["primary"]), adapted, probe)


def cells(one: Measured) -> list[str]:
    """The line of one recipe."""
    metric = metrics.load(one.report["primary"])
    score, cost, verdict = one.report["scores"]["test"][metric.name], one.report["cost"], one.report["verdict"]
    return [
        f"`{one.name}`",
        f"{wording.measure(metric)} {score['value']:.3f} ({score['low']:.3f} to {score['high']:.3f})",
        difference(one.over_probe, metric),
        verdict["outcome"],
        passes(one.report["choices"]["epochs"]),
        f"{one.done.seconds:.0f}",
        f"{one.done.cpu_seconds:.0f}",
        f"{one.done.peak_bytes / 2**20:.0f}",
        f"{cost['trainable_parameters']:,}",
        f"{cost['adapter_bytes']:,}",
        datetime.date.today().isoformat(),
    ]


def difference(found: Comparison, metric: Metric) -> str:
    """`+3.4 (+1.4 to +5.9) points`, or in the metric's own unit without them."""
    value, low, high = (
        "–" if number is None else wording.gap(number, metric).removesuffix(" points")
        for number in (found.difference, found.low, found.high)
    )
    return f"{value} ({low} to {high})" + (" points" if metric.bounds == (0.0, 1.0) else "")


def passes(epochs: dict[str, int]) -> str:
    """`4 1 6 6 5`: passes over the rows that validation chose for each fold."""
    return " ".join(str(kept) for part, kept in epochs.items() if part.startswith("fold"))


def known() -> dict[str, list[str]]:
    """Lines of the table as it is, by recipe; those of recipes that are no longer shipped are left out."""
    lines = [line.strip("| ").split(" | ") for line in README.read_text(encoding="utf-8").splitlines()]
    names = {f"`{name}`" for name in shipped.recipes()}
    return {line[0]: line for line in lines if line[0] in names and len(line) == len(HEADER)}


def arguments() -> argparse.Namespace:
    """Flags of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="part of the names of the recipes to run; other rows stay")
    parser.add_argument("--threads", type=int, default=1, help="threads of arithmetic")
    return parser.parse_args()


def main() -> None:
    """Run all recipes in turn and write the table."""
    args = arguments()
    load = os.getloadavg()[0]
    rows = known()
    with tempfile.TemporaryDirectory() as folder:
        for name in shipped.recipes():
            if args.only in name:
                rows[f"`{name}`"] = cells(measured(name, Path(folder), args.threads))
                print(" | ".join(rows[f"`{name}`"]), file=sys.stderr, flush=True)
                where = f"{machine(args.threads)} Load of the machine before the start: {load:.1f}."
                write_section("recipes", f"{where}\n\n{table(HEADER, [rows[key] for key in sorted(rows)])}", README)


if __name__ == "__main__":
    main()
