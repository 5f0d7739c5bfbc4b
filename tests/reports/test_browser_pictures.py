"""Pictures of mistakes in Chromium: they are shown, at their size, beside what was said of them."""

from __future__ import annotations

import copy
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image
from report_examples import make_report, make_rows

from ftkit.reports.page import render_run
from ftkit.tasks._pictures import thumbnail

pytestmark = [pytest.mark.browser, pytest.mark.enable_socket]


def drawn(seed: int, size: tuple[int, int], kind: str) -> bytes:
    """A picture of coloured squares."""
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(coarse).resize(size, Image.Resampling.NEAREST).save(stream, kind)
    return stream.getvalue()


@pytest.fixture
def source() -> Callable[[str], str]:
    """The everyday run, but of pictures: photographs wide and high, and digits."""

    def page(variant: str) -> str:
        report = copy.deepcopy(make_report(variant)) | {"task": "image_classification", "noun": "picture"}
        shapes = [((400, 200), "jpeg"), ((200, 400), "jpeg"), ((28, 28), "png")]
        for number, mistake in enumerate(report["mistakes"]):
            size, kind = shapes[number % 3]
            mistake["input"] = [f"dog/{number:04}.{kind}"]
            mistake["picture"] = thumbnail(drawn(number, size, kind), mistake["input"][0])
        return render_run(report, make_rows(report))

    return page


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (1280, "dark")])
def test_every_mistake_has_its_picture(visit: Callable[..., Any], width: int, scheme: str) -> None:
    page = visit("support", width, color_scheme=scheme)
    pictures = page.locator("#mistakes img")
    assert pictures.count() == page.locator("#mistakes li").count() >= 3
    shown = pictures.evaluate_all("all => all.map(one => [one.complete, one.naturalWidth, one.width, one.height])")
    assert [one[2:] for one in shown[:3]] == [[96, 48], [48, 96], [84, 84]]
    assert all(complete and natural in (96, 48, 28) for complete, natural, _, _ in shown), "the policy lets them in"
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.locator("#predictions th").first.text_content().strip().startswith("picture")
    boxes = [page.locator(f"#mistakes li:first-child {part}").bounding_box() for part in (".picture", ".texts")]
    assert (boxes[0]["x"] + boxes[0]["width"] <= boxes[1]["x"]) == (width == 1280), "beside, and above on a phone"
