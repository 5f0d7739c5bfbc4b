"""The command line: each file in this folder is a verb, and the files that start with `_` are what they share.

Nothing else may live here: importing the verb `list` sets the name `list` in this module.
"""

from __future__ import annotations

from ftkit.cli._app import main as main
from ftkit.cli._app import verbs as verbs
