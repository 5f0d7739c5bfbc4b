"""ftkit beside its rivals: the same rows, the same base, the same number of threads, in one run.

Every repetition draws other training rows and gives them to every contestant in turn, so that a
machine whose speed drifts slows all of them alike; ratios are taken within a repetition. What was
measured is kept, and a benchmark that was stopped goes on where it was; a change of ftkit's code, of
a rival's script or of a version makes only what it touches be measured again.

    python tests/benchmarks/bench.py                     # about two hours on two cores
    python tests/benchmarks/bench.py --quick             # about half an hour
    python tests/benchmarks/bench.py --only emotion,yelp --rivals setfit
    python tests/benchmarks/bench.py --try               # some minutes: does everything run?
"""

from __future__ import annotations

import argparse
import importlib.metadata
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import contestants as who
from claims import of_claims
from measure import CommandFailed, cores, machine, versions, write_section
from records import Record, Records
from running import HERE, Contest, Contestant
from sets import SETS, Fewer, Set
from tables import Found, of_same_work, of_sets, where

SCRIPTS = ("startup", "big_csv")
WORK, AGAIN, PRECISION = "same_work", "second_run", "precision"
RIVALS = ("trainer", "best", "setfit", "embeddings")
BANKING = SETS["banking77_10"]
TRIAL = Fewer(labels=4, per_label=6, test=60)
QUICK = Fewer(test=1000)
QUICK_PASSES = 3
"""of Trainer where the same work is compared; the rest is continued at their pace"""
LEAST = 45.0
"""seconds that a rival gets in any case, a good part of them for the import of its libraries"""
NEEDED = 32
"""times ftkit's seconds that Trainer as documented gets on banking77, also in a quick run: 30 are to be shown"""
AGAIN_PER_LABEL = 27
"""2,079 rows"""


@dataclass
class Bench:
    """What is measured, how, and what was found."""

    data: Path
    folder: Path
    records: Records
    threads: int
    quick: bool
    fewer: Fewer
    give_up: float
    """times as slow as ftkit"""
    parts: tuple[str, ...]
    rivals: tuple[str, ...]
    tuned: tuple[str, ...] = tuple(SETS)
    """sets for which Trainer's learning rate is chosen anew; else it is the one that was best when this was written"""
    found: list[Record] = field(default_factory=list)
    """what the tables are made of"""
    failed: list[str] = field(default_factory=list)
    precision: str = "fp32"
    """of Trainer at its best: the faster one"""
    rates: dict[str, float] = field(default_factory=dict)
    """data set: learning rate at which Trainer was best"""

    def one(
        self,
        contestant: Contestant,
        contest: Contest,
        rival: str = "",
        limit: float = 1e9,
        cache: Path | None = None,
        fresh: bool = False,
    ) -> Record | None:
        """The record of a contestant: a known one, or one that is made now if it is asked for."""
        asked = contest.part in self.parts and (not rival or rival in self.rivals)
        record = None if asked and fresh else self.known(contestant, contest, limit)
        if record is None and asked:
            try:
                record = contestant.run(contest, contestant.key(contest, versions(who.PACKAGES)), limit, cache)
            except CommandFailed as error:
                self.failed.append(f"{contest.part}, {contestant.name}")
                say(f"{self.failed[-1]}: {error}")
                return None
            self.records.add(record)
            took = f"{record.seconds:.1f} s, {record.train_seconds:.1f} of training, accuracy {record.accuracy:.3f}"
            gone = "" if record.complete else ", given up"
            say(f"{contest.part} {contest.repetition}, {contestant.name}: {took}{gone}")
        if record is not None:
            self.found.append(record)
        return record

    def known(self, contestant: Contestant, contest: Contest, limit: float = 1e9) -> Record | None:
        """What an earlier benchmark has found."""
        return self.records.find(contestant.key(contest, versions(who.PACKAGES)), least=0.8 * limit)

    def contest(self, one: Set, repetition: int, part: str, fewer: Fewer) -> Contest:
        """Files of a set for a repetition."""
        folder = self.folder / part / str(repetition)
        train, test = one.write(self.data, folder, repetition, fewer)
        return Contest(part, repetition, train, test, self.threads, folder)


def say(text: str) -> None:
    """Progress, for the person who waits."""
    print(text, file=sys.stderr, flush=True)


def same_work(bench: Bench, repetition: int) -> None:
    """The same passes over the same rows with the same layers training, on both sides."""
    contest = bench.contest(BANKING, repetition, WORK, bench.fewer.and_test(77))
    passes = QUICK_PASSES if bench.quick else who.PASSES
    for kind in who.KINDS:
        bench.one(who.same_work(kind, who.PASSES), contest)
        bench.one(who.same_work_of_trainer(kind, passes, bench.precision), contest, "best")
        bench.one(who.same_work_of_trainer(kind, passes), contest, "trainer")


def faster_precision(bench: Bench) -> str:
    """What Trainer at its best trains in: two passes in each, of which the second is timed.

    bf16 is given up at twice fp32's seconds: a processor that does not multiply it by itself takes ten times as long.
    """
    contest = bench.contest(BANKING, 0, PRECISION, bench.fewer.and_test(77))
    took: dict[str, float] = {}
    limit = 1e9
    for one in ("fp32", "bf16"):
        contestant = replace(who.same_work_of_trainer(who.KINDS[0], 2, one), name=one)
        record = bench.one(contestant, contest, "best", limit)
        if record is not None and record.complete:
            took[one] = float(record.about["epoch_seconds"][-1])
            limit = 2 * record.seconds
    return min(took, key=lambda one: took[one], default="fp32")


def second_run(bench: Bench, repetition: int) -> None:
    """ftkit twice on the same rows, with one cache that is empty before."""
    more = replace(BANKING, per_label=AGAIN_PER_LABEL)
    contest = bench.contest(more, repetition, AGAIN, bench.fewer.and_test(77))
    flags = ("--method", "lora", "--epochs", "1", "--set", "data.validation=none")
    both = [Contestant(name, flags) for name in ("first", "second")]
    fresh = any(bench.known(one, contest) is None for one in both)  # a second one without its first finds no cache
    for one in both:
        bench.one(one, contest, cache=contest.folder / "cache", fresh=fresh)


def on_set(bench: Bench, one: Set, repetition: int) -> None:
    """Everybody on one data set."""
    contest = bench.contest(one, repetition, one.name, bench.fewer)
    ours = [bench.one(mine, contest) for mine in who.OURS[: 1 if bench.quick else None]]
    soonest = min((record.time_to(one.target).value for record in ours if record is not None), default=LEAST)
    limit = max(LEAST, bench.give_up * soonest)
    bench.one(who.EMBEDDINGS, contest, "embeddings")
    tune(bench, one, contest, limit)
    rate = bench.rates[one.name]
    bench.one(who.trainer(one, rate, bench.precision), contest, "best", limit)
    if not bench.quick or one is BANKING:
        bench.one(who.trainer(one, rate), contest, "trainer", max(limit, NEEDED * soonest))
    bench.one(who.setfit(one), contest, "setfit", limit)


def tune(bench: Bench, one: Set, contest: Contest, limit: float) -> None:
    """Choose Trainer's learning rate, once a set, on the test rows.

    A rate is given up once it is slower to the set accuracy than the best so far.
    """
    if one.name in bench.rates:
        return
    bench.rates[one.name] = one.rate
    if one.name not in bench.tuned:
        return
    tried: dict[float, Record] = {}
    for lr in sorted(who.RATES, key=lambda lr: lr != one.rate):
        record = bench.one(who.trainer(one, lr, bench.precision), contest, "best", limit)
        if record is not None:
            tried[lr] = record
            reached = record.time_to(one.target)
            limit = limit if reached.at_least else min(limit, reached.value)

    def rank(lr: float) -> tuple[bool, float]:
        to_target = tried[lr].time_to(one.target)
        return to_target.at_least, -tried[lr].accuracy if to_target.at_least else to_target.value

    bench.rates[one.name] = min(tried, key=rank, default=bench.rates[one.name])


def sections(bench: Bench) -> dict[str, str]:
    """What is written into the README, by the name of its place there."""
    found = Found(bench.found, bench.rates)
    about = where(bench.found, machine(bench.threads, ("ftkit", *who.PACKAGES)))
    rates = ", ".join(f"{name} {rate:g}" for name, rate in bench.rates.items())
    known = [name for name in bench.rates if name not in bench.tuned]
    chosen = "the best of three" + f"; as in an earlier run on {', '.join(known)}" * bool(known)
    settings = f"Learning rates of Trainer ({chosen}): {rates}. Trainer at its best trains in {bench.precision}."
    if bench.quick:
        about += " A quick run: one repetition, at most 1,000 test rows, rivals given up early."
    return {
        "claims": f"{about}\n\n{of_claims(found, WORK, AGAIN)}",
        "sets": f"{settings}\n\n{of_sets(found)}",
        "same_work": of_same_work(found, WORK),
    }


def arguments() -> argparse.Namespace:
    """Flags of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = (*SCRIPTS, WORK, AGAIN, *SETS)
    parser.add_argument("--data", type=Path, default=HERE.parents[2] / "shared" / "data", help="folder of the sets")
    parser.add_argument("--threads", type=int, default=cores(), help="threads of arithmetic (default: all cores)")
    parser.add_argument("--repetitions", type=int, default=2, help="draws of the training rows")
    parser.add_argument("--quick", action="store_true", help="one repetition, fewer test rows, rivals given up early")
    parser.add_argument("--known-rates", action="store_true", help="look for Trainer's rate on banking77_10 alone")
    parser.add_argument("--try", action="store_true", dest="trial", help="a few rows; writes nothing down")
    parser.add_argument("--only", type=some_of(parts), default=parts, help=f"of {','.join(parts)}")
    parser.add_argument("--rivals", type=some_of(RIVALS), default=RIVALS, help=f"of {','.join(RIVALS)}")
    parser.add_argument("--give-up", type=float, help="times as slow as ftkit (default: 100, quick: 8)")
    parser.add_argument("--keep", type=Path, default=HERE.parents[1] / "bench" / "records.jsonl", help="what is known")
    return parser.parse_args()


def some_of(known: Sequence[str]) -> Callable[[str], tuple[str, ...]]:
    """A type of names that are separated by commas."""

    def names(text: str) -> tuple[str, ...]:
        chosen = tuple(text.split(","))
        if unknown := [name for name in chosen if name not in known]:
            raise argparse.ArgumentTypeError(f"{unknown[0]}: not among {', '.join(known)}")
        return chosen

    return names


def measured(bench: Bench, repetitions: int, written: bool) -> dict[str, str]:
    """Measure all parts, and write the tables after each repetition."""
    bench.precision = faster_precision(bench)
    for repetition in range(repetitions):
        same_work(bench, repetition)
        second_run(bench, repetition)
        for one in SETS.values():
            on_set(bench, one, repetition)
        for name, text in sections(bench).items() if written else ():
            write_section(name, text)
    return sections(bench)


def main() -> int:
    """Make ready, and measure."""
    args = arguments()
    try:
        versions(who.PACKAGES)
    except importlib.metadata.PackageNotFoundError as missing:
        raise SystemExit(f"no {missing.name}: pip install -c constraints.txt -e '.[quickstart,bench]'") from None
    if not (args.data / "banking77_en").is_dir():
        raise SystemExit(f"no {args.data}/banking77_en: --data FOLDER, see tests/benchmarks/README.md")
    quick = args.quick or args.trial
    for name in SCRIPTS if not quick else ():
        if name in args.only:
            subprocess.run([sys.executable, str(HERE / f"{name}.py")], check=True)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(
            data=args.data,
            folder=Path(folder),
            records=Records(Path(folder) / "records.jsonl" if args.trial else args.keep),
            threads=args.threads,
            quick=quick,
            tuned=() if quick else (BANKING.name,) if args.known_rates else tuple(SETS),
            fewer=TRIAL if args.trial else QUICK if quick else Fewer(),
            give_up=args.give_up or (8 if quick else 100),
            parts=(*args.only, PRECISION),
            rivals=args.rivals,
        )
        texts = measured(bench, 1 if quick else args.repetitions, written=not args.trial)
    print("\n\n".join(texts.values()))
    if bench.failed:
        say(f"failed: {'; '.join(bench.failed)}")
    return 1 if bench.failed else 0


if __name__ == "__main__":
    sys.exit(main())
