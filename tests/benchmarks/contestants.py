"""Who takes part, with which flags. Everything that was tuned for a side is here, or in `sets.py`."""

from __future__ import annotations

from dataclasses import dataclass

from running import Contestant
from sets import Set

AUTO, LORA = Contestant("ftkit auto", ("--method", "auto")), Contestant("ftkit lora", ("--method", "lora"))
OURS = (AUTO, LORA)
TRAINER, BEST, SETFIT = "Trainer + PEFT", "Trainer at its best", "SetFit"
EMBEDDINGS = Contestant("embeddings + regression", (), "rival_embeddings.py")
PACKAGES = ("torch", "transformers", "peft", "accelerate", "sentence-transformers", "setfit", "scikit-learn")
BATCH = 32
"""rows in one step of the guide, of ftkit, and of everything that is to be the same work"""
RATES = {5e-3: 1.0, 2e-3: 1.5, 1e-3: 2.4}
"""learning rate of Trainer: passes, as a multiple of those of its first rate, that bring it about as far"""
PASSES = 10
"""over the rows, where the same work is compared"""
BLOCKS = 6
"""of the packaged base"""


@dataclass(frozen=True)
class Kind:
    """The same work for both sides: what trains, in our words and in the rival's."""

    name: str
    ours: tuple[str, ...]
    layers: str
    """of the rival"""
    blocks: int
    """that train; 0: the head alone"""
    needed: tuple[float, float]
    """times faster than Trainer as documented, and than Trainer at its best, that ftkit has to be"""


KINDS = (
    Kind("LoRA on all layers", ("--method", "lora", "--set", "method.layers=all"), "all", BLOCKS, (3.0, 1.2)),
    Kind("LoRA on the last third", ("--method", "lora", "--set", "method.layers=last 2"), "2", 2, (6.0, 2.2)),
    Kind("LoRA on the last layer", ("--method", "lora", "--set", "method.layers=last 1"), "1", 1, (10.0, 4.0)),
    Kind("the head alone", ("--method", "head"), "0", 0, (30.0, 12.0)),
)


def setfit(one: Set) -> Contestant:
    """SetFit with as many pairs as the set has room for."""
    return Contestant(SETFIT, ("--pairs", str(one.pairs)), "rival_setfit.py")


def trainer(one: Set, lr: float, precision: str = "") -> Contestant:
    """Trainer + PEFT as documented, or with a precision at its best."""
    passes = one.passes[1 if precision else 0] * RATES[lr]
    flags = ("--lr", f"{lr:g}", "--epochs", str(round(passes)), "--target", str(one.target))
    if not precision:
        return Contestant(TRAINER, (*flags, "--batch", str(BATCH)), "rival_trainer.py")
    return Contestant(BEST, (*flags, "--batch", str(one.batch), *at_best(precision)), "rival_trainer.py")


def at_best(precision: str) -> tuple[str, ...]:
    """What speeds Trainer up without a change of what it learns."""
    return "--by-length", "--precision", precision


def same_work(kind: Kind, passes: int) -> Contestant:
    """ftkit with nothing to choose: so many passes over all rows."""
    fixed = ("--set", "data.validation=none", "--set", f"train.batch={BATCH}", "--set", "train.lr=1e-3")
    return Contestant(f"ftkit, {kind.name}", (*kind.ours, "--epochs", str(passes), *fixed))


def same_work_of_trainer(kind: Kind, passes: int, precision: str = "") -> Contestant:
    """Trainer with the same passes, batch and layers, which scores nothing before the end."""
    name = f"{BEST if precision else TRAINER}, {kind.name}"
    flags = ("--layers", kind.layers, "--epochs", str(passes), "--batch", str(BATCH), "--lr", "1e-3")
    return Contestant(name, (*flags, *(at_best(precision) if precision else ())), "rival_trainer.py")
