"""EvAAL score: 75th percentile of the error in metres, with 15 m added for each floor; 0 is best.

That of the IPIN competitions. Potortì et al. 2017, "Comparing the performance of indoor localization systems through
the EvAAL framework", Sensors 17(10).
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ftkit.metrics import Scored
from ftkit.metrics._positions import ErrorQuantile, errors, floors_off, is_position

PENALTY = 15.0
"""metres for each floor between the predicted and the true one"""


class Evaal(ErrorQuantile):
    """Third quartile of error plus penalty."""

    share: ClassVar[float] = 0.75

    def suits(self, scored: Scored) -> bool:
        """Whether a point on a floor is predicted."""
        return is_position(scored) and floors_off(scored) is not None

    def off(self, scored: Scored) -> np.ndarray:
        """(rows,) metres with the penalty."""
        missed = floors_off(scored)
        return errors(scored) if missed is None else errors(scored) + PENALTY * missed
