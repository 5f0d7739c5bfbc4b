"""What a column's name says about it, and how numbers of things are written in messages."""

from __future__ import annotations

import re


def listed(words: str) -> frozenset[str]:
    """Words that stand in one text."""
    return frozenset(words.split())


TEXT = listed(
    "text texts sentence sentences review reviews message messages comment comments content body title tweet tweets "
    "utterance utterances description post question query headline summary abstract prompt paragraph passage "
    "文本 评论 内容 句子 标题 正文 描述 问题 留言 评价 消息"
)
LABEL = listed(
    "label labels labelled labeled class classes category categories intent intents sentiment emotion polarity stance "
    "gold 标签 类别 分类 情感 意图 标注 类目"
)
WEAK_LABEL = listed(
    "target topic topics tag tags type kind cat genre rating stars score grade y outcome annotation activity gesture "
    "movement behaviour behavior posture 话题 类型 评分 等级"
)
ORIGIN = listed(
    "domain source site platform lang language agency product brand team country region channel gender race age "
    "来源 平台 语言 领域 产品 品牌"
)
"""where a row comes from: a slice or a group rather than a label"""
UNIT = listed(
    "user users username author session sessions doc document documents customer client speaker patient thread "
    "conversation dialog dialogue subject participant person account worker annotator rater reviewer recording "
    "article episode chat ticket 用户 作者 会话 文档 客户 说话人 患者 对话 账号 文章"
)
GATHERED = listed("device devices sensor camera writer student employee household video clip game 设备 学生")
"""what rows may be gathered by, though it may as well be what is asked for"""
DATE = listed("date day datetime timestamp time week month 日期 时间")
ID = listed("id ids uid pid sid uuid guid 编号")
NUMBERING = ID | listed("key hash index idx no nr number 序号")
SPLIT = listed("split set fold subset partition")


def words(column: str) -> list[str]:
    """Parts of a name, in lower case: `UserID` and `user_id` give user and id."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", str(column))
    return [part for part in re.split(r"[\W_]+", apart.casefold()) if part]


def says(column: str, kind: frozenset[str]) -> bool:
    """Whether a part of the name is one of these words; Chinese names have no gaps, so they may hold it anywhere."""
    if not kind.isdisjoint(words(column)):
        return True
    return any(word in str(column) for word in kind if not word.isascii())


def like_label(column: str) -> bool:
    """Named like a label, surely or perhaps."""
    return says(column, LABEL) or says(column, WEAK_LABEL)


def like_unit(column: str) -> bool:
    """Named like what hangs together: a person, a document, a day; any id that is not a label's."""
    if says(column, LABEL):
        return False
    whole = any(word.endswith("id") and word[:-2] in UNIT for word in words(column))  # userid
    return says(column, UNIT) or whole or says(column, DATE) or (says(column, ID) and not says(column, WEAK_LABEL))


def may_hang(column: str) -> bool:
    """Named like a unit, surely or perhaps."""
    return like_unit(column) or (says(column, GATHERED) and not like_label(column))


def many(count: int, noun: str) -> str:
    """`1 row`, `2 rows`, `1,000 rows`."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
