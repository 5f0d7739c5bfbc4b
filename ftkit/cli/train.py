"""Fine-tune once: a run folder with the adapter, its predictions and a report."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

from ftkit.cli._options import Changes, Curve, Force, Profile, Target, where
from ftkit.cli._sweep import Resume, Vary, several
from ftkit.cli._trail import Trail
from ftkit.console import console


def command(
    target: Target,
    changes: Changes,
    curve: Curve,
    vary: Vary,
    trail: Trail,
    out: Annotated[Path | None, where("runs/<file>-<n>")] = None,
    force: Force = False,
    resume: Resume = False,
    profile: Profile = False,
) -> int:
    """Example: ftkit train reviews.csv --label stars --out runs/reviews"""
    from ftkit.verbs import starting

    trail.read(target)
    changes = [*curve, *changes]  # in this order --set has the last word
    if vary.means_several(target):
        return several(target, changes, vary, trail, out, force, resume)
    left, recipe, sources = starting.planned(target, out, changes, resume)
    trail.read(*sources)
    if left is not None:
        folder, report = starting.resume(left, recipe, trail.command, profile)
    else:
        folder, report = starting.carry_out(recipe, target, out, force, trail.command, profile)
    trail.wrote(folder)
    from ftkit.reports import text  # a faulty recipe need not wait for it

    console.result("\n".join(text.summary_lines(report)), report)
    console.say(f"report: {folder / 'report.html'}")
    console.next(text.following(report, shlex.quote(str(folder)), trail.command if left is None else ""))
    return 0
