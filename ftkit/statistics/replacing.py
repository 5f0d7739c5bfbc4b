"""Which of many retrained adapters may take the place of those in service: their changes judged together.

The few dozen rows of one group hardly ever show that its new adapter is no worse by a point. Many groups that were
retrained together say how much such changes come to, so each is judged by what was seen of it and of the others: the
model of `promotion`, with changes in the place of gains, where harm is a loss beyond the margin. The same limits hold.

The changes must be those of all groups that were retrained. An adapter in service was chosen for what it did on the
same rows, so that those alone would say that everybody gets worse. And a normal prior draws a single group that fell
far behind towards the others, who do not speak for it: where a group's own rows speak against it, it is not safe.
"""

from __future__ import annotations

import numpy as np

from ftkit.statistics import promotion
from ftkit.statistics.promotion import Prior, Seen

ENOUGH = 10
"""groups retrained together from which on they speak for one another"""
AGAINST = 1.0
"""standard errors below no change from which a group's own rows speak against it"""


def fit(found: Seen, margin: np.ndarray) -> Prior | None:
    """What the changes of all groups say of one another; None for fewer than `ENOUGH` groups with rows.

    `margin` (groups,) is the smallest loss that matters.
    """
    return promotion.fit(found, margin) if (found.rows > 0).sum() >= ENOUGH else None


def risk(prior: Prior, found: Seen, margin: np.ndarray) -> np.ndarray:
    """(groups,) probability that the true change is a loss beyond the margin."""
    return promotion.judge(prior, found, margin).harm


def safe(prior: Prior, found: Seen, margin: np.ndarray) -> np.ndarray:
    """(groups,) whether the new adapter may be used; not without rows."""
    for_it = found.gain >= -AGAINST * np.sqrt(found.variance)
    chosen: np.ndarray = for_it & (found.rows > 0) & (risk(prior, found, margin) < prior.limit)
    return chosen
