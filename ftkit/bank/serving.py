"""A finished bank that predicts: each row by the adapter of its group, all groups in one pass over the base."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ftkit import privacy
from ftkit.bank import folder, index, nearest, shards
from ftkit.bank.adapting import closed_to
from ftkit.bank.folder import BankFolder
from ftkit.bank.grouping import key_of
from ftkit.bank.index import Index
from ftkit.bank.records import PROMOTED, Outcome
from ftkit.bank.stage import BIAS, FINAL, WEIGHT, Stage, open_stage
from ftkit.errors import InputError
from ftkit.features import processor, tokens
from ftkit.features.examples import Examples
from ftkit.features.headroom import in_chunks, portions
from ftkit.features.mixed import can_mix, mixed, mixed_head
from ftkit.features.pooling import EACH
from ftkit.privacy import Mask
from ftkit.runs.masking import mask_of
from ftkit.tasks import Encoded

AT_ONCE = 1024
"""rows whose groups' adapters are in memory together"""
OWN, GENERAL, UNKNOWN, NEAREST = "own", "general", "general (unknown group)", "nearest (unknown group)"
"""whose adapter a row was given"""


@dataclass(frozen=True)
class Served:
    """A bank in memory: the base and the general adapter; adapters of groups are read as they are asked for."""

    folder: BankFolder
    stage: Stage
    mask: Mask

    def logits(
        self, inputs: list[tuple[str, ...]], names: Sequence[str | None], seen: Callable[[int], None]
    ) -> tuple[np.ndarray, list[str], Encoded]:
        """(rows, labels) logits, or numbers, whose adapter each row was given, and the rows as encoded.

        `names` are the groups. Numbers are in their own units; of tags, logits are (rows,) objects (tokens, labels).
        """
        encoded = self.stage.recipe.task.encode(inputs, self.stage.processor)
        keys = [None if name is None else key_of(name, self.mask) for name in names]
        with index.opened(self.folder.index, self.folder.generation.number) as found:
            known = found.find(sorted({key for key in keys if key is not None}))
            lent = self._lent(encoded, [None if key in known else key for key in keys], found)
        used = [
            NEAREST if key in lent else UNKNOWN if key not in known else OWN if _own(known[key]) else GENERAL
            for key in keys
        ]
        known = {**known, **lent}
        whose = [key if own in (OWN, NEAREST) else None for key, own in zip(keys, used, strict=True)]
        out, fits = self._blank(len(inputs)), None
        for start in range(0, len(inputs), AT_ONCE):
            some = slice(start, start + AT_ONCE)
            rows = Examples(self.stage.recipe.task, self.stage.processor, encoded.rows[some], at_once=fits)
            out[some] = self._some(rows, whose[some], known)
            fits = rows.at_once  # is looked for once
            seen(min(start + AT_ONCE, len(inputs)))
        for i, key in enumerate(keys):
            if key in known:
                out[i] = closed_to(out[i], known[key].record.labels)
        scale = self.stage.starts[FINAL].scale
        return out if scale is None else scale.own(out), used, encoded

    def _lent(self, encoded: Encoded, keys: Sequence[str | None], found: Index) -> dict[str, Outcome]:
        """The group that lends its adapter to each unknown one, by the mean embedding of the rows that are asked.

        `keys` (rows,) are None for rows of known groups or of none. Empty where a loan was not shown to pay.
        """
        cold, asked = self.folder.generation.cold, [i for i, key in enumerate(keys) if key is not None]
        if cold is None or not cold.pays or not asked:
            return {}
        outcomes = {one.record.key: one for one in found.all()}
        centres = nearest.kept_centres(self.folder.shards, outcomes.values())
        if not centres:
            return {}
        sums, counts = dict[str, np.ndarray](), Counter[str]()
        for start in range(0, len(asked), AT_ONCE):
            some = asked[start : start + AT_ONCE]
            rows = Examples(self.stage.recipe.task, self.stage.processor, [encoded.rows[i] for i in some])
            for i, one in zip(some, self._embedded(rows), strict=True):
                key = str(keys[i])
                sums[key] = sums.get(key, 0.0) + one
                counts[key] += 1
        return {key: outcomes[nearest.nearest(total / counts[key], centres)] for key, total in sums.items()}

    @torch.no_grad()
    def _embedded(self, rows: Examples) -> np.ndarray:
        """(rows, width) features of the untouched base: the network's own weights are a method's before any step.

        Of a row of tokens, the mean of theirs.
        """
        network, pooling = self.stage.network, self.stage.starts[FINAL].pooling
        out = np.zeros((len(rows), self.stage.starts[FINAL].weights[WEIGHT].shape[1]), dtype=np.float32)

        def work(some: np.ndarray) -> None:
            batch = rows.batch(some).to(network.device)
            seen = network.features(batch, pooling).float().cpu().numpy()
            out[some] = tokens.means(self._of_rows(seen, rows, some))

        with processor.used("auto", network.width):
            network.training(False)
            for some in portions(rows.lengths, np.arange(len(rows)), network.device):
                in_chunks(network, rows, some, len(some), work)
        return out

    @torch.no_grad()
    def _some(self, rows: Examples, whose: Sequence[str | None], known: Mapping[str, Outcome]) -> np.ndarray:
        """Logits of as many rows as memory takes at once."""
        keys: list[str | None] = [None, *sorted({key for key in whose if key is not None})]
        adapters = [self.stage.starts[FINAL].weights, *(self.adapter(known[key]) for key in keys if key is not None)]
        stacked = {name: torch.stack([one[name] for one in adapters]) for name in adapters[0]}
        place = {key: i for i, key in enumerate(keys)}
        member = np.array([place[key] for key in whose])
        out, network = self._blank(len(rows)), self.stage.network
        apart = [np.arange(len(rows))] if can_mix(network) else [np.flatnonzero(member == i) for i in np.unique(member)]
        with processor.used("auto", network.width):
            network.training(False)

            def work(some: np.ndarray) -> None:
                seen = self._pass(rows, some, stacked, member[some]).float().cpu().numpy()
                out[some] = self._of_rows(seen, rows, some)

            for mine in apart:
                for some in portions(rows.lengths, mine, network.device):
                    in_chunks(network, rows, some, len(some), work)
        return out

    def _pass(
        self, rows: Examples, some: np.ndarray, stacked: Mapping[str, torch.Tensor], member: np.ndarray
    ) -> torch.Tensor:
        """(rows, labels), or (tokens with a piece, labels)."""
        network, pooling = self.stage.network, self.stage.starts[FINAL].pooling
        batch = rows.batch(some).to(network.device)
        here, place = np.unique(member, return_inverse=True)
        whose = torch.from_numpy(place).to(network.device)
        weights = {name: one[torch.from_numpy(here)] for name, one in stacked.items()}
        if len(here) == 1:
            features = network.features(batch, pooling, {name: weights[name][0] for name in network.trainable()})
        else:
            features = mixed(network, batch, weights, whose, pooling)
        return mixed_head(features, weights[WEIGHT], weights[BIAS], tokens.of_each(place, batch.pieces))

    def _blank(self, rows: int) -> np.ndarray:
        """Room for the logits of so many rows."""
        each = self.stage.starts[FINAL].pooling.kind == EACH
        return tokens.blank(rows, len(self.stage.labels), np.float32, each)

    def _of_rows(self, seen: np.ndarray, rows: Examples, some: np.ndarray) -> np.ndarray:
        """What is said of some rows, (rows, …), or of all tokens of theirs, (tokens with a piece, …), row by row."""
        if self.stage.starts[FINAL].pooling.kind != EACH:
            return seen
        return tokens.of_rows(seen, [rows.rows[i] for i in some])

    def adapter(self, one: Outcome) -> dict[str, torch.Tensor]:
        """The weights of one group, held against their checksum."""
        assert one.record.place is not None
        path = shards.path_of(self.folder.shards, one.shard)
        weights = shards.Shard(path, one.shard, "", ()).adapter(one.record.place)
        if shards.sha256_of(weights) != one.record.sha256:
            raise shards.damaged(path, "an adapter does not fit its checksum")
        return {name: tensor.to(self.stage.network.device) for name, tensor in weights.items()}


def _own(one: Outcome) -> bool:
    return one.outcome == PROMOTED


def load(path: Path) -> Served:
    """A finished bank, ready to predict.

    Raises InputError for anything else, for a damaged one, and for hidden names of another machine.
    """
    found = folder.read(path)
    stage = open_stage(found.general, folds=False)
    hidden = stage.recipe.report.rows == "hide"
    privacy.hide(hidden)
    mask = mask_of(stage.labels) if found.row_key is not None else Mask(on=False)
    if mask.fingerprint != found.row_key:
        raise InputError(f"{path}: its group names are hidden with the key of another machine", "predict there")
    return Served(found, stage, mask)
