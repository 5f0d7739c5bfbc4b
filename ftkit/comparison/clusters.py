"""Which rows hang together, so that they are resampled together: the recipe's unit, else its group, else a column."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ftkit.comparison.aligning import Aligned
from ftkit.comparison.settings import Finding, warning
from ftkit.data.names import like_unit, many
from ftkit.errors import InputError, did_you_mean
from ftkit.statistics.intervals import FEW_UNITS

NONE = "none"
SLICE = "slice."


@dataclass(frozen=True)
class Clusters:
    """Rows by unit; without a column every row is by itself."""

    column: str | None = None
    units: np.ndarray | None = None
    """(rows,) whole numbers from 0"""

    @property
    def number(self) -> int | None:
        """How many units there are."""
        return None if self.units is None else int(self.units.max()) + 1

    def findings(self, aligned: Aligned) -> Iterator[Finding]:
        """Too few units, or a column of units that nobody used."""
        if self.number is not None and self.number < FEW_UNITS:
            few = f"the rows belong to only {many(self.number, 'unit')} of {self.column}: that is too few for a verdict"
            yield warning(f"{few}; --cluster none takes each row by itself, if the rows of a unit do not hang together")
        if self.units is None:
            for name, values in slices_of(aligned).items():
                if like_unit(name) and FEW_UNITS <= len(pc.unique(values)) <= len(values) / 2:
                    yield warning(f"rows of one {name} may hang together: --cluster {name} takes that into account")
                    return


def clusters_of(aligned: Aligned, wanted: str | None) -> Clusters:
    """The clusters asked for, or those of the recipe. Raises InputError for a column that the runs did not keep."""
    kept = _kept(aligned)
    if wanted == NONE:
        return Clusters()
    if wanted is None:
        column = next(iter(_of_recipe(aligned)), None)
    elif wanted in kept:
        column = wanted
    else:
        hint = did_you_mean(wanted, [*kept, NONE]) + "; a column is kept if it is data.unit, data.group or a slice"
        raise InputError(f"--cluster {wanted}: the runs did not keep such a column", hint)
    return Clusters() if column is None else Clusters(column, _coded(kept[column]))


def slices_of(aligned: Aligned) -> dict[str, pa.ChunkedArray]:
    """The slice columns that any of the entries kept; the first one's, for hidden values are numbered by each run."""
    found: dict[str, pa.ChunkedArray] = {}
    for table in aligned.tables:
        for name in table.column_names:
            if name.startswith(SLICE):
                found.setdefault(name.removeprefix(SLICE), table[name])
    return found


def _of_recipe(aligned: Aligned) -> dict[str, pa.ChunkedArray]:
    """Unit and group under the names of their columns, where rows have any."""
    run, found = aligned.sides[0].entry.run, {}
    for kind in ("unit", "group"):
        values = aligned.rows[kind]
        if values.null_count < len(values):
            found[str(run.setting(f"data.{kind}") or kind)] = values
    return found


def _kept(aligned: Aligned) -> dict[str, pa.ChunkedArray]:
    own = _of_recipe(aligned)
    generic = {kind: aligned.rows[kind] for kind in ("unit", "group") if aligned.rows[kind].null_count < len(aligned)}
    return generic | slices_of(aligned) | own


def _coded(values: pa.ChunkedArray) -> np.ndarray:
    """Whole numbers from 0; a row without a value is a unit by itself."""
    known = values.combine_chunks().dictionary_encode().indices
    codes = np.asarray(known.fill_null(-1)).astype(np.int64)
    alone = codes < 0
    codes[alone] = codes.max(initial=-1) + 1 + np.arange(alone.sum())
    return codes
