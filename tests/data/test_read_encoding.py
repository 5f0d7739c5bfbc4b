"""Encodings: the right one, a question, or an error; never the wrong one silently."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ftkit import privacy
from ftkit.data.encoding import decode
from ftkit.data.plausibility import COMMON, chinese, western
from ftkit.errors import InputError

CHINESE = (
    "这个手机很好用，物流也快，就是电池不太耐用。\t1\n质量太差了，用了两天就坏了，客服也不理人！\t0\n"
    "书的内容不错，包装也完好，值得购买。\t1\n水果不新鲜，有几个已经坏了，再也不买了。\t0\n"
    "衣服颜色和图片不一样，布料很薄，不推荐。\t0\n酒店位置方便，早餐一般，服务员态度很好。\t1\n"
)
GERMAN = (
    "Die Lieferung war schnell, das Gerät läuft gut.\t1\nLeider völlig überteuert und schlecht verarbeitet, "
    "nie wieder!\t0\nSchöne Größe, aber die Farbe gefällt mir nicht.\t0\nMüsste für 50 € besser sein…\t0\n"
)
FRENCH = (
    "Très déçu : l’écran est cassé à la réception.\t0\nÇa marche très bien, je suis ravi de cet achat.\t1\n"
    "« À éviter », dit mon frère, et il a raison.\t0\nLe goût est agréable, l’odeur aussi.\t1\n"
)
SPANISH = "¿Él lo probó? Sí, y está encantado con el tamaño.\t1\n¡Qué desilusión! Llegó roto el envío, señor.\t0\n"
SWEDISH = "Jag är mycket nöjd, men priset är för högt å andra sidan.\t1\nDålig kvalitet, köp inte på nätet.\t0\n"
WESTERN = (GERMAN, FRENCH, SPANISH, SWEDISH)


@pytest.mark.parametrize(
    ("codec", "bom", "name"),
    [
        ("utf-8", b"", "UTF-8"),
        ("utf-8", b"\xef\xbb\xbf", "UTF-8 with BOM"),
        ("utf-16-le", b"\xff\xfe", "UTF-16"),
        ("utf-16-be", b"\xfe\xff", "UTF-16"),
        ("utf-16-le", b"", "UTF-16 without BOM"),
        ("utf-16-be", b"", "UTF-16 without BOM"),
        ("utf-32-le", b"\xff\xfe\0\0", "UTF-32"),
        ("gb18030", b"", "GB18030"),
    ],
)
@pytest.mark.parametrize("text", [CHINESE, CHINESE * 3000], ids=["short", "long"])
def test_chinese_comes_back_from_every_encoding(codec: str, bom: bytes, name: str, text: str) -> None:
    decoded, encoding = decode(bom + text.encode(codec), "x")
    assert (decoded.decode(), encoding.name) == (text, name)


@pytest.mark.parametrize("text", WESTERN, ids=["German", "French", "Spanish", "Swedish"])
@pytest.mark.parametrize("codec", ["cp1252", "utf-8", "utf-16-le"])
def test_western_text_comes_back(text: str, codec: str) -> None:
    decoded, _ = decode(text.encode(codec), "x")
    assert decoded.decode() == text


@pytest.mark.parametrize("word", ["séance", "naïve", "Ärzte", "über", "señor", "Übung", "5 € more", "20 °C", "so – no"])
def test_one_accented_word_among_english(word: str) -> None:
    text = "This is plain English,1\n" * 200 + f"but for {word},0\n"
    assert decode(text.encode("cp1252"), "x")[0].decode() == text


def test_one_chinese_word_among_english() -> None:
    text = "This is plain English,1\n" * 200 + "but for 不好,0\n"
    assert decode(text.encode("gb18030"), "x")[0].decode() == text


def test_text_far_behind_the_sample_is_judged_and_validated() -> None:
    plain = "only plain words here,1\n" * 100_000
    for text, codec in ((plain + GERMAN + plain, "cp1252"), (plain + CHINESE + plain, "gb18030")):
        assert decode(text.encode(codec), "x")[0].decode() == text


def test_where_two_fit_both_readings_are_shown_and_the_flags_named() -> None:
    raw = "¿Él? ".encode("cp1252") * 3  # 縧 and 縧…: an everyday hanzi in GB18030
    with pytest.raises(InputError) as caught:
        decode(b"some text\n" + raw, "reviews.csv")
    assert "Windows-1252 '¿Él?" in caught.value.message and "GB18030 '可l?" in caught.value.message
    assert caught.value.message.startswith("reviews.csv: line 2 ")
    assert caught.value.hint == "--set data.encoding=cp1252, or --set data.encoding=gb18030"
    assert decode(raw, "x", "cp1252")[0].decode() == "¿Él? " * 3
    assert decode(raw, "x", "gb18030")[0].decode() == "可l? " * 3


def test_the_question_hides_private_rows() -> None:
    privacy.hide(True)
    with pytest.raises(InputError) as caught:
        decode("¿Él? ¿Él?".encode("cp1252"), "x")
    assert "¿Él" not in str(caught.value) and "可l" not in str(caught.value)


def test_a_damaged_utf8_file_is_no_other_encoding() -> None:
    raw = (CHINESE * 20).encode()
    broken = raw[:1000] + b"\xff" + raw[1000:]
    with pytest.raises(InputError, match=r"UTF-8 but for byte 999 \(line \d+\)"):
        decode(broken, "x")
    with pytest.raises(InputError, match="UTF-8 but for byte"):
        decode(raw[:-4] + b"\n", "x")


def test_the_command_that_mends_a_damaged_file_can_be_typed(tmp_path: Path) -> None:
    source = tmp_path / "my reviews.csv"
    source.write_bytes((CHINESE * 20).encode() + b"\xff\n")
    with pytest.raises(InputError) as caught:
        decode(source.read_bytes(), str(source))
    command = caught.value.hint.partition(" and use")[0]
    subprocess.run(command, shell=True, check=False)  # with -c, iconv mends the file and still fails
    assert (tmp_path / "mended-my reviews.csv").read_text(encoding="utf-8") == CHINESE * 20 + "\n"


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        ("Привет, как дела? Очень хороший телефон, рекомендую всем!\n" * 5, "cp1251"),
        ("이 제품은 정말 좋아요. 배송도 빠르고 가격도 저렴합니다.\n" * 8, "euc-kr"),
        ("この商品はとても良いです。配送も早くて満足しています。\n" * 5, "shift_jis"),
    ],
)
def test_what_fits_nothing_is_refused_with_its_place(text: str, codec: str) -> None:
    with pytest.raises(InputError, match=r"line 1\b") as caught:
        decode(text.encode(codec), "x")
    assert "data.encoding" in caught.value.hint
    assert decode(text.encode(codec), "x", codec)[0].decode() == text


def test_a_named_encoding_must_exist_and_fit() -> None:
    with pytest.raises(InputError, match="no encoding named 'utf-9'"):
        decode(b"x", "x", "utf-9")
    with pytest.raises(InputError, match="no encoding named 'rot13'"):
        decode(b"x", "x", "rot13")
    with pytest.raises(InputError, match=r"not UTF-8: byte 5 \(line 2\)"):
        decode(b"abc\nx\xff", "x", "utf-8")
    with pytest.raises(InputError, match="byte 2,097,157 "):
        decode(b"a" * 2_097_157 + b"\xff", "x", "utf-8")
    assert decode(b"\xef\xbb\xbfabc", "x", "utf-8")[0] == b"abc"
    assert decode("abc".encode("utf-16"), "x", "utf-16")[0] == b"abc"
    assert decode("abc, d".encode("utf-16-be"), "x", "utf-16")[0] == b"abc, d"
    assert decode(b"a\0\1\0", "x", "utf-16")[0] == b"a\1"
    assert decode(b"a\0b", "x", "utf-8")[0] == b"a\0b"


def test_binary_files_are_no_text() -> None:
    for raw in (b"\0\1\2\3" * 100, bytes(range(256)), b"\1\2\3\4abc" * 50, b"text\0text"):
        with pytest.raises(InputError):
            decode(raw, "x")


HANZI = st.text(st.sampled_from(sorted(COMMON)), min_size=4, max_size=30)
WORDS = ["der", "schöne", "Größe", "für", "über", "läuft", "très", "déjà", "élève", "où", "à", "être", "garçon"]
WORDS += ["señor", "año", "está", "coração", "naïve", "œuvre", "the", "good"]


@st.composite
def chinese_texts(draw: st.DrawFn) -> str:
    lines = draw(st.lists(HANZI, min_size=14, max_size=20))
    ends = draw(st.lists(st.sampled_from(["。\t1\n", "！\t0\n", ",好评\n", "，不好\t0\r\n"]), min_size=20, max_size=20))
    return "".join(line + end for line, end in zip(lines, ends, strict=False)) + "还可以吧" * 40


@st.composite
def western_texts(draw: st.DrawFn) -> str:
    words = draw(st.lists(st.sampled_from(WORDS), min_size=50, max_size=80))
    seps = draw(st.lists(st.sampled_from([" ", " ", ", ", "; ", "\t1\n", "… ", "-", "’"]), min_size=80, max_size=80))
    return "".join(word + sep for word, sep in zip(words, seps, strict=False))


@settings(max_examples=30, deadline=None)
@given(
    st.one_of(chinese_texts().map(lambda text: (text, "gb18030")), western_texts().map(lambda text: (text, "cp1252")))
)
def test_the_right_encoding_or_a_question(case: tuple[str, str]) -> None:
    text, codec = case
    assert len(text) >= 150
    try:
        decoded, _ = decode(text.encode(codec), "x")
    except InputError as error:
        assert "which is right?" in error.message
    else:
        assert decoded.decode() == text


LEVEL_ONE = "".join(
    bytes([high, low]).decode("gb18030", "ignore") for high in range(0xB0, 0xD7) for low in range(0xA1, 0xFF)
)
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEF" * 3 + "àâäåæçèéêëíîïñóôöøúûüßÀÄÅÉÖÜ" + "     ,.!\n"


@settings(max_examples=40, deadline=None)
@given(
    st.one_of(
        *[st.text(st.sampled_from(sorted(set(chars))), min_size=200).map(lambda t: t) for chars in (LEVEL_ONE, LETTERS)]
    )
)
def test_even_random_characters_are_never_taken_for_the_other_encoding(text: str) -> None:
    codec = "gb18030" if any(char > "\u3000" for char in text) else "cp1252"
    with contextlib.suppress(UnicodeDecodeError):
        text.encode(codec).decode("utf-8")
        assume(False)  # what is valid UTF-8 is taken as that
    try:
        decoded, _ = decode(text.encode(codec), "x")
    except InputError:
        return
    assert decoded.decode() == text


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=1, max_size=300))
def test_any_bytes_are_text_or_an_input_error(raw: bytes) -> None:
    try:
        decoded, _ = decode(raw, "x")
    except InputError:
        return
    decoded.decode("utf-8")


def test_plausibility_tells_writing_from_its_misreading() -> None:
    assert chinese(CHINESE) > 0.9 and all(western(text) > 0.9 for text in WESTERN)
    assert western(CHINESE.encode("gb18030").decode("cp1252", "replace")) < 0.2
    assert all(chinese(text.encode("cp1252").decode("gb18030", "replace")) < 0.5 for text in WESTERN)


@pytest.mark.slow
def test_real_reviews_come_back(shared: Path) -> None:
    text = (shared / "data/shopping_reviews_zh/reviews.csv").read_text(encoding="utf-8")
    assert decode(text.encode("gb18030"), "x")[0].decode() == text
    lines = (shared / "data/multi30k_en_de_fr/val.csv").read_text(encoding="utf-8").encode("cp1252", "replace")
    assert decode(lines, "x")[0].decode() == lines.decode("cp1252")
    # most single reviews are enough to tell, and no review is misread
    taken = 0
    pieces = [line for line in text.splitlines()[1:] if len(line) > 20][::25]
    assert len(pieces) > 300
    for piece in pieces:
        try:
            taken += decode(piece.encode("gb18030"), "x")[0].decode() == piece
        except InputError:
            continue
    assert taken > 0.9 * len(pieces)
