"""Whether the first row of a table holds column names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

_NAMES = (
    "text texts label labels labelled sentence sentence1 sentence2 review reviews comment message content title body "
    "category categories class classes intent target topic tag tags id ids idx index name date time timestamp rating "
    "score stars sentiment user author question answer domain split source lang language premise hypothesis utterance "
    "query tweet description subject summary document doc file path url group unit annotator gender age emotion "
    "product prediction predicted gold input output instruction word pos kommentar kategorie bewertung titel frage "
    "antwort texte titre avis note catégorie étiquette texto etiqueta categoría comentario título "
    "文本 标签 内容 评论 类别 分类 标题 句子 情感 评分 问题 答案 编号 序号 名称 日期 时间 用户 来源 文件 描述 类型 "
    "意图"
)
KNOWN = frozenset(_NAMES.split())
"""words that name columns wherever labelled texts are kept"""
VALUE = re.compile(r"[-+]?[\d.,:/'%\-T ]*\d[\d.,:/'%\-TZ ]*([eE][-+]?\d+)?%?|https?://\S*|\S+@\S+|\S+/\S+\.\w{2,4}")
"""numbers, dates and times, addresses, files: cells, never names"""
LONGEST, WORDS = 64, 7  # characters and words of a column name


def is_header(first: Sequence[str], below: Sequence[Sequence[str]], prior: float = 0.0) -> bool:
    """Whether `first` holds the names of the columns of `below`.

    Names are short, distinct, no numbers, and do not come back as cells; the cells below them differ in
    length, in kind, or by repeating each other. `below` are rows of the same width, the first few hundred;
    `prior` is what speaks for a header beforehand, as much as 1 where nearly all tables have one.
    """
    columns = [(cell.strip(), [row[place].strip() for row in below]) for place, cell in enumerate(first)]
    filled = [(name, cells) for name, cells in columns if name]
    if not filled or any(_unlike_a_name(name) or name in cells for name, cells in filled):
        return False
    if any(not name and any(cells) for name, cells in columns[1:]):
        return False  # only the column of row numbers is often left without a name
    if len(columns) == 1:
        return is_known(filled[0][0]) or "_" in filled[0][0]  # a first line of text may be one short word, too
    return sum(_vote(name, cells) for name, cells in filled) / len(filled) + prior > 0


def is_known(name: str) -> bool:
    """Whether a name, or a part of it as in `user_id`, is one that columns of texts and labels often have."""
    parts = re.split(r"[_.\-]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.strip()).lower())
    words = name.lower().split()
    return any(part in KNOWN for part in parts) or (0 < len(words) <= 3 and words[-1] in KNOWN)


def _unlike_a_name(name: str) -> bool:
    sentence = name[-1] in ".!。！…" or (name[-1] in "?？" and len(name) > 24)
    long = len(name) > LONGEST or len(name.split()) > WORDS or len(name.splitlines()) > 1
    return long or sentence or bool(VALUE.fullmatch(name))


def _vote(name: str, cells: Sequence[str]) -> float:
    """Evidence of one column that `name` is of another kind than `cells`."""
    filled = [cell for cell in cells if cell]
    one_word = re.fullmatch(r"[^\W\d]\w*", name)
    vote = (0.5 if one_word else -0.5) + 2 * is_known(name)
    if not filled:
        return vote if is_known(name) else 0.0
    if sum(bool(VALUE.fullmatch(cell)) for cell in filled) >= 0.9 * len(filled):
        return vote + 2
    counts = Counter(filled)
    if len(filled) >= 10 and len(counts) <= len(filled) / 3 and min(counts.values()) > 1:
        return vote + 1  # categories that come back, and the name is none of them
    near = sorted(map(len, filled[:10]))[len(filled[:10]) // 2]
    # in a file sorted by length the neighbours of a short first row are as short as it
    differs = near >= 3 * len(name) or (one_word and near <= 3 and len(name) >= 3 * near)
    return vote + (1 if differs else -1)
