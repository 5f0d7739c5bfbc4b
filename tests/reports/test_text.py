"""What the terminal says after training and after a check."""

from __future__ import annotations

import pytest
from report_examples import VARIANTS, make_report

from ftkit.data.table import DataReport, Finding
from ftkit.reports.text import check_lines, following, summary_lines


def test_the_verdict_comes_first() -> None:
    report = make_report()
    lines = summary_lines(report)
    assert lines[0] == report["verdict"]["sentence"]
    table = [line for line in lines if line.startswith(("adapted model", "linear probe", "majority label"))]
    assert len(table) == 3
    assert table[0].split()[:6] == ["adapted", "model", "0.874", "(0.842", "to", "0.906)"]


def test_an_unfinished_run_says_so() -> None:
    assert summary_lines(make_report("partial"))[0].startswith("This run is not finished.")


def test_at_most_five_findings_the_weightiest_first() -> None:
    report = make_report()
    levels = ["note"] * 4 + ["warning"] * 3 + ["fault"]
    report["data"]["findings"] = [{"level": level, "check": "", "what": f"n{i}"} for i, level in enumerate(levels)]
    lines = summary_lines(report)
    shown = [line for line in lines if line.startswith(("note:", "warning:", "fault:"))]
    assert shown == ["fault: n7", "warning: n4", "warning: n5", "warning: n6", "note: n0"]
    assert "… and 3 more in report.html" in lines


def test_seeds_are_summed_up() -> None:
    assert "accuracy over 3 seeds: mean 0.851, standard deviation 0.003" in summary_lines(make_report("banking"))


def test_check_tells_the_whole_data_report() -> None:
    text = "\n".join(check_lines(make_report()["data"]))
    assert "421 rows read, 412 used, 9 dropped" in text
    assert "  dropped, empty text: 6 (messages.csv:14, messages.csv:88)" in text
    assert "delimiter: comma" in text
    assert "warning: 2 labels differ only in case\n  → data:\n      label_map:\n        Billing: billing" in text
    assert "technical fault  30" in text


def test_check_takes_the_report_object_too() -> None:
    found = DataReport(rows_read=3, rows_used=2, dropped={"empty text": 1}, findings=(Finding("fault", "x", "broken"),))
    lines = check_lines(vars(found))
    assert lines[0] == "3 rows read, 2 used, 1 dropped"
    assert "fault: broken" in lines


def test_many_labels_are_cut() -> None:
    data = make_report("many_labels")["data"]
    assert "… and 130 more labels" in check_lines(data)


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_gives_printable_lines(variant: str) -> None:
    """One entry a line, no control characters that a terminal would act on."""
    report = make_report(variant)
    lines = summary_lines(report) + check_lines(report.get("data", {}))
    assert len(lines) >= 2
    for line in lines:
        line.encode()
        assert not [letter for letter in line if letter < " " and letter != "\t"]


@pytest.mark.parametrize(
    ("outcome", "reference", "said"),
    [
        ("better", "tfidf", "ftkit predict runs/a FILE"),
        ("cannot tell", "tfidf", "ftkit predict runs/a FILE"),
        ("worse", "linear_probe", "ftkit train a.csv --method head"),
        ("worse", "tfidf", "ftkit train a.csv --base NAME, another base: TF-IDF does better"),
    ],
)
def test_after_a_run_that_is_worse_comes_what_may_be_better(outcome: str, reference: str, said: str) -> None:
    report = {"verdict": {"outcome": outcome, "reference": reference}}
    assert following(report, "runs/a", "ftkit train a.csv").startswith(said)
    assert following(report, "runs/a") == "ftkit predict runs/a FILE", "a run that was resumed has another command"
