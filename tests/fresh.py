"""A Python of its own, for what must hold before anything is imported."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def python(code: str, **extra: str) -> str:
    """What some code prints, without the variables of this process but for those given."""
    keep = ("PATH", "HOME", "VIRTUAL_ENV")
    env = {name: os.environ[name] for name in keep if name in os.environ} | {"PYTHONPATH": str(ROOT)} | extra
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
