"""A run folder: what it holds, how it is written, and the log of all that was done beside it.

This module is the one place that names its files.
"""

RECIPE, STATUS, HISTORY = "recipe.yaml", "status", "history.jsonl"
REPORT, PAGE, CARD = "report.json", "report.html", "README.md"
PREDICTIONS, ROWS, SPLITS = "predictions.parquet", "rows.parquet", "splits.parquet"
ADAPTER, SEEDS, EVALUATIONS = "adapter", "seeds", "evaluations"
FOLDS = "folds"  # adapters of a bank's general run, each trained without one fold
START = "start"  # of a run from random weights, the base as it was drawn
CHECKPOINTS = "checkpoints"
LABELS = "label_review.csv"  # rows whose label should be looked at again; absent where there are none
PROFILE, PROFILE_PAGE = "profile.json", "profile.html"
ERROR, SWEEP_PAGE = "error.txt", "sweep.html"  # why a run of a sweep failed; the page beside its runs
