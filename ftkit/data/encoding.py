"""Bytes of a text file -> UTF-8, with the encoding detected. None is taken merely because it decodes."""

from __future__ import annotations

import codecs
import re
import shlex
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ftkit.data.plausibility import chinese, western
from ftkit.errors import InputError
from ftkit.privacy import shown

STEP = 1 << 20  # bytes decoded at a time, so that a large file is never held as a Python string
CLEAR = 0.85  # plausibility from which a reading is taken …
DOUBT = 0.5  # … unless another one is above this


@dataclass(frozen=True)
class Encoding:
    """How a text file is stored: enough to write another one alike."""

    name: str
    """as people call it"""
    codec: str
    """as Python calls it"""
    bom: bytes = b""
    """byte order mark at the start of the file"""


UTF8 = Encoding("UTF-8", "utf-8")
CP1252 = Encoding("Windows-1252", "cp1252")
GB18030 = Encoding("GB18030", "gb18030")
MARKED = (  # longest first: UTF-32's little-endian mark begins with UTF-16's
    Encoding("UTF-32", "utf-32-le", codecs.BOM_UTF32_LE),
    Encoding("UTF-32", "utf-32-be", codecs.BOM_UTF32_BE),
    Encoding("GB18030", "gb18030", b"\x84\x31\x95\x33"),
    Encoding("UTF-8 with BOM", "utf-8", codecs.BOM_UTF8),
    Encoding("UTF-16", "utf-16-le", codecs.BOM_UTF16_LE),
    Encoding("UTF-16", "utf-16-be", codecs.BOM_UTF16_BE),
)


def decode(raw: bytes, source: str, asked: str = "auto") -> tuple[bytes, Encoding]:
    """The file's text as UTF-8 without byte order mark, and how it was stored.

    `asked` is the recipe's `data.encoding`. Raises InputError where no encoding fits, and where two do.
    """
    encoding = detect(raw, source) if asked == "auto" else _asked(raw, source, asked)
    if encoding == UTF8 and asked == "auto":
        return raw, encoding  # detection has validated all of it
    body = raw[len(encoding.bom) :] if encoding.bom else raw
    try:
        return _transcode(body, encoding.codec), encoding
    except _Undecodable as error:
        where = error.offset + len(encoding.bom)
        message = f"{source}: not {encoding.name}: byte {where:,} (line {_line(raw, where):,}) cannot be decoded"
        raise InputError(message, "check the file, or name another encoding with --set data.encoding=…") from None


def detect(raw: bytes, source: str) -> Encoding:
    """How the file is stored, judged by its bytes; all of it is UTF-8 where that is the answer."""
    for marked in MARKED:
        if raw.startswith(marked.bom):
            return marked
    if wide := _unmarked_utf16(raw):
        return wide
    if b"\0" in raw:
        _not_text(source, f"it holds a NUL byte at offset {raw.index(0):,}")
    broken = _first_error(raw, "utf-8")
    sample = _sample(raw, broken or 0)
    controls = len(re.findall(rb"[\x01-\x08\x0e-\x1f\x7f]", sample))
    if controls > 0.05 * len(sample):
        _not_text(source, f"{controls / len(sample):.0%} of its bytes are control characters")
    return UTF8 if broken is None else _judge(raw, source, sample, broken)


def _not_text(source: str, why: str) -> None:
    hint = "give a CSV, TSV, TXT, JSON, JSONL, Parquet or XLSX file; --set data.encoding=… if it is text all the same"
    raise InputError(f"{source}: does not look like text: {why}", hint)


def _asked(raw: bytes, source: str, asked: str) -> Encoding:
    """The encoding that the user named, with its byte order mark where the file has one."""
    try:
        codec = codecs.lookup(asked).name
        "".encode(codec)  # fails for codecs that are no text encodings, such as rot13
    except (LookupError, ValueError):
        hint = "use utf-8, utf-16, cp1252, gb18030 or another of Python's encodings"
        raise InputError(f"data.encoding: no encoding named {asked!r}", hint) from None
    family = {"utf-8-sig": "utf-8"}.get(codec, codec)
    for marked in MARKED:
        if raw.startswith(marked.bom) and marked.codec.startswith(family):
            return marked
    if family == "utf-16":
        return _unmarked_utf16(raw) or Encoding("UTF-16 without BOM", "utf-16-le")
    known = {one.codec: one for one in (UTF8, CP1252, GB18030)}
    return known.get(family, Encoding(asked, family))


def _unmarked_utf16(raw: bytes) -> Encoding | None:
    """UTF-16 without a byte order mark: many NUL bytes, and in one of the two orders characters that exist."""
    head = raw[: 1 << 16]
    # tabs, digits and line ends alone are about 1 in 50 characters of a Chinese table
    if len(raw) % 2 or head.count(0) * 200 < len(head) / 2:
        return None
    texts = {codec: head.decode(codec, "ignore") for codec in ("utf-16-le", "utf-16-be")}
    # in the wrong order a line end is U+0A00, which is no character
    ends, codec = max((sum(text.count(char) for char in "\n\t ,;|"), codec) for codec, text in texts.items())
    if not ends:
        return None
    strange = sum(unicodedata.category(char) in ("Cc", "Cn", "Co") for char in texts[codec] if char not in "\t\r\n")
    if strange > 0.01 * len(texts[codec]) or _first_error(raw, codec) is not None:
        return None
    return Encoding("UTF-16 without BOM", codec)


def _judge(raw: bytes, source: str, sample: bytes, broken: int) -> Encoding:
    """Choose between Windows-1252 and GB18030 by what their characters look like."""
    _refuse_broken_utf8(raw, source, sample, broken)
    scores: dict[Encoding, float] = {}
    for encoding, judge in ((CP1252, western), (GB18030, chinese)):
        if _first_error(raw, encoding.codec) is None:
            scores[encoding] = judge(sample.decode(encoding.codec, "ignore"))
    best = max(scores, key=lambda one: scores[one], default=None)
    others = [score for one, score in scores.items() if one != best]
    if best is None or scores[best] < DOUBT:
        message = f"{source}: neither UTF-8 nor Windows-1252 nor GB18030: byte {broken:,} (line {_line(raw, broken):,})"
        raise InputError(message, "name its encoding with --set data.encoding=…, for example big5, shift_jis or cp1251")
    if scores[best] >= CLEAR and all(score < DOUBT for score in others):
        return best
    readings = " or ".join(f"as {one.name} {shown(_spot(raw, broken, one.codec))}" for one in scores)
    doubt = "which is right?" if len(scores) > 1 else "which does not look quite right"
    flags = ", or ".join(f"--set data.encoding={one.codec}" for one in scores)
    raise InputError(f"{source}: line {_line(raw, broken):,} reads {readings}: {doubt}", flags)


def _refuse_broken_utf8(raw: bytes, source: str, sample: bytes, broken: int) -> None:
    """A UTF-8 file with a damaged byte must not turn into mojibake of another encoding."""
    high = len(re.findall(rb"[\x80-\xff]", sample))
    valid = rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
    whole = sum(map(len, re.findall(valid, sample)))
    if whole > 0.75 * high:
        message = f"{source}: UTF-8 but for byte {broken:,} (line {_line(raw, broken):,}), which is damaged"
        path = Path(source)
        mended = shlex.quote(str(path.with_name(f"mended-{path.name}")))
        hint = f"iconv -c -f utf-8 -t utf-8 {shlex.quote(source)} > {mended} and use that file"
        raise InputError(message, hint)


class _Undecodable(Exception):
    """Bytes that a codec does not know; `offset` is the first of them."""

    def __init__(self, offset: int) -> None:
        super().__init__(offset)
        self.offset = offset


def _transcode(raw: bytes, codec: str) -> bytes:
    """To UTF-8, in steps."""
    out = bytearray()
    for text in _steps(raw, codec):
        try:
            out += text.encode("utf-8")
        except UnicodeEncodeError:  # codecs such as utf-7 can produce half a surrogate pair
            raise _Undecodable(0) from None
    return bytes(out)


def _first_error(raw: bytes, codec: str) -> int | None:
    """Offset of the first byte that the codec cannot decode."""
    try:
        for _ in _steps(raw, codec):
            pass
    except _Undecodable as error:
        return error.offset
    return None


def _steps(raw: bytes, codec: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(codec)()
    for start in range(0, len(raw), STEP):
        pending = decoder.getstate()[0]
        try:
            yield decoder.decode(raw[start : start + STEP], final=start + STEP >= len(raw))
        except UnicodeError as error:
            offset = start - len(pending) + (error.start if isinstance(error, UnicodeDecodeError) else 0)
            raise _Undecodable(max(offset, 0)) from None


def _sample(raw: bytes, around: int) -> bytes:
    """Whole lines from the start, from around an offset and from eight places between, about 1 MiB."""
    window = 1 << 16
    starts = {0: 8 * window, max(around - window // 2, 0): window}
    starts |= {len(raw) * part // 8: window for part in range(1, 8)}
    pieces, end = [], 0
    for start, size in sorted(starts.items()):
        if start >= end:
            first = start and raw.find(b"\n", start) + 1  # 0x0A is never the second byte of a GB18030 character
            if start and not 0 < first < start + size:
                first = start
            end = start + size
            pieces.append(raw[first:end])
    return b"\n".join(pieces)


def _line(raw: bytes, offset: int) -> int:
    return raw.count(b"\n", 0, offset) + 1


def _spot(raw: bytes, offset: int, codec: str) -> str:
    """The line that holds an offset, decoded, from a few characters before the spot."""
    start = raw.rfind(b"\n", 0, offset) + 1
    before = len(raw[start:offset].decode(codec, "replace"))
    line = raw[start : offset + 200].decode(codec, "replace").partition("\n")[0]
    return line[max(before - 20, 0) :]
