"""The power law of learning curves: error(n) = a + b · n^-c with n labels, and what it says of more of them.

Test error falls about like this for many models and tasks (Hestness et al., 2017, arXiv:1712.00409). A few noisy
points leave many such laws possible, so none is picked: laws are drawn from all of them, weighted by how well they
fit, and what the draws agree on is what is known. A law is written by its error at the most labels that were seen,
what twice as many would take off it, and its exponent; all values of the first two count as equally likely before
the points are seen, and so do all exponents of `EXPONENTS`. As much weight goes to laws that end at no error at all,
a = 0, which draws with a free floor would never hit; less as far as the best of them fits worse.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

EXPONENTS = np.linspace(0.05, 1.6, 24)
"""from nearly a straight line in log n to a curve that has all but ended"""
DRAWS = 200  # of each exponent
LOOSE = 0.2
"""standard deviation of what a doubling brings, as a share of what the law says: no curve is quite a power law"""
LEVEL = (0.025, 0.975)


@dataclass(frozen=True)
class Points:
    """Mean errors at rising numbers of labels, and how they err together."""

    labels: np.ndarray
    """(points,)"""
    error: np.ndarray
    """(points,) distance from the best value of the metric"""
    covariance: np.ndarray
    """(points, points)"""

    def first(self, count: int) -> Points:
        """The smallest few."""
        return Points(self.labels[:count], self.error[:count], self.covariance[:count, :count])


@dataclass(frozen=True)
class Laws:
    """Draws of laws that could have made the points, with their weights."""

    most: float
    """labels of the largest point"""
    error: np.ndarray
    """(draws,) there"""
    doubling: np.ndarray
    """(draws,) error that twice as many labels take off"""
    exponent: np.ndarray
    """(draws,)"""
    strain: np.ndarray
    """(draws,) standard normal: how far a curve bends from its law beyond the points"""
    weight: np.ndarray
    """(draws,) sum to 1"""
    misfit: float
    """smallest weighted sum of squares that any law leaves"""

    def errors(self, labels: float) -> np.ndarray:
        """(draws,) errors with this many labels."""
        taken = self.doubling * _taken(self.exponent, labels / self.most)
        return np.asarray(self.error - taken * (1 + LOOSE * self.strain if labels > self.most else 1))

    def gains(self, labels: float) -> np.ndarray:
        """(draws,) how much smaller the error is than at the largest point."""
        return np.asarray(self.error - self.errors(labels))

    def middle(self, values: np.ndarray) -> tuple[float, float, float]:
        """Median of (draws,) values, and the ends of the interval."""
        order = np.argsort(values)
        below = np.cumsum(self.weight[order])
        at = [min(int(np.searchsorted(below, share)), len(values) - 1) for share in (0.5, *LEVEL)]
        median, low, high = values[order][at].tolist()
        return median, low, high


def fit(points: Points) -> Laws:
    """Laws that could have made these points, at least three.

    Done twice: how much a curve may bend between two points follows from what the law says of them.
    """
    straight = _drawn(points, np.zeros(len(points.labels) - 1))
    course = np.array([straight.middle(straight.errors(one))[0] for one in points.labels])
    return _drawn(points, LOOSE * np.diff(course))


def _taken(exponent: np.ndarray, times: np.ndarray | float) -> np.ndarray:
    """Error that `times` the labels take off, where two times take off 1."""
    return np.asarray((1 - times**-exponent) / (1 - 2.0**-exponent))


def _drawn(points: Points, bends: np.ndarray) -> Laws:
    """Laws with and without a floor; `bends` (points - 1,) are deviations from the law between neighbours."""
    back = np.append(np.cumsum(bends[::-1] ** 2)[::-1], 0.0)  # variance of a walk that starts at the largest point
    inverse = np.linalg.inv(points.covariance + np.minimum.outer(back, back))
    noise = np.random.default_rng(0).standard_normal((DRAWS, 3))
    share = points.labels / points.labels[-1]
    taken = _taken(EXPONENTS[:, None], share)  # (exponents, points)
    ends = 1 - 2.0 ** -EXPONENTS[:, None]  # of the error above the floor, what a doubling takes off

    drawn, fit_of_floor, misfit = _least_squares(
        np.stack([np.ones_like(taken), -taken], axis=2), points, inverse, noise
    )
    error, doubling = drawn[..., 0], drawn[..., 1]
    floor = _shares(np.where(error - doubling / ends >= 0, fit_of_floor, -np.inf))
    drawn, fit_of_none, other = _least_squares((1 - ends * taken)[:, :, None], points, inverse, noise)
    none = _shares(np.where(drawn[..., 0] > 0, fit_of_none, -np.inf))

    none = none * np.exp(min(0.0, misfit.min() - other.min()) / 2)
    weight = np.concatenate([floor, none]).reshape(-1)
    return Laws(
        most=float(points.labels[-1]),
        error=np.concatenate([error, drawn[..., 0]]).reshape(-1),
        doubling=np.concatenate([doubling, drawn[..., 0] * ends]).reshape(-1),
        exponent=np.tile(np.repeat(EXPONENTS, DRAWS), 2),
        strain=np.tile(noise[:, 2], 2 * len(EXPONENTS)),
        weight=weight / weight.sum(),
        misfit=float(min(misfit.min(), other.min())),
    )


def _least_squares(
    design: np.ndarray, points: Points, inverse: np.ndarray, noise: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each exponent, generalised least squares with a flat prior.

    `design` is (exponents, points, unknowns). Returns draws (exponents, draws, unknowns), the logarithm
    of each exponent's weight (exponents, 1), and its weighted sum of squares (exponents,).
    """
    weighted = np.swapaxes(design, 1, 2) @ inverse
    spread = np.linalg.inv(weighted @ design)
    middle = np.einsum("eup,p->eu", spread @ weighted, points.error)
    left = points.error - np.einsum("epu,eu->ep", design, middle)
    misfit = np.einsum("ep,pq,eq->e", left, inverse, left)
    steps = noise[:, : design.shape[2]] @ np.swapaxes(np.linalg.cholesky(spread), 1, 2)
    weight = 0.5 * np.linalg.slogdet(spread)[1] - misfit / 2
    return middle[:, None] + steps, weight[:, None], misfit


def _shares(logarithms: np.ndarray) -> np.ndarray:
    """Weights that sum to 1; none where no draw is allowed."""
    top = logarithms.max()
    weights = np.exp(logarithms - top) if np.isfinite(top) else np.zeros_like(logarithms)
    return np.asarray(weights / max(weights.sum(), 1e-300))
