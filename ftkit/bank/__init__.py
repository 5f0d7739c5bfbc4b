"""A bank: one adapter for each group of rows, all on one base, and what each of them gained.

This module is the one place that names the files of a bank.
"""

from __future__ import annotations

from ftkit.files import BANK as DOCUMENT

__all__ = ["DOCUMENT", "GENERAL", "INDEX", "PAGE", "SHARDS"]
INDEX = "index.sqlite"
GENERAL, SHARDS = "general", "shards"
PAGE = "bank.html"
