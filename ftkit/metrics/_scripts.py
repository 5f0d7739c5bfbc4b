"""Metrics in the form of the `evaluate` library: its scripts used here, ours offered there."""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ftkit import environment, registry
from ftkit.errors import InputError, did_you_mean
from ftkit.metrics import Metric, Scored
from ftkit.metrics._values import VALUES

NEAR = 0.8  # likeness above which an unknown name is taken for a misspelling, and no hub is asked


class Script(Metric):
    """A metric script, called with predictions and references as whole numbers (of values, as numbers).

    The number taken is the one named like the script, else the first. Higher is taken to be better;
    wrap the script in a `Metric` of one's own where it is not.
    """

    kinds: ClassVar[frozenset[str]] = frozenset({"label", "labels", "values"})
    bounds: ClassVar[tuple[float, float]] = (float("-inf"), float("inf"))
    _module: Any = None

    def compute(self, scored: Scored) -> float:
        guesses, truth = (_plain(one, scored.kind) for one in (scored.prediction, scored.gold))
        try:  # not `compute`, which sends every call through a file: 50 times slower
            answer = self._module._compute(predictions=guesses, references=truth)
        except Exception as error:  # a script may fail in any way
            reason = str(error).strip().partition("\n")[0]
            raise InputError(f"{self.name}: the metric fails: {reason}", "mend the script") from error
        numbers = {key: value for key, value in answer.items() if isinstance(value, (int, float, np.number))}
        if not numbers:
            raise InputError(f"{self.name}: the script gives no number", "return {'name': number} from _compute")
        own = Path(self.name).stem
        return float(numbers[own] if own in numbers else next(iter(numbers.values())))


def _plain(cells: np.ndarray, kind: str) -> list[Any]:
    """A list of cells; of a single target one number a row."""
    found: list[Any] = (cells[:, 0] if kind == "values" and cells.shape[1] == 1 else cells).tolist()
    return found


@cache
def load_script(name: str) -> Script:
    """The `evaluate` script of a file, a folder or an id; running it executes its code."""
    local = Path(name).exists()
    if not local:
        _ask_for(name)
    import evaluate

    if not local and environment.offline():
        evaluate.config.HF_EVALUATE_OFFLINE = True  # only what is cached; it reads no other switch
    try:
        module = evaluate.load(name, keep_in_memory=True)
    except Exception as error:  # a script may fail in any way; whatever it is, the user wants one line
        reason = str(error).strip().partition("\n")[0]
        if local:
            raise InputError(f"{name}: no metric that `evaluate` can load: {reason}", "give a file with one") from error
        raise InputError(f"no metric named {name!r}, here or on the hub", _known(name)) from error
    script = Script(name=name)
    script._module = module
    return script


def _known(name: str) -> str:
    return did_you_mean(name, registry.names("metrics"), show=12)


def _ask_for(name: str) -> None:
    """Raise at once for a path that is not there, a misspelt name, and a hub that cannot be reached."""
    if name.startswith((".", "/", "~")) or name.endswith(".py"):
        raise InputError(f"{name}: no such metric file or folder", "ftkit list metrics")
    if get_close_matches(name, registry.names("metrics"), n=1, cutoff=NEAR):
        raise InputError(f"no metric named {name!r}", _known(name))
    if not environment.offline():
        from ftkit.bases.hub import answers

        reached, what = answers()  # one short probe: unreachable look-ups otherwise take up to 47 s
        if not reached:
            raise InputError(f"no metric named {name!r} here, and {what} cannot be reached", _known(name))


def as_module(metric: Metric) -> Any:
    """An `evaluate.Metric` that calls `metric`; predictions are label numbers, or scores where it needs them."""
    import evaluate
    from datasets import Features, List, Value

    one, many, value, scores = Value("int64"), List(Value("int64")), Value("float64"), List(Value("float64"))
    shapes = [(scores, one), (scores, many)] if metric.needs_scores else [(one, one), (many, many)]
    if metric.kinds == VALUES:
        shapes = [(value, value), (scores, scores)]
    about = evaluate.MetricInfo(
        description=metric.__doc__ or "",
        citation="",
        inputs_description="predictions and references, one a row",
        features=[Features({"predictions": guess, "references": truth}) for guess, truth in shapes],
    )

    class Local(evaluate.Metric):  # type: ignore[misc]
        def _build_data_dir(self) -> str:
            return ""  # nothing is written, so no folder is made

        def _info(self) -> Any:
            return about

        def _compute(self, predictions: Any, references: Any) -> dict[str, float]:
            return {Path(metric.name).stem: metric.compute(_scored(predictions, references, metric))}

    Local.__name__ = Path(metric.name).stem  # what evaluate calls it
    return Local(keep_in_memory=True)


def _scored(predictions: Any, references: Any, metric: Metric) -> Scored:
    gold, guess = np.asarray(references), np.asarray(predictions)
    if metric.kinds == VALUES:
        gold, guess = (one.astype(np.float64).reshape(len(one), -1) for one in (gold, guess))
        return Scored(tuple(str(target) for target in range(gold.shape[1])), gold, guess)
    if metric.needs_scores:
        chosen = (guess >= 0.5).astype(np.int64) if gold.ndim == 2 else guess.argmax(1)
        return Scored(tuple(str(label) for label in range(guess.shape[1])), gold, chosen, guess)
    width = gold.shape[1] if gold.ndim == 2 else int(max(gold.max(initial=0), guess.max(initial=0))) + 1
    return Scored(tuple(str(label) for label in range(width)), gold, guess)
