"""What it costs to ask ftkit something, as a share of importing torch and transformers.

The commands take turns, so that a machine whose speed drifts slows all of them alike; medians are
compared.

    python tests/benchmarks/startup.py
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from measure import FTKIT, machine, run, table, write_section

FAULTY = """\
base: minilm
task: {name: text_classification, text: text, label: label}
data: {train: rows.csv}
method: {name: lora, rnak: 8}
"""


def main() -> None:
    """Time the commands in turn and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=9, help="counted rounds, after one that warms the disk")
    args = parser.parse_args()
    script = str(Path(sys.executable).with_name("ftkit"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "faulty.yaml").write_text(FAULTY, encoding="utf-8")
        (folder / "rows.csv").write_text("text,label\n" + "good,a\nbad,b\n" * 20, encoding="utf-8")
        commands = {
            'python -c "import torch, transformers"': ([sys.executable, "-c", "import torch, transformers"], 0),
            "python -c pass": ([sys.executable, "-c", "pass"], 0),
            "ftkit --help": ([script, "--help"], 0),
            "python -m ftkit --help": ([*FTKIT, "--help"], 0),
            "ftkit check faulty.yaml": ([script, "check", "faulty.yaml"], 2),
        }
        seconds: dict[str, list[float]] = {label: [] for label in commands}
        for turn in range(args.repeat + 1):
            for label, (command, code) in commands.items():
                done = run(command, expect=code, cwd=folder)
                if turn:
                    seconds[label].append(done.seconds)
    medians = {label: statistics.median(values) for label, values in seconds.items()}
    whole = next(iter(medians.values()))
    rows = []
    for label, median in medians.items():
        spread = f"{min(seconds[label]):.2f}–{max(seconds[label]):.2f}"
        rows.append([f"`{label}`", f"{median:.2f}", spread, f"1/{whole / median:.1f}"])
    text = f"{machine(1)}\n\n" + table(["command", "median s", "range", "share of the import"], rows)
    write_section("startup", text)
    print(text)


if __name__ == "__main__":
    main()
