"""From one vector a position to one vector a row, and the scale that a linear head likes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch

KINDS = ("mean", "first", "last", "each")
EACH = "each"
"""the pooling that keeps a vector for every token"""
CHANGE = "+change"
"""behind a kind: of rows of several pictures, how much successive ones differ stands beside their mean"""


@dataclass(frozen=True)
class Pooling:
    """How hidden states become features: `kind` of pooling, and whether features get unit length."""

    kind: str
    normalise: bool = False

    def __call__(
        self, hidden: torch.Tensor, mask: torch.Tensor | None, frames: torch.Tensor | None = None
    ) -> torch.Tensor:
        """(rows, positions, width) and a (rows, positions) mask of 0 and 1 → (rows, width).

        `each` takes the positions of tokens' pieces instead, (rows, tokens), negative where there is none, and
        gives the vectors of those that are there: (tokens, width). With `frames`, the first axis is of pictures,
        and they say how many of them are of each row.
        """
        pooled = pool(hidden, mask, self.kind.removesuffix(CHANGE))
        if frames is not None:
            pooled = over_time(pooled, frames, self.kind.endswith(CHANGE))
        if not self.normalise:
            return pooled
        # length √width instead of 1, so that a head's weights stay in the range that optimisers expect
        unit: torch.Tensor = torch.nn.functional.normalize(pooled, dim=-1)
        return unit * float(pooled.shape[-1] ** 0.5)


def pool(hidden: torch.Tensor, mask: torch.Tensor | None, kind: str) -> torch.Tensor:
    """Mean over real positions, the first one, the last real one, or that of each token (see `Pooling`)."""
    if kind == EACH:
        assert mask is not None, "rows of tokens say where their tokens stand"
        row, token = torch.nonzero(mask >= 0, as_tuple=True)
        return hidden[row, mask[row, token]]
    if kind == "mean":
        if mask is None:
            mask = torch.ones(hidden.shape[:2], dtype=torch.long, device=hidden.device)
        weights = mask.unsqueeze(-1).to(hidden.dtype)
        return (hidden * weights).sum(1) / weights.sum(1).clamp(min=1)
    return hidden[torch.arange(len(hidden), device=hidden.device), place(hidden, mask, kind)]


def place(hidden: torch.Tensor, mask: torch.Tensor | None, kind: str) -> torch.Tensor:
    """(rows,) the one position that the poolings `first` and `last` look at."""
    if kind == "first":
        return torch.zeros(len(hidden), dtype=torch.long, device=hidden.device)
    if mask is None:
        return torch.full((len(hidden),), hidden.shape[1] - 1, device=hidden.device)
    return (mask * torch.arange(hidden.shape[1], device=hidden.device)).argmax(dim=1)  # also where padding is left


def over_time(pooled: torch.Tensor, frames: torch.Tensor, change: bool = False) -> torch.Tensor:
    """(pictures, width) → (rows, width), the mean of each row's pictures; in any order they give the same.

    With `change`, (rows, 2 · width): beside the mean stands the mean absolute difference of successive pictures.
    """
    rows = torch.split(pooled, frames.tolist())
    means = torch.stack([one.mean(0) for one in rows])
    if not change:
        return means
    changes = torch.stack([one.diff(dim=0).abs().sum(0) / max(1, len(one) - 1) for one in rows])
    return torch.cat([means, changes], dim=1)


def declared(folder: Path) -> Pooling | None:
    """What a checkpoint of the sentence-transformers layout says about itself, else None."""
    try:
        modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
        config = json.loads((folder / "1_Pooling" / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None  # not that layout, which is no fault
    names = {
        "pooling_mode_mean_tokens": "mean",
        "pooling_mode_cls_token": "first",
        "pooling_mode_lasttoken": "last",
    }
    kinds = [kind for key, kind in names.items() if config.get(key)]
    if not kinds and config.get("pooling_mode") in ("mean", "cls", "lasttoken"):
        kinds = [{"mean": "mean", "cls": "first", "lasttoken": "last"}[config["pooling_mode"]]]
    normalise = any(str(module.get("type", "")).endswith("Normalize") for module in modules)
    return Pooling(kinds[0], normalise) if len(kinds) == 1 else None


def candidates(folder: Path, causal: bool, kinds: tuple[str, ...] = ("mean", "first")) -> tuple[Pooling, ...]:
    """The declared pooling, else those to choose from on validation rows: `kinds` where the base looks both ways."""
    known = declared(folder)
    if known is not None:
        return (known,)
    return tuple(map(Pooling, ("mean", "last") if causal else kinds))
