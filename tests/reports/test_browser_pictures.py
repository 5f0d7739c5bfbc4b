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
from ftkit.tasks._clip_page import drawn as drawn_clip
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


@pytest.fixture
def filmed_page(source: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The same run, but of clips of one, two, four and more pictures."""
    random = np.random.default_rng(0)

    def figure(raw: bytes, name: str) -> str:
        count = (1, 2, 4, 11)[len(raw) % 4]
        return drawn_clip(random.integers(0, 256, (count, 48, 64, 3), dtype=np.uint8), 2.0, name, 0.0)

    monkeypatch.setitem(globals(), "thumbnail", figure)


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1280, "light")])
def test_key_frames_lie_side_by_side(filmed_page: None, visit: Callable[..., Any], width: int, scheme: str) -> None:
    page = visit("support", width, color_scheme=scheme)
    clips = page.locator("#mistakes figure.clip")
    assert clips.count() == page.locator("#mistakes li").count() >= 3
    shown = page.locator("#mistakes figure.clip img").evaluate_all("all => all.map(one => [one.complete, one.width])")
    assert all(complete and 40 <= wide <= 96 for complete, wide in shown)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    for number in range(clips.count()):
        pictures = clips.nth(number).locator("img")
        tops = {round(pictures.nth(i).bounding_box()["y"]) for i in range(pictures.count())}
        assert 1 <= pictures.count() <= 4 and len(tops) == 1, "in one row, also on a phone"
        assert clips.nth(number).locator("figcaption").text_content().startswith("at 0.25")
