"""How much decoded text looks like writing: Chinese after GB18030, Western European after Windows-1252.

Either codec turns most bytes of the other into characters without an error, so a decoded file is
judged by which characters came out and where they stand.
"""

from __future__ import annotations

import re
from collections import Counter

LETTERS = frozenset("ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖØÙÚÛÜÝÞßàáâãäåæçèéêëìíîïðñòóôõöøùúûüýþÿŒœŠšŽžŸ")
"""letters of Windows-1252 beyond ASCII"""
WORDS = frozenset("ÀÁÄÅÆÈÉÊÓÖØÚàáäåæèéêíóöøúýþ")
"""letters that are words, or list items, on their own: French à, Italian è, Swedish ö"""
PUNCTUATION = frozenset("‚„…‹‘’“”•–—›\xa0¡«»¿")
"""marks that stand next to letters"""
SIGNS = frozenset("€™£§©ª®°±²³´µ·º¼½¥¢×÷")
"""signs that stand alone, after a word or by a number"""

COMMON = frozenset(
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方多经么去法学如都同"
    "现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日者意无力它与长把机十民第公此已工使情明性知全三又关点正业外将两高间由问很最"
    "重并物手应向头文体美相见被利什二等产或新己制身果加月话合回特代内信表化老给世位次度门任常先通教儿原东声提及比员解水名真论处走各入几口认条平"
    "系气题活更别打女变四总何电数安少才结反受目太量再感做接必场件快买"
)
"""hanzi that make up about half of ordinary Chinese text; of evenly drawn hanzi they are one in twenty"""


def chinese(text: str) -> float:
    """Share, 0 to 1, of the characters beyond ASCII that fit Chinese writing (1 when there are none)."""
    counts = Counter(text)
    beyond = {char: count for char, count in counts.items() if char > "\x7f"}
    total = sum(beyond.values())
    if not total:
        return 1.0
    share = sum(count for char, count in beyond.items() if _everyday(char)) / total
    hanzi = set(re.findall("[\u4e00-\u9fff]", text)[:2000])
    if len(hanzi) < 20:
        return share
    common = len(hanzi & COMMON) / len(hanzi)  # measured: 0.3 to 0.6 in Chinese, 0.03 to 0.1 by chance
    # Korean in EUC-KR decodes to everyday hanzi only, but to no more of the common ones than chance gives;
    # traditional script has few of the everyday code points, yet many common characters
    return share / 3 if common < 0.15 else max(share, min(1.0, common / 0.3))


def _everyday(char: str) -> bool:
    """Whether it is a hanzi of GB2312's first level (rows B0 to D7) or one of its marks (rows A1 to A3)."""
    code = char.encode("gb18030", "replace")
    return len(code) == 2 and code[1] >= 0xA1 and (0xB0 <= code[0] <= 0xD7 or 0xA1 <= code[0] <= 0xA3)


def western(text: str) -> float:
    """Share, 0 to 1, of the characters beyond ASCII that stand where Western European writing has them."""
    total = good = 0
    for match in re.finditer(r"[^\x00-\x7f]+", text):
        total += len(match[0])
        if _fits(match[0], text[match.start() - 1 : match.start()], text[match.end() : match.end() + 1]):
            good += len(match[0])
    return good / total if total else 1.0


def _fits(run: str, left: str, right: str) -> bool:
    """Whether a run of characters beyond ASCII, with its neighbours, looks Western.

    Chinese read as Windows-1252 gives long runs, or pairs such as "µÄ" and "ºÃ": a sign beside a letter.
    """
    if len(run) > 4:
        return False
    if all(char in SIGNS or char in PUNCTUATION for char in run):
        return len(run) <= 2 or all(char in PUNCTUATION for char in run)
    inner = run.strip("".join(PUNCTUATION))
    if len(inner) > 2 or any(char not in LETTERS for char in inner):
        return False
    start = run.index(inner)
    left = run[start - 1] if start else left
    right = run[start + len(inner)] if start + len(inner) < len(run) else right
    inside = any(side.isascii() and side.isalpha() for side in (left, right) if side)
    return inside or (inner in WORDS and not any(side.isalnum() for side in (left, right) if side))
