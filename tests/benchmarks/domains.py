"""Every run on every domain: what an adapter is worth away from home, and what adapting a run costs at its source.

Sentences from the reviews of three sites and reviews of four kinds of goods, pleased or not: seven
domains with the same labels. One run is trained on each, and one more is adapted from the run on
books to kitchen ware. All are scored on the test rows of all domains by `ftkit.verbs.crossing`, and the
matrix, its verdicts, gain and forgetting are written into README.md.

    python tests/benchmarks/domains.py --data ../shared/data
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from measure import draw, machine, read_rows, table, write_rows, write_section
from sets import COLUMNS, Halves, distinct, site, thinned

from ftkit.console import console
from ftkit.reports import words
from ftkit.reports.matrix import MARKS, notes

SITES = ("imdb", "amazon", "yelp")
KINDS = ("books", "dvd", "electronics", "kitchen")
SOURCE, TARGET = "books", "kitchen"
ADAPTED = f"{TARGET}-from-{SOURCE}"


def goods(data: Path, kind: str) -> Halves:
    """Reviews of one kind of goods; official split."""
    folder = data / "amazon_reviews_en"
    columns = ("domain", "text", "label")
    parts = [
        [row[1:] for row in read_rows(folder / f"{part}.csv", columns) if row[0] == kind] for part in ("train", "test")
    ]
    train, test = (distinct([(text, label) for text, label in part]) for part in parts)
    return [row for row in train if row not in set(test)], test


def written(data: Path, folder: Path, per_label: int, test: int) -> dict[str, tuple[Path, Path]]:
    """Domain: its training and test rows as files."""
    halves = {name: site(name)(data) for name in SITES} | {name: goods(data, name) for name in KINDS}
    found = {}
    for name, (pool, rows) in halves.items():
        (folder / name).mkdir()
        train = write_rows(folder / name / "train.csv", COLUMNS, draw(pool, per_label, seed=0))
        found[name] = train, write_rows(folder / f"{name}.csv", COLUMNS, thinned(rows, test))
    return found


def trained(folder: Path, name: str, train: Path, test: Path, base: str, more: Mapping[str, Any]) -> Path:
    """One run, in this process: eight starts of Python would take longer than the training."""
    import ftkit

    changes = {"data.test": str(test), "base": base, "method.name": "lora", "task.text": "text", "task.label": "label"}
    run, _ = ftkit.train(train, folder / name, changes=changes | dict(more))
    return run


def matrix_rows(matrix: Mapping[str, Any]) -> Iterator[list[str]]:
    """A line for each run: its scores, with their interval at home, and verdicts."""
    sets = [one["name"] for one in matrix["sets"]]
    cells = {(cell["entry"], cell["set"]): cell for cell in matrix["cells"]}
    for entry in dict.fromkeys(cell["entry"] for cell in matrix["cells"]):
        yield [entry, *(shown(cells[entry, name]) for name in sets)]


def shown(cell: Mapping[str, Any]) -> str:
    """`**0.874** +`: bold at home, the verdict's mark behind it."""
    score = words.score(cell["score"]["value"])
    mark = f" {MARKS[cell['against']['outcome']]}" if cell["against"] else ""
    return (f"**{score}**" if cell["home"] else score) + mark


def summary_rows(matrix: Mapping[str, Any]) -> Iterator[list[str]]:
    """A line for each run: gain at home, and what it lost where its reference is at home."""
    for one in matrix["summary"]:
        if one["gain"] or one["forgetting"]:
            against = (one["gain"] or one["forgetting"])["entry"]
            yield [one["entry"], against, change(one["gain"]), change(one["forgetting"])]


def change(found: Mapping[str, Any] | None) -> str:
    """`+2.3 points (−0.4 to +5.0) on kitchen, cannot tell`."""
    if found is None:
        return words.NONE
    numbers = found["difference"]
    between = words.differences(numbers["low"], numbers["high"], points=True)
    said = f"{words.difference(numbers['value'], points=True)} ({between}) on {found['set']}, {found['outcome']}"
    return said.replace(words.SPACE, " ")


def arguments() -> argparse.Namespace:
    """Flags of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the data sets")
    parser.add_argument("--per-label", type=int, default=100, help="training rows of each of the two labels")
    parser.add_argument("--test", type=int, default=200, help="test rows of each domain")
    parser.add_argument("--length", type=int, default=96, help="tokens at which a text is cut")
    parser.add_argument("--epochs", type=int, default=3, help="passes over the training rows")
    return parser.parse_args()


def main() -> None:
    """Train, cross, and write the tables."""
    args = arguments()
    console.mode = "quiet"
    # nothing is chosen on validation rows: that would take most of the time, and all runs are to be alike
    more = {"task.max_length": args.length, "train.epochs": args.epochs, "data.validation": "none"}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["FTKIT_CACHE"] = str(folder / "cache")
        files = written(args.data.resolve(), folder, args.per_label, args.test)
        (folder / "runs").mkdir()
        start, cpu = time.perf_counter(), time.process_time()
        bases = dict.fromkeys([SOURCE, *files], "minilm") | {ADAPTED: str(folder / "runs" / SOURCE)}
        runs = []
        for run, base in bases.items():
            runs.append(trained(folder / "runs", run, *files[run.partition("-")[0]], base, more))
            print(f"{run}: {time.process_time() - cpu:.0f} s of CPU so far", flush=True)
        training = time.perf_counter() - start, time.process_time() - cpu
        matrix, crossing = timed(runs, [str(test) for _, test in files.values()])
        _, again = timed(runs, [str(test) for _, test in files.values()])
    text = page(matrix, args, training, crossing, again)
    write_section("domains", text)
    print(text)


def timed(runs: list[Path], files: list[str]) -> tuple[dict[str, Any], tuple[float, float]]:
    """The matrix, and the seconds that it took: on the clock, of CPU."""
    from ftkit.verbs.crossing import cross

    start, cpu = time.perf_counter(), time.process_time()
    return cross(runs, files), (time.perf_counter() - start, time.process_time() - cpu)


def page(matrix: Mapping[str, Any], args: argparse.Namespace, *taken: tuple[float, float]) -> str:
    """The section of README.md."""
    training, crossing, again = (f"{cpu:.0f} s of CPU ({clock:.0f} s on the clock)" for clock, cpu in taken)
    marks = ", ".join(f"{mark} {outcome}" for outcome, mark in MARKS.items())
    lines = [
        machine(1),
        f"{2 * args.per_label} training and {args.test} test rows of each domain, {args.length} tokens, LoRA with "
        f"{args.epochs} passes. Training took {training}, scoring all runs on all domains {crossing}, "
        f"and once more, from what is kept, {again}.",
        f"{words.words(matrix['metric']).capitalize()}; bold: the run's own domain; against the reference: {marks}.",
        table(["run", *(one["name"] for one in matrix["sets"])], matrix_rows(matrix)),
        table(["run", "against", "gain", "forgetting"], summary_rows(matrix)),
        "\n".join(f"- {note}" for note in notes(matrix)),
        " ".join(matrix["meaning"]),
    ]
    return "\n\n".join(lines)


if __name__ == "__main__":
    main()
