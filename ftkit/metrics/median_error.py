"""Median distance between predicted and true position, in the unit of the coordinates (metres); 0 is best."""

from __future__ import annotations

from ftkit.metrics._positions import ErrorQuantile


class MedianError(ErrorQuantile):
    """Half of the rows are off by no more."""
