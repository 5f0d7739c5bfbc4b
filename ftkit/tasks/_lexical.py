"""Models of texts that know nothing but the training rows: what pretraining has to beat."""

from __future__ import annotations

from typing import Any

import numpy as np

from ftkit.tasks._logistic import linear, probabilities

PENALTIES = (0.3, 1.0, 3.0, 10.0, 30.0)
"""of ridge regression, to choose from"""


def tfidf(texts: list[str], targets: np.ndarray, labels: int, queries: list[str], balanced: bool = False) -> np.ndarray:
    """A model without pretraining: words and character n-grams, weighted by TF-IDF, logistic regression.

    Returns probabilities (queries, labels).
    """
    known, asked = _weighted(texts, queries)
    if known is None:
        shares = targets.mean(axis=0) if targets.ndim == 2 else np.bincount(targets, minlength=labels) / len(targets)
        return np.tile(shares.astype(np.float64), (len(queries), 1))
    logits = linear(known, targets, labels, asked, balanced)
    return probabilities(logits, targets)


def tfidf_numbers(texts: list[str], targets: np.ndarray, queries: list[str]) -> np.ndarray:
    """The same with ridge regression: numbers (queries, targets).

    The penalty is the one with the smallest squared error on a fifth of the different texts, held out.
    """
    from sklearn.linear_model import Ridge

    known, asked = _weighted(texts, queries)
    if known is None:
        return np.tile(targets.mean(axis=0), (len(queries), 1))

    def predicted(penalty: float, rows: np.ndarray, others: Any) -> np.ndarray:
        centre, spread = targets[rows].mean(axis=0), np.maximum(targets[rows].std(axis=0), 1e-12)
        model = Ridge(alpha=penalty, solver="sparse_cg", tol=1e-4).fit(known[rows], (targets[rows] - centre) / spread)
        return np.asarray(model.predict(others).reshape(others.shape[0], -1) * spread + centre)

    text = np.unique(texts, return_inverse=True)[1]  # copies of a text are on one side
    held = np.random.default_rng(0).permutation(text.max() + 1)[text] % 5 == 0
    rows, out = np.flatnonzero(~held), np.flatnonzero(held)
    penalty = PENALTIES[1]
    if len(rows) and len(out):
        spread = np.maximum(targets.std(axis=0), 1e-12)
        errors = [(((predicted(one, rows, known[out]) - targets[out]) / spread) ** 2).mean() for one in PENALTIES]
        penalty = PENALTIES[int(np.argmin(errors))]
    return predicted(penalty, np.arange(len(texts)), asked)


def _weighted(texts: list[str], queries: list[str]) -> tuple[Any, Any]:
    """TF-IDF (texts, terms) and (queries, terms) of words and character n-grams; None where texts hold no word.

    Character n-grams carry languages written without blanks.
    """
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import TfidfVectorizer

    views = (
        TfidfVectorizer(analyzer="word", ngram_range=(1, 2), sublinear_tf=True, min_df=1, max_features=50_000),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 4), sublinear_tf=True, min_df=2, max_features=100_000),
    )
    columns, asked = [], []
    for view in views:
        try:
            columns.append(view.fit_transform(texts))
        except ValueError:  # no word at all, as in texts of punctuation only
            continue
        asked.append(view.transform(queries))
    return (hstack(columns).tocsr(), hstack(asked).tocsr()) if columns else (None, None)
