"""Every fault of recipe and data, without training."""

from __future__ import annotations

from ftkit.cli._options import Changes, Target
from ftkit.cli._trail import Trail
from ftkit.console import console


def command(target: Target, changes: Changes, trail: Trail) -> int:
    """Example: ftkit check reviews.csv --label stars"""
    from ftkit.verbs import starting

    trail.read(target)
    recipe = starting.recipe_for(target, changes)
    trail.read(*starting.sources(target, recipe))
    from ftkit.reports import text
    from ftkit.verbs import adapting, checking  # a faulty recipe need not wait for what this loads

    report = checking.check(recipe)
    adapting.check(recipe)
    told = starting.told(target, recipe) if console.mode == "human" else ""
    console.result("\n".join(text.check_lines(report, told)), report)
    if any(finding["level"] == "fault" for finding in report["findings"]):
        console.next(f"mend the faults, then {trail.command}")
        return 2
    console.next(trail.again("adapt" if recipe.bank.by else "train"))
    return 0
