"""Distance from the true position that one row in twenty exceeds, in the unit of the coordinates; 0 is best."""

from __future__ import annotations

from typing import ClassVar

from ftkit.metrics._positions import ErrorQuantile


class P95Error(ErrorQuantile):
    """One row in twenty is off by more."""

    share: ClassVar[float] = 0.95
