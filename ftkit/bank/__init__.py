"""A bank: one adapter for each group of rows, all on one base, and what each of them gained.

This module is the one place that names the files of a bank.
"""

from __future__ import annotations

from ftkit.folders import BANK as DOCUMENT

__all__ = ["DOCUMENT", "GENERAL", "GENERATIONS", "INDEX", "LOCK", "PAGE", "ROWS", "SHARDS", "UPDATE"]
INDEX = "index.sqlite"
GENERAL, SHARDS, ROWS = "general", "shards", "rows"
GENERATIONS = "generations"
UPDATE = "update"  # a generation under way: recipe, status, checkpoints; gone when it is whole
LOCK = ".lock"  # of whoever changes the bank
PAGE = "bank.html"
