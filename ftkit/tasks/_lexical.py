"""A classifier of texts that knows nothing but the training rows: what pretraining has to beat."""

from __future__ import annotations

import numpy as np


def tfidf(texts: list[str], targets: np.ndarray, labels: int, queries: list[str], balanced: bool = False) -> np.ndarray:
    """A model without pretraining: words and character n-grams, weighted by TF-IDF, logistic regression.

    Returns probabilities (queries, labels). Character n-grams carry languages written without blanks.
    """
    from scipy.sparse import hstack
    from scipy.special import expit, softmax
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
    if not columns:
        shares = targets.mean(axis=0) if targets.ndim == 2 else np.bincount(targets, minlength=labels) / len(targets)
        return np.tile(shares.astype(np.float64), (len(queries), 1))
    logits = _linear(hstack(columns).tocsr(), targets, labels, hstack(asked).tocsr(), balanced)
    return np.asarray(expit(logits) if targets.ndim == 2 else softmax(logits, axis=1))


def _linear(rows: object, targets: np.ndarray, labels: int, queries: object, balanced: bool) -> np.ndarray:
    """Logits (queries, labels); labels without training rows get a logit that never wins."""
    from sklearn.linear_model import LogisticRegression

    def model() -> LogisticRegression:
        return LogisticRegression(C=10.0, max_iter=300, class_weight="balanced" if balanced else None)

    count = queries.shape[0]  # type: ignore[attr-defined]
    out = np.full((count, labels), -np.log(len(targets) + 1.0) - 5.0)
    if targets.ndim == 2:
        for i in range(labels):
            if 0 < targets[:, i].sum() < len(targets):
                out[:, i] = model().fit(rows, targets[:, i].astype(int)).decision_function(queries)
            elif targets[:, i].any():
                out[:, i] = np.log(len(targets) + 1.0)
        return out
    present = np.unique(targets)
    if len(present) == 1:
        out[:, present[0]] = 0.0
        return out
    decision = model().fit(rows, targets).decision_function(queries)
    out[:, present] = np.stack([-decision / 2, decision / 2], axis=1) if decision.ndim == 1 else decision
    return out
