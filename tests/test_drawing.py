"""What stands in for charts in quick tests hides nothing from them."""

from __future__ import annotations

from ftkit.reports.charts import Row, bars


def test_a_sketch_shows_all_that_a_chart_is_given() -> None:
    drawn = str(bars([Row("<b>Ümit", 0.5, text="half", tip="a tip"), Row("other", 0.25)], "of two"))
    assert drawn.count("<svg") == 2 and 'aria-label="of two"' in drawn  # for a desk and for a phone
    assert "&lt;b&gt;Ümit" in drawn and "half" in drawn and "a tip" in drawn
    assert "<b>" not in drawn
