"""How often ftkit calls two recipes different that differ in nothing but their seeds.

On each data set one recipe (LoRA on the last block, from few rows of each label) is trained with many
seeds, which share one pass through the frozen blocks. Ten seeds make a pair: five of the one recipe and
five of "the other". Both are the same, so every `better` and `worse` on recipes is wrong. For contrast,
single seeds of the one are compared with single seeds of the other: those are two adapters, and
may really differ. With ten seeds for each pair no seed is in two pairs; with fewer they are dealt out again.

    python tests/benchmarks/seed_pairs.py --data ../shared/data
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from measure import machine, table, write_section
from sets import SETS, Fewer, Set

from ftkit import pipeline, recipe
from ftkit.metrics import Scored
from ftkit.metrics.accuracy import Accuracy
from ftkit.statistics import predictions
from ftkit.statistics.crossed import LEAST_SEEDS, compare_recipes
from ftkit.statistics.paired import compare

ACCURACY = Accuracy(name="accuracy")
DIFFERENT = ("better", "worse")
HEADER = [
    "data set",
    "test rows",
    "accuracy, mean of seeds",
    "sd between seeds, points",
    "pairs of recipes",
    "of which called different",
    "other verdicts",
    "pairs of adapters",
    "of which called different",
    "seconds",
]


@dataclass(frozen=True)
class Counted:
    """What was said on one data set."""

    name: str
    rows: int
    accuracies: np.ndarray
    """(seeds,)"""
    recipes: Counter[str]
    """pairs of recipes by verdict"""
    adapters: Counter[str]
    """pairs of adapters by verdict"""
    seconds: float

    def cells(self) -> list[str]:
        """The line of the data set."""
        others = ", ".join(f"{name} {count}" for name, count in self.recipes.items() if name not in DIFFERENT)
        return [
            self.name,
            f"{self.rows:,}",
            f"{self.accuracies.mean():.3f}",
            f"{100 * self.accuracies.std(ddof=1):.1f}",
            str(self.recipes.total()),
            str(different(self.recipes)),
            others,
            str(self.adapters.total()),
            str(different(self.adapters)),
            f"{self.seconds:.0f}",
        ]


def different(verdicts: Counter[str]) -> int:
    """How many verdicts say that there is a difference."""
    return sum(verdicts[name] for name in DIFFERENT)


def trained(one: Set, args: argparse.Namespace, folder: Path) -> list[Scored]:
    """The test rows as each seed's adapter predicts them."""
    fewer = Fewer(per_label=args.per_label, test=args.test)
    train, test = one.write(args.data, folder / one.name, 0, fewer)
    given = recipe.parse(
        {
            "base": "minilm",
            "task": {"name": "text_classification", "text": "text", "label": "label", "max_length": 64},
            "data": {"train": str(train), "test": str(test), "validation": "none"},
            "method": {"name": "lora", "layers": "last 1"},
            "train": {"epochs": args.epochs, "batch": 16, "threads": 1, "precision": "fp32"},
            "evaluate": {"metrics": ["accuracy"]},
            "seeds": args.seeds,
        }
    )

    def claim() -> Path:
        run = folder / f"{one.name}-run"
        run.mkdir()
        return run

    run, report = pipeline.run(given, claim)
    frame, about = predictions.read(run / "predictions.parquet")
    return [
        predictions.scored(frame, "adapted", seed, about["labels"], report["kind"])[0]
        for seed in report["seeds"]["seeds"]
    ]


def counted(one: Set, args: argparse.Namespace, folder: Path) -> Counted:
    """All verdicts on one data set."""
    begun = time.perf_counter()
    seeds = trained(one, args, folder)
    recipes, adapters = Counter[str](), Counter[str]()
    for dealt in hands(len(seeds), args.pairs):
        first, second = ([seeds[i] for i in half] for half in np.split(dealt, 2))
        recipes[compare_recipes(ACCURACY, first, second).outcome] += 1
        adapters.update(compare(ACCURACY, *pair).outcome for pair in zip(first, second, strict=True))
    accuracies = np.array([ACCURACY.compute(seed) for seed in seeds])
    return Counted(one.name, len(seeds[0]), accuracies, recipes, adapters, time.perf_counter() - begun)


def hands(seeds: int, pairs: int) -> list[np.ndarray]:
    """(pairs) ten different seeds each; all seeds are dealt out before any comes again."""
    rng, size = np.random.default_rng(0), 2 * LEAST_SEEDS
    found: list[np.ndarray] = []
    while len(found) < pairs:
        order = rng.permutation(seeds)
        found += [order[start : start + size] for start in range(0, seeds - size + 1, size)]
    return found[:pairs]


def in_words(found: Sequence[Counted]) -> str:
    """The sum, beside what 5 % allow."""
    pairs, wrong = sum(one.recipes.total() for one in found), sum(different(one.recipes) for one in found)
    singles, apart = sum(one.adapters.total() for one in found), sum(different(one.adapters) for one in found)
    allowed = 0.05 + 2 * (0.05 * 0.95 / pairs) ** 0.5
    return (
        f"Of {pairs} pairs of recipes that differ in seeds only, {wrong} were called different ({wrong / pairs:.1%}; "
        f"5 % and twice the simulation error are {allowed:.1%}). Of {singles} pairs of single adapters, {apart} were "
        f"({apart / singles:.1%})."
    )


def arguments() -> argparse.Namespace:
    """Flags of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the data sets")
    parser.add_argument("--sets", nargs="+", default=["amazon", "imdb", "yelp", "emotion"], choices=list(SETS))
    parser.add_argument("--seeds", type=int, default=100, help="trained on each data set; ten make a pair")
    parser.add_argument("--pairs", type=int, default=10, help="pairs of recipes on each data set")
    parser.add_argument("--per-label", type=int, default=30, help="training rows of each label")
    parser.add_argument("--test", type=int, default=300, help="test rows")
    parser.add_argument("--epochs", type=int, default=2, help="passes over the training rows")
    parser.add_argument("--keep", action="store_true", help="write the table into README.md")
    args = parser.parse_args()
    if args.seeds < 2 * LEAST_SEEDS:
        parser.error(f"--seeds: {2 * LEAST_SEEDS} or more make a pair")
    return args


def main() -> None:
    """Train, compare and print the table."""
    args = arguments()
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for name in args.sets:
            found.append(counted(SETS[name], args, Path(folder)))
            print(" | ".join(found[-1].cells()), file=sys.stderr, flush=True)
    text = f"{machine(1)}\n\n{table(HEADER, [one.cells() for one in found])}\n\n{in_words(found)}"
    if args.keep:
        write_section("seed_pairs", text)
    print(text)


if __name__ == "__main__":
    main()
