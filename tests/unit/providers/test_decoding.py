"""Bytes of mail become the text their sender wrote, whatever the label on them says."""
# ruff: noqa: RUF001 - letters that look like Latin ones are what this is about

import base64

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from postroom.providers.decoding import clean, decode_text, decode_words, parameter


def word(charset: str, content: bytes) -> str:
    return f"=?{charset}?b?{base64.b64encode(content).decode()}?="


MEANT = [
    ("iso-8859-1", "“smart” €".encode("cp1252"), "“smart” €"),
    ("iso-8859-9", "“İstanbul” €".encode("cp1254"), "“İstanbul” €"),
    ("tis-620", "สวัสดี…".encode("cp874"), "สวัสดี…"),
    ("iso-8859-11", "สวัสดี…".encode("cp874"), "สวัสดี…"),
    ("windows-874", "สวัสดี".encode("cp874"), "สวัสดี"),
    ("iso-8859-8-i", "שלום".encode("iso8859-8"), "שלום"),
    ("koi8", "Привет".encode("koi8-r"), "Привет"),
    ("x-cp1251", "Привет".encode("cp1251"), "Привет"),
    ("macintosh", "é”".encode("mac-roman"), "é”"),
    ("gb2312", "你好，朱镕基先生".encode("gbk"), "你好，朱镕基先生"),
    ("gbk", "你好㐀".encode("gb18030"), "你好㐀"),
    ("x-gbk", "你好".encode("gbk"), "你好"),
    ("big5", "測試€".encode("cp950"), "測試€"),
    ("big5", "裏碁銹恒 測試".encode("cp950"), "裏碁銹恒 測試"),
    ("big5", "咗嘢 測試".encode("big5hkscs"), "咗嘢 測試"),
    ("x-x-big5", "測試".encode("big5"), "測試"),
    ("euc-kr", "안녕 똠방각하".encode("cp949"), "안녕 똠방각하"),
    ("ks_c_5601-1987", "펲시".encode("cp949"), "펲시"),
    ("ksc5601", "펲시".encode("cp949"), "펲시"),
    ("shift_jis", "①㈱髙島屋～".encode("cp932"), "①㈱髙島屋～"),
    ("x-sjis", "日本語".encode("cp932"), "日本語"),
    ("MS_Kanji", "髙橋".encode("cp932"), "髙橋"),
    ("windows-31j", "髙橋".encode("cp932"), "髙橋"),
    ("euc-jp", "日本①".encode("euc_jis_2004"), "日本①"),
    ("iso-2022-jp", "日本語テスト".encode("iso2022_jp"), "日本語テスト"),
    ("iso-2022-jp", b"\x1b$B\x46\x7c\x4b\x5c\x2d\x21\x1b(B end", "日本① end"),
    ("iso-2022-jp", b"\x1b$B\x7c\x62\x36\x36\x1b(B", "髙橋"),
    ("iso-2022-jp", b"\x1b(I\x31\x32\x1b(B end", "ｱｲ end"),
    ("iso-2022-jp", b"\x1b(J\\1000\x1b(B", "¥1000"),
    ("iso-2022-jp", "丂日".encode("iso2022_jp_ext"), "丂日"),
    ("unicode-1-1-utf-7", b"h+AOk-", "hé"),
    ("utf-16", "héllo 😀".encode("utf-16"), "héllo 😀"),
]


@pytest.mark.parametrize(("label", "content", "text"), MEANT)
def test_a_label_means_what_mail_programs_take_it_for(
    label: str, content: bytes, text: str
) -> None:
    """Incident: `shift_jis` with ① and `euc-kr` with 똠 became mojibake, `x-sjis` was unknown."""
    # given text of the superset that senders use under an older name
    # when it is read as a body and as a header's word
    # then both say what was written, without a flaw
    assert decode_text(content, label) == (text, True)
    assert decode_words(word(label, content)) == (text, True)


@pytest.mark.parametrize(
    ("label", "content", "text"),
    [
        ("utf-8", "Привет мир".encode() + b"\xd0", "Привет мир�"),
        ("utf-8", "Привет ".encode() + b"\xff" + "мир 😀".encode(), "Привет �мир 😀"),
        ("", "Привет ".encode() + b"\xff" + "мир 😀".encode(), "Привет �мир 😀"),
        ("x-foo", "Привет мир".encode() + b"\xd0", "Привет мир�"),
        ("gb2312", "你好，朱镕基先生".encode("gbk") + b"\xc4", "你好，朱镕基先生�"),
        ("windows-1251", "Привет".encode("cp1251") + b"\x98", "Привет�"),
        ("iso-2022-jp", b"\x1b$B\x46\x7c\x4b\x5c\x46\x7c\x4b", "日本日�"),
        ("utf-16", "hello".encode("utf-16") + b"\x00", "hello�"),
        ("utf-8", "Café crème".encode("cp1252"), "Café crème"),
        ("gb2312", "Café olé".encode("cp1252"), "Café olé"),
        ("us-ascii", "Café “olé”".encode("cp1252"), "Café “olé”"),
    ],
)
def test_one_bad_byte_costs_one_character(label: str, content: bytes, text: str) -> None:
    """Incident: a body cut within a character was shown as Windows-1252 from end to end."""
    # given text of a charset that is whole but for a byte, or that is another charset's altogether
    # when it is read
    read, is_flawless = decode_text(content, label)
    # then only the character lost is replaced, and the flaw is told
    assert read == text
    assert not is_flawless


@pytest.mark.parametrize(
    ("label", "content", "text"),
    [
        ("gb2312", "学习".encode("gb2312"), "学习"),
        ("gb2312", "小".encode("gb2312"), "小"),
        ("windows-1250", "VÝŠE".encode("cp1250"), "VÝŠE"),
        ("iso-8859-5", "ТА".encode("iso8859-5"), "ТА"),
        ("tis-620", "เขต".encode("cp874"), "เขต"),
    ],
)
def test_short_text_that_might_be_utf8_is_what_it_is_declared(
    label: str, content: bytes, text: str
) -> None:
    """Incident: the subject 学习 in GB2312 is valid UTF-8 too, and became ѧϰ."""
    # given text of a few characters whose bytes make UTF-8 as well
    content.decode("utf-8")
    # when it is read as a body and as a header's word
    # then it is the declared charset's
    assert decode_text(content, label) == (text, True)
    assert decode_words(word(label, content)) == (text, True)


@pytest.mark.parametrize(
    ("label", "text"),
    [
        ("iso-8859-1", "Café"),
        ("iso-8859-1", "Привет, как дела? 😀"),
        ("windows-1251", "Да"),
        ("gb2312", "你好，我们明天见面吧。"),
        ("gbk", "你好，我们明天见面吧，好吗？"),
        ("shift_jis", "明日の会議は十時からです。"),
        ("euc-kr", "안녕하세요 내일 만나요"),
        ("iso-2022-jp", "日本"),
        ("utf-16", "plain ASCII"),
    ],
)
def test_a_body_that_became_utf8_on_its_way_is_read_as_utf8(label: str, text: str) -> None:
    """Incident: gogcli #446, Gmail hands out UTF-8 under the old declaration."""
    # given a body that its provider converted, under the charset of its sender
    # when it is read
    # then it is read as what it is now
    assert decode_text(text.encode(), label) == (text, True)


def test_a_converted_body_with_one_bad_byte_is_still_utf8() -> None:
    """Windows-1252 would read nearly every byte of it, wrongly."""
    # given a converted body that was cut within a character
    content = "Ça a été décidé à Genève, où l'été a commencé".encode() + b"\xc3"
    # when it is read under its old declaration
    read, is_flawless = decode_text(content, "iso-8859-1")
    # then one character is lost, and that is told
    assert not is_flawless
    assert read == "Ça a été décidé à Genève, où l'été a commencé�"


@pytest.mark.parametrize(
    "meta",
    [
        "<meta charset=windows-1251>",
        '<META name="x"\n CharSet = "windows-1251" />',
        "<meta http-equiv='Content-Type' content='text/html; charset=windows-1251'>",
    ],
)
@pytest.mark.parametrize("label", ["", "us-ascii", "x-foo"])
def test_a_page_without_a_declaration_says_its_charset_itself(meta: str, label: str) -> None:
    """Incident: a newsletter whose charset stood only in its `<meta>` became Ïðèâåò."""
    # given a page of Windows-1251 that only itself declares
    page = f"<html><head>{meta}</head><body>Привет</body></html>"
    # when it is read, then its own word is taken
    assert decode_text(page.encode("cp1251"), label)[0] == page
    # and not where it is UTF-8 by now, nor where the field declares something known
    assert decode_text(page.encode(), label)[0] == page
    assert decode_text(page.encode("koi8-r"), "koi8-r")[0] == page


@pytest.mark.parametrize("named", ["utf-16", "hex", "x-foo", "us-ascii", "undefined"])
def test_a_pages_impossible_word_is_ignored(named: str) -> None:
    """What was read far enough to find `<meta>` is not UTF-16."""
    # given a page that declares what it cannot be
    page = f"<meta charset={named}><p>Café</p>"
    # when it is read, then it is read as without a declaration
    assert decode_text(page.encode("cp1252"), "") == (page, False)


_LABELS = st.sampled_from(
    [label for label, _, _ in MEANT]
    + ["", "utf-8", "us-ascii", "x-foo", "hz", "iso-2022-kr", "utf-7", "utf-32", "cp037"]
    + ["undefined", "unicode_escape", "raw_unicode_escape", "idna", "punycode", "hex", "rot13"]
)
_ESCAPES = st.sampled_from([b"\x1b$B", b"\x1b$@", b"\x1b(B", b"\x1b(I", b"\x1b(J", b"\x1b$(D"])
_BYTES = st.binary() | st.lists(_ESCAPES | st.binary(max_size=5)).map(b"".join)


@given(_BYTES, _LABELS | st.text())
@example(b"\\ud800", "raw_unicode_escape")
@example(b"<meta charset=\xff>\xff", "")
@example(b"\xff", "\ud800")
@example(b"\xff", "\0")
def test_no_bytes_and_no_label_are_too_bad_to_read(content: bytes, label: str) -> None:
    """Every body is shown somehow, and as something the stores take."""
    # given any bytes under any label, when they are read
    body, _ = decode_text(content, label)
    name, _ = decode_words(f"=?{label}?b?{base64.b64encode(content).decode()}?=")
    parameter(f"a/b; name*={label}''%FF", "name")
    # then there is text, without what the stores refuse
    assert body == clean(body)
    assert name == clean(name)


@given(st.text(), st.sampled_from(["utf-8", "", "x-foo"]))
def test_utf8_is_never_taken_for_anything_else(text: str, label: str) -> None:
    """Most mail is UTF-8; no guess may touch it."""
    # given any text of UTF-8, declared or with nothing known declared
    # when it is read, then it is the same
    text = clean(text)
    assert decode_text(text.encode(), label)[0] == text
