"""fp32 or bf16 for training steps: measured on the run's own rows where the recipe says `auto`, then remembered.

bf16 products are about twice as fast on processors that have them, but the rest of a step gains
nothing and autocast has to convert between both: whole steps gain 1.3 on one machine and lose on
another. Only a measurement knows; and because two measurements may differ, the first one counts for
the run, for its reruns (its recipe holds it) and for equal runs on this machine (the cache does).
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, cast

import numpy as np
import torch

from ftkit import environment, hardware
from ftkit.console import console
from ftkit.errors import FtkitError
from ftkit.files import write_json
from ftkit.training.loop import rehearse
from ftkit.training.passes import Job

if TYPE_CHECKING:
    from ftkit.features.cache import Cache
    from ftkit.runs.folder import RunFolder
    from ftkit.training.members import Member

Precision = Literal["fp32", "bf16"]
KEY = "precision"
MEASURED = "measured.json"
GAIN = 1.1  # times faster that bf16 must be: less is not worth its rounding
STEP, PAIRS = 0.1, 4  # seconds of a step that is measured, about; times that each precision is
BF16 = {"avx512_bf16", "amx_bf16", "bf16"}  # instructions of x86 and ARM, by their names in /proc/cpuinfo


@dataclass
class Precisions:
    """The precision of a run's training steps, which all its members share once it is settled."""

    wanted: Precision | Literal["auto"]
    run: RunFolder
    cache: Cache
    """what is measured on this machine is kept beside its activations"""

    @property
    def settled(self) -> Precision | None:
        """What the recipe asks for, or what was measured; None where nothing called for it yet."""
        return cast("Precision | None", self.run.begun.get(KEY)) if self.wanted == "auto" else self.wanted

    def settle(self, job: Job, one: Member) -> Job:
        """The job in the precision that its steps are to have, measured with this member where it is not known."""
        if self.settled is None and one.backbone:  # a head that trains alone takes no time either way
            self.run.remember(KEY, choose(job, one, self.cache))
        return replace(job, precision=self.settled or "fp32")


def choose(job: Job, one: Member, cache: Cache) -> Precision:
    """What is faster for a member's steps on this machine; takes a second where it was never measured."""
    if job.network.device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported() else "fp32"
    if not has_bf16() or next(iter(one.backbone.values())).dtype != torch.float32:
        return "fp32"
    key = _key(job, one)
    if (known := _known(cache).get(key)) is None:
        known = measure(job, one)
        if not all(map(math.isfinite, known)):
            return "fp32"
        known = _remember(cache, key, known)
    fp32, bf16 = known
    if bf16 * GAIN > fp32:
        return "fp32"
    console.say(f"training steps are computed in bf16, {fp32 / bf16:.1f} times as fast here")
    return "bf16"


def has_bf16() -> bool:
    """Whether the processor multiplies bf16 by itself; without that, bf16 can only lose."""
    return bool(BF16 & set((hardware.cpuinfo("flags") or hardware.cpuinfo("Features")).split()))


def measure(job: Job, one: Member) -> tuple[float, float]:
    """Seconds of computing that a step of typical rows takes in fp32 and in bf16; infinite where memory ran out.

    Steps take turns, so that what else the machine does hits both, and the quickest of each counts.
    """
    rows = _typical(one, job.examples.lengths)
    jobs = [replace(job, precision=name) for name in ("fp32", "bf16")]

    def seconds(each: Job, rows: np.ndarray) -> float:
        start = time.process_time()
        return time.process_time() - start if rehearse(each, one, rows) else float("inf")

    few = rows[:4]
    first = max(min(seconds(each, few) for _ in range(2)) for each in jobs)  # also makes what later steps reuse
    rows = rows[: max(len(few), int(len(few) * STEP / first))] if first else rows
    turns = [[seconds(each, rows) for each in jobs] for _ in range(PAIRS)]
    fp32, bf16 = (min(column) for column in zip(*turns, strict=True))
    return fp32, bf16


def _typical(one: Member, lengths: np.ndarray) -> np.ndarray:
    """Rows of the batch in whose length half of the first epoch's work has been done, from the shortest on."""
    batches = sorted(one.batches(0, lengths), key=lambda rows: int(lengths[rows].max()))
    work = np.cumsum([len(rows) * int(lengths[rows].max()) for rows in batches])
    return batches[int(np.searchsorted(work, work[-1] / 2))]


def _key(job: Job, one: Member) -> str:
    """What the speed of a step depends on, as a hash: nothing of it tells about rows."""
    backbone = job.network.backbone
    shapes = [(name, tuple(p.shape)) for name, p in backbone.named_parameters()]
    facts = [
        [hardware.processor(), torch.backends.cpu.get_cpu_capability(), torch.get_num_threads()],
        [torch.__version__, environment.versions().get("transformers"), environment.versions().get("peft")],
        [shapes, sorted(one.backbone), job.network.depth, one.settings.batch],
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]


def _known(cache: Cache) -> dict[str, tuple[float, float]]:
    """What was measured on this machine: seconds of a step in fp32 and in bf16, by `_key`."""
    try:
        known = json.loads((cache.root / MEASURED).read_text(encoding="utf-8"))
        return {str(key): (float(fp32), float(bf16)) for key, (fp32, bf16) in known.items()}
    except (OSError, ValueError, TypeError, AttributeError):  # not there yet, or damaged: it is measured again
        return {}


def _remember(cache: Cache, key: str, found: tuple[float, float]) -> tuple[float, float]:
    """Keep a measurement; where another process was faster, its own counts."""
    try:
        with cache.writing(cache.root):
            known = _known(cache)
            found = known.setdefault(key, found)
            write_json(cache.root / MEASURED, known)
    except (OSError, FtkitError) as error:
        cache.refused(error)
    return found
