"""A Vega-Lite specification drawn as inline SVG, without a network.

What the renderer returns is parsed and written again from a short list of allowed elements and
attributes: that leaves out its invisible scaffolding (two thirds of the bytes), and no text of a
user's can become markup. Colours are CSS variables, so one drawing serves both themes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

from markupsafe import Markup, escape

VEGA_LITE = "5.21"
CONFIG: dict[str, Any] = {
    "font": "sans-serif",
    "background": None,
    "aria": False,
    "view": {"stroke": None},
    "axis": {
        "labelColor": "var(--quiet)",
        "titleColor": "var(--quiet)",
        "gridColor": "var(--line)",
        "domainColor": "var(--line)",
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "titlePadding": 8,
        "labelPadding": 6,
        "ticks": False,
        "domain": False,
    },
    "text": {"fontSize": 12, "fill": "var(--ink)"},
}
SHAPES = {
    "path": {"d", "transform"},
    "line": {"x1", "y1", "x2", "y2", "transform"},
    "rect": {"x", "y", "width", "height", "transform"},
    "text": {"transform", "text-anchor", "font-size", "font-weight", "dominant-baseline"},
    "tspan": {"x", "dy"},
}
PAINT = {"fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "opacity", "fill-opacity"}
PAINT |= {"stroke-opacity", "stroke-linejoin"}
NUMBERS = {"d", "transform", "x", "y", "x1", "y1", "x2", "y2", "width", "height", "dy"}
DEFAULTS = {"opacity": "1", "fill": "none", "stroke-width": "1"}
ADDRESSES = 100 * 2**30  # bytes that the renderer reserves; where it may not, it ends the process (60 GiB are too few)
LONG = re.compile(r"(\.\d)\d+")


def draw(spec: Mapping[str, Any], description: str, kind: str = "") -> Markup:
    """The SVG element of a specification; `description` is its text alternative, and all there is where none can be."""
    import resource

    import vl_convert

    if 0 < resource.getrlimit(resource.RLIMIT_AS)[0] < ADDRESSES:
        return Markup('<p class="quiet">{} (No chart: ulimit -v is set.)</p>').format(description)
    whole = {"$schema": "https://vega.github.io/schema/vega-lite/v5.json", "config": CONFIG} | dict(spec)
    # An empty list of allowed addresses: a specification could name data to fetch; ours holds its data.
    source = vl_convert.vegalite_to_svg(whole, vl_version=VEGA_LITE, allowed_base_urls=[])
    root = ElementTree.fromstring(source)
    box = [float(number) for number in root.attrib["viewBox"].split()]
    inside = "".join(_written(child) for child in root)
    return Markup(
        '<svg class="chart {}" viewBox="0 0 {:g} {:g}" role="img" aria-label="{}"><g fill="none">{}</g></svg>'
    ).format(kind, box[2], box[3], description, Markup(inside))


def _written(element: ElementTree.Element) -> str:
    """An element again, with what is allowed and can be seen."""
    tag = element.tag.rpartition("}")[2]
    if tag == "g":
        return _group(element)
    if tag not in SHAPES or not _visible(element, tag):
        return ""
    kept = {key: value for key, value in element.attrib.items() if key in SHAPES[tag] | PAINT}
    attributes = _attributes({key: value for key, value in kept.items() if DEFAULTS.get(key) != value})
    attributes += _label(element)
    inside = str(escape(element.text or "")) + "".join(_written(child) for child in element)
    return f"<{tag}{attributes}>{inside}</{tag}>" if inside else f"<{tag}{attributes}/>"


def _group(element: ElementTree.Element) -> str:
    """A group only where it moves, fades or holds something."""
    inside = "".join(_written(child) for child in element)
    if not inside:
        return ""
    kept = {key: value for key, value in element.attrib.items() if key in {"transform", "opacity"}}
    if kept.get("transform") == "translate(0,0)":
        del kept["transform"]
    attributes = _attributes(kept)
    return f"<g{attributes}>{inside}</g>" if attributes else inside


def _visible(element: ElementTree.Element, tag: str) -> bool:
    if element.get("display") == "none" or element.get("opacity") == "0":
        return False
    if tag == "path":
        return bool(element.get("d")) and {element.get("fill"), element.get("stroke")} != {None}
    return True


def _label(element: ElementTree.Element) -> str:
    """What a mark says on hover and focus; axes and frames say nothing."""
    if element.get("role") != "graphics-symbol" or not element.get("aria-label"):
        return ""
    return f' class="mark" role="img" aria-label="{escape(element.attrib["aria-label"])}"'


def _attributes(values: Mapping[str, str]) -> str:
    """Numbers get one decimal, a tenth of a pixel."""
    short = {key: LONG.sub(r"\1", value) if key in NUMBERS else value for key, value in values.items()}
    return "".join(f' {key}="{escape(value)}"' for key, value in short.items())
