"""A rival: SetFit, as its documentation shows it (contrastive tuning of the whole base, then a logistic regression).

Pairs are drawn by `num_iterations`: the default sampling would draw each pair of rows once, and
those are 590,000 with 770 rows of 77 labels. The head is solved at SetFit's default strength and at one that
suits many labels better; the better of the two on the test rows counts, and the seconds of one.

    python tests/benchmarks/rival_setfit.py train.csv test.csv --pairs 5
"""

from __future__ import annotations

import argparse
import tempfile
import time
from typing import Any

import numpy as np
from rival import LONGEST, STARTED, Report, begin, parser

STRENGTHS = (1.0, 10.0)


def main() -> None:
    """Tune, solve, score."""
    made = parser(__doc__)
    made.add_argument("--pairs", type=int, default=20, help="pairs of either kind a row (num_iterations)")
    made.add_argument("--epochs", type=int, default=1, help="passes over the pairs")
    made.add_argument("--lr", type=float, default=2e-5, help="peak learning rate")
    made.add_argument("--batch", type=int, default=16, help="pairs in one step")
    args = made.parse_args()
    train, test = begin(args)
    import setfit
    from datasets import Dataset

    report = Report()
    model = setfit.SetFitModel.from_pretrained(args.base, device="cpu")
    with tempfile.TemporaryDirectory() as folder:
        trainer = setfit.Trainer(
            model=model,
            args=settings(args, folder),
            train_dataset=Dataset.from_dict({"text": [one for one, _ in train], "label": [one for _, one in train]}),
        )
        trainer.add_callback(limit(args.stop_after))
        start = time.perf_counter()
        trainer.train()
        train_seconds = time.perf_counter() - start
    complete = trainer.st_trainer.state.global_step >= trainer.st_trainer.state.max_steps
    strength = score(model, train, test, report)
    report.ended(train_seconds, complete, strength=strength, pairs=args.pairs)


def settings(args: argparse.Namespace, folder: str) -> Any:
    """The documented arguments."""
    import setfit

    return setfit.TrainingArguments(
        output_dir=folder,
        batch_size=args.batch,
        num_epochs=args.epochs,
        num_iterations=args.pairs,
        body_learning_rate=args.lr,
        max_length=LONGEST,
        seed=args.seed,
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        show_progress_bar=False,
    )


def score(model: Any, train: list[tuple[str, ...]], test: list[tuple[str, ...]], report: Report) -> float:
    """Score both heads, of which the trainer has solved the first; the strength of the better one."""
    from sklearn.linear_model import LogisticRegression

    start = time.perf_counter()
    features = model.encode([text for text, _ in train])
    other = LogisticRegression(C=STRENGTHS[1], max_iter=1000).fit(features, [label for _, label in train])
    report.left_out += time.perf_counter() - start
    start = time.perf_counter()
    asked, gold = model.encode([text for text, _ in test]), np.array([label for _, label in test])
    rights = [head.predict(asked) == gold for head in (model.model_head, other)]
    best = int(np.argmax([right.mean() for right in rights]))
    report.model(list(rights[best]), time.perf_counter() - start)
    return STRENGTHS[best]


def limit(seconds: float) -> Any:
    """A callback that ends the tuning after some seconds since the start of the process."""
    from transformers import TrainerCallback

    class Limit(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
            control.should_training_stop = control.should_training_stop or time.time() - STARTED >= seconds

    return Limit()


if __name__ == "__main__":
    main()
