"""Mail made safe to look at: what stays, what goes, and what folds away."""

import re
from urllib.parse import unquote

import pytest
from bs4 import BeautifulSoup

from postroom.domain.ids import AttachmentId
from postroom.web.mail_html import (
    content_ids,
    data_address,
    frame_policy,
    height_hint,
    mail_document,
    safe_html,
    text_parts,
)
from tests.data.xss import PATTERNS

PNG = data_address("image/png", b"\x89PNG")
ACTIVE = {
    "applet", "audio", "base", "body", "button", "embed", "form", "frame", "frameset", "iframe",
    "input", "link", "math", "meta", "object", "script", "select", "source", "style", "svg",
    "template", "textarea", "video",
}  # fmt: skip


def _cleaned(markup: str, *, with_remote: bool = False) -> str:
    return safe_html(markup, pictures={}, with_remote=with_remote).html


@pytest.mark.parametrize("markup", PATTERNS)
def test_nothing_that_acts_is_left(markup: str) -> None:
    """Neither an element that does something, nor a handler, nor an address that runs."""
    dark = f'<body style="background:#222;color:#eee">{markup}'
    for written in (markup, dark):
        _assert_nothing_acts(written)


def _assert_nothing_acts(markup: str) -> None:
    shown = mail_document(safe_html(markup, pictures={}, with_remote=False), title="x")
    soup = BeautifulSoup(shown.partition("</head><body>")[2], "html.parser")
    for element in soup.select("*"):
        assert element.name not in ACTIVE
        for name, value in element.attrs.items():
            assert not name.startswith("on"), name
            assert name in {"href", "src", "style", "class", "id"} or ":" not in str(value)
            if name == "src":
                assert str(value).startswith("data:image/")
                assert "svg" not in str(value)
            if name == "href":
                assert str(value).split(":")[0] in {"http", "https", "mailto", "tel"} or (
                    ":" not in str(value)
                )
            if name == "style":
                assert not re.search(r"url|expression|binding|position", str(value))


def test_what_people_write_stays() -> None:
    """Words, links, lists, tables and colours are there as they were."""
    markup = (
        '<h2>Plan</h2><p style="color: red">Hello <b>Ada</b>, see <a href="https://example.com/a">'
        "this</a>.</p><ul><li>one</li></ul><table><tr><td bgcolor='#eee'>cell</td></tr></table>"
    )
    shown = _cleaned(markup)
    for part in ("<h2>Plan</h2>", "color:red", "<b>Ada</b>", "<li>one</li>", "cell"):
        assert part in shown
    assert 'href="https://example.com/a"' in shown
    assert 'target="_blank"' in shown
    assert 'rel="noopener noreferrer nofollow"' in shown


@pytest.mark.parametrize(
    ("markup", "ground", "ink"),
    [
        ('<a style="background:#0a5;color:#fff">Buy</a>', "#0a5", "#fff"),
        ('<td style="BACKGROUND: #003366;color:#fff">Buy</td>', "#003366", "#fff"),
        ('<p style="background: url(x.png) #036 !important;color:#fff">Buy', "#036", "#fff"),
        ('<p style="background: linear-gradient(to right, rgb(0,1,2), #fff);color:#fff">Buy',
         "rgb(0, 1, 2)", "#fff"),
        ('<body style="background:#222;color:#eee"><p>Buy</p></body>', "#222", "#eee"),
        ('<html><body bgcolor="222222" text=white>Buy</body></html>', "#222222", "white"),
        ('<p style="background:#036">Buy</p>', "#036", "#ffffff"),
    ],
)  # fmt: skip
def test_words_stand_on_their_own_ground(markup: str, ground: str, ink: str) -> None:
    """White buttons and dark mail were white on white: their grounds had been taken away."""
    shown = _cleaned(f"<table><tr>{markup}</tr></table>" if "<td" in markup else markup)
    assert f"background-color:{ground}" in shown
    assert f"color:{ink}" in shown.replace(f"background-color:{ground}", "")
    assert "url" not in shown


@pytest.mark.parametrize(
    "markup",
    [
        '<p style="color:#fff">Buy</p>',
        '<p style="background:url(dark.png);color:rgb(250, 250, 250)">Buy</p>',
        "<p style=\"background: url('dark.png;x'); color: white !important\">Buy</p>",
        '<p style="background:transparent;color:hsl(60, 100%, 95%)">Buy</p>',
        '<style>.dark{background:#000}</style><p class=dark><font color="#EEEEEE">Buy</font></p>',
        '<div style="background:#fff"><b style="color:ivory">Buy</b></div>',
        '<div style="background:#fff;color:#fff">Buy</div>',
    ],
)
def test_words_whose_ground_is_gone_are_dark(markup: str) -> None:
    """A picture or a style sheet had been behind them."""
    shown = re.sub(r"background-color:[^;\"]*", "", _cleaned(markup))
    assert "color" not in shown
    assert "Buy" in shown


def test_words_on_a_dark_ground_are_light() -> None:
    """Whatever stands between them and their ground; dark ones had another ground."""
    shown = _cleaned(
        '<table bgcolor="#222"><tr><td style="color:#eee">one <b>two</b></td>'
        '<td style="color:#222">three</td></tr></table>'
    )
    assert "color:#eee" in shown
    assert "color:#222" not in shown
    assert '<table bgcolor="#222" style="color:#ffffff">' in shown


def test_links_on_a_dark_ground_are_light() -> None:
    """They are blue by themselves, whatever they stand in."""
    shown = _cleaned(
        '<body style="background:#222;color:#eee">'
        '<a href="#a">one</a><a href="#b" style="color:#8cf">two</a></body>'
        '<div style="background:#fff;color:#222"><a href="#c">three</a></div>'
    )
    one, two, three = BeautifulSoup(shown, "html.parser").find_all("a")
    assert one["style"] == "color:#eeeeee"
    assert two["style"] == "color:#8cf"
    assert "style" not in three.attrs


def test_colours_that_can_be_read_stay_as_they_are() -> None:
    """Nothing else is looked at: mail may be long."""
    markup = '<p style="color:#666">a<br>b</p><font color="navy">c</font>'
    assert _cleaned(markup) == markup


def test_what_is_true_for_the_page_is_true_for_the_mail() -> None:
    """Its direction and its letters went with its body."""
    markup = '<BODY dir=rtl onload="x()" style="font-family:Calibri;width:900px"><p>a</p></BODY>'
    assert _cleaned(markup) == '<div dir="rtl" style="font-family:Calibri"><p>a</p></div>'


def test_links_to_a_place_in_the_mail_stay_in_its_frame() -> None:
    """They opened a tab with nothing but the mail."""
    shown = _cleaned('<a title="a>b" href="#end">x</a><a name="end">y</a><h2 id="two">z</h2>')
    inside, there, heading = BeautifulSoup(shown, "html.parser").find_all(["a", "h2"])
    assert "target" not in inside.attrs
    assert (there["name"], heading["id"]) == ("end", "two")
    web = BeautifulSoup(
        _cleaned('<a title=" href=" href="https://x.example/#end">x</a>'), "html.parser"
    )
    assert [each["target"] for each in web.find_all("a")] == ["_blank"]


def test_remote_pictures_come_when_asked_for() -> None:
    """Until then their place is empty and the reader is told; then they come over https.

    Whoever gets them passed on gets them as they were.
    """
    markup = '<img src="http://example.com/a.png" alt="A"><img src="cid:logo">'
    without = safe_html(markup, pictures={}, with_remote=False)
    assert without.has_remote_pictures
    assert "example.com" not in without.html
    assert 'alt="A"' in without.html
    shown = safe_html(markup, pictures={}, with_remote=True)
    assert 'src="http://example.com/a.png"' in shown.html
    assert 'src="https://example.com/a.png"' in mail_document(shown, title="x")
    assert not safe_html("<p>x</p>", pictures={}, with_remote=False).has_remote_pictures


def test_inline_pictures_become_part_of_the_document() -> None:
    """By their content ids, in whatever way mail programs write them."""
    markup = """<img src="cid:logo@x"><img src='CID:other'><td background="cid:back">"""
    assert content_ids(markup) == {"logo@x", "other", "back"}
    shown = safe_html(markup, pictures={"logo@x": PNG}, with_remote=False)
    assert f'src="{PNG}"' in shown.html
    assert "cid:" not in shown.html


@pytest.mark.parametrize(
    ("address", "content_id"),
    [
        ("cid:logo@host", "logo@host"),
        ("cid:logo%40host", "logo@host"),
        ("CID:%3Clogo%40host%3E", "logo@host"),
        ("cid:logo%2b1%40host", "logo+1@host"),
        ("cid:100%25@host", "100%@host"),
        ("cid:100%@host", "100%@host"),
        ("cid:logo%40host", "logo%40host"),
    ],
)
def test_a_content_id_may_be_percent_encoded(address: str, content_id: str) -> None:
    """As RFC 2392 has it: such pictures stood below the text, as files."""
    markup = f'<img src="{address}">'
    assert content_id in content_ids(markup)
    shown = safe_html(markup, pictures={content_id: PNG}, with_remote=False)
    assert f'src="{PNG}"' in shown.html
    assert shown.shown_content_ids == {content_id}


def test_an_id_as_it_is_written_comes_before_what_it_may_mean() -> None:
    """Two pictures of which one is called as the other's address: each is shown in its place."""
    pictures = {"a%40b": "data:image/png;base64,AAAA", "a@b": PNG}
    shown = safe_html('<img src="cid:a%40b">', pictures=pictures, with_remote=False)
    assert "AAAA" in shown.html
    assert shown.shown_content_ids == {"a%40b"}


@pytest.mark.parametrize(
    "encoded",
    [
        "x%22%3E%3Cscript%3Etop.ran=1%3C/script%3E",
        "x%22%20onerror=%22top.ran=1",
        "javascript%3Atop.ran=1",
        "%00%0D%0A%22%3E%3Ciframe%20src=x%3E",
        "%FF%FE%22%3E%3Cb%3E",
        "x%2522%253E%253Cscript%253E",
    ],
)
def test_what_an_encoded_id_means_stays_inside_its_address(encoded: str) -> None:
    """Even where an attachment is called so: it is a name, and never markup."""
    markup = f'<p>Hello</p><img src="cid:{encoded}">'
    pictures = {each: f"cid:{each}" for each in content_ids(markup)}
    for named in ({}, pictures, {unquote(encoded): f"cid:{unquote(encoded)}"}):
        shown = safe_html(markup, pictures=named, with_remote=False)
        soup = BeautifulSoup(mail_document(shown, title="x"), "html.parser").body
        assert soup
        assert [each.name for each in soup.select("*")] == ["p", "img"]
        assert set(soup.find_all("img")[0].attrs) <= {"src"}
        assert str(soup.find_all("img")[0].get("src", "cid:")).startswith("cid:")


def test_an_id_of_brackets_alone_names_nothing() -> None:
    """Files without an id would have been taken for its picture."""
    assert content_ids('<img src="cid:%3C%3E"><img src="cid:&lt;">') == {"%3C%3E"}


def test_only_pictures_that_are_seen_count_as_shown() -> None:
    """Backgrounds, links and comments name some, too: their files would have been out of reach."""
    markup = """<img src="CID:logo@x"><td background="cid:back"><a href="cid:linked">x</a>
        <!-- <img src="cid:remark"> --><p style="background: url('cid:style')">"cid:said</p>"""
    names = content_ids(markup)
    assert names > {"logo@x", "back", "linked", "remark"}
    shown = safe_html(markup, pictures=dict.fromkeys(names, PNG), with_remote=False)
    assert shown.shown_content_ids == {"logo@x"}
    assert not safe_html(markup, pictures={}, with_remote=False).shown_content_ids


def test_the_document_says_which_attachments_it_shows() -> None:
    """No mail can say so in its place."""
    body = safe_html(
        '<meta name="shown-attachments" content="forged"><p>x</p>', pictures={}, with_remote=False
    )
    ids = [AttachmentId("a-1"), AttachmentId("b_2")]
    document = mail_document(body, title="x", shown_attachment_ids=ids)
    (said,) = BeautifulSoup(document, "html.parser").find_all("meta", {"name": "shown-attachments"})
    assert said["content"] == "a-1 b_2"


_GMAIL = (
    '<div class="gmail_quote"><div dir="ltr" class="gmail_attr">-- Forwarded message --<br>'
    "From: Ada</div>{inside}</div>"
)
_OUTLOOK = (
    "<div id='{x}appendonsend'></div><hr style='display:inline-block'>"
    "<div id='{x}divRplyFwdMsg' dir='ltr'><b>From:</b> Ada</div><div>earlier</div>"
)
_BORDER = (
    "<div><div style='border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm'>"
    "<p><b>From:</b> Ada</p></div></div><p>earlier</p>"
)


@pytest.mark.parametrize(
    "quotation",
    [
        '<div class="gmail_quote">On Monday Ada wrote:<blockquote>earlier</blockquote></div>',
        "<blockquote type='cite'>earlier</blockquote>",
        "<div id='appendonsend'></div><hr><div>From: Ada</div><div>earlier</div>",
        '<div class="yahoo_quoted"><p>earlier</p></div>',
        '<div class="x_gmail_quote">On Monday Ada wrote:<blockquote>earlier</blockquote></div>',
        '<hr id="zwchr"><div><b>From:</b> Ada</div><div>earlier</div>',
        '<span id="OLK_SRC_BODY_SECTION"><div>From: Ada</div><div>earlier</div></span>',
        _BORDER,
        f"<div class=WordSection1><p>mine, too</p>{_BORDER}</div>",
        _BORDER.removeprefix("<div>").replace("E1E1E1", "B5C4DF").replace("0cm", "0in"),
    ],
)
def test_quotations_fold_once(quotation: str) -> None:
    """The author's own words are in sight, the earlier ones one click away."""
    body = safe_html(f"<p>mine</p>{quotation}", pictures={}, with_remote=False)
    soup = BeautifulSoup(mail_document(body, title="x"), "html.parser")
    (folded,) = soup.find_all("details")
    assert "earlier" in folded.get_text()
    assert "mine" not in folded.get_text()


@pytest.mark.parametrize(
    "markup",
    [
        f"<div><br><br>{_GMAIL.format(inside='<div>earlier</div>')}</div>",
        f"<p>For you</p>{_GMAIL.format(inside='<br><br><div>earlier</div>')}",
        f"<p>For you</p>{_GMAIL.format(inside='<div><b>From:</b> A</div><br><p>earlier</p>')}",
        f"<br>{_GMAIL.format(inside='<blockquote class=gmail_quote>earlier</blockquote>')}",
        '<p>For you</p><div class="moz-forward-container">-- Forwarded --<p>earlier</p></div>',
        f"<div><br>&nbsp;</div>{_OUTLOOK.format(x='')}",
        f"<div class=WordSection1><p>&nbsp;</p>{_BORDER}</div>",
        '<div style="display:none">secret</div><blockquote type="cite">earlier</blockquote>',
    ],
)
def test_what_is_passed_on_is_in_sight(markup: str) -> None:
    """Nothing but three dots could be seen of it."""
    body = safe_html(markup, pictures={}, with_remote=False)
    soup = BeautifulSoup(mail_document(body, title="x"), "html.parser")
    assert "earlier" in soup.get_text()
    assert not soup.find_all("details")


def test_what_was_quoted_in_what_is_passed_on_folds() -> None:
    """What came last is what is passed on."""
    markup = (
        f"{_OUTLOOK.format(x='')}<p>news</p>{_OUTLOOK.format(x='x_').replace('earlier', 'old')}"
    )
    body = safe_html(markup, pictures={}, with_remote=False)
    soup = BeautifulSoup(mail_document(body, title="x"), "html.parser")
    (folded,) = soup.find_all("details")
    assert "old" in folded.get_text()
    assert "earlier" not in folded.get_text()
    assert "news" not in folded.get_text()


def test_quotations_without_end_are_shown_all_the_same() -> None:
    """30,000 of them took longer to fold than a function may work, and nothing could be read."""
    body = safe_html(
        f"<p>mine</p>{'<blockquote>old</blockquote>new' * 3_000}", pictures={}, with_remote=False
    )
    shown = mail_document(body, title="x")
    assert shown.count("new") == 3_000
    assert shown.count("<details>") == 1_000


def test_what_a_plain_text_quotes_folds_where_it_became_html() -> None:
    """Outlook's mailboxes make HTML of every text: there, nothing that it quoted was folded."""
    lines = [
        "mine", "", "On Mon, 16 Nov 2026 at 09:00, Ada &lt;ada@example.com&gt; wrote:",
        '&gt; see <a href="https://x.example/">https://x.example/</a>', "&gt; A.",
    ]  # fmt: skip
    for text, folds in ((lines, 1), (lines[3:], 0)):
        inside = "<br>\r\n".join(text)
        markup = f'<body><font size="2"><div class="PlainText">{inside}</div></font></body>'
        body = safe_html(markup, pictures={}, with_remote=False)
        soup = BeautifulSoup(mail_document(body, title="x"), "html.parser")
        found = soup.find_all("details")
        assert len(found) == folds
        assert "https://x.example/" in soup.get_text()
        for folded in found:
            assert "wrote:" in folded.get_text()
            assert folded.find("a")
            assert "mine" not in folded.get_text()


def test_the_document_is_shut() -> None:
    """No scripts, no frames, no forms; pictures from elsewhere only when asked for."""
    policy = frame_policy(with_remote=False)
    assert policy.startswith(
        "sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox; default-src 'none';"
    )
    assert "default-src 'none'" in policy
    assert "img-src data:;" in policy
    assert "https:" in frame_policy(with_remote=True)
    document = mail_document(safe_html("x", pictures={}, with_remote=False), title="</title><b>")
    assert "<title>&lt;/title&gt;&lt;b&gt;</title>" in document


def test_longer_mail_is_guessed_higher() -> None:
    """What is folded counts for nothing."""
    short, long = "<p>Hello</p>", "<p>Hello</p>" * 40
    assert height_hint(short) < height_hint(long)
    folded = f'{short}<div class="gmail_quote">{long}</div>'
    assert height_hint(folded) < height_hint(long) / 2


def test_a_text_is_cut_where_others_begin() -> None:
    """The answer in sight, the quotation apart, nothing lost."""
    attribution = "On Mon, 16 Nov 2026 at 09:00, Ada <ada@example.com> wrote:"
    text = f"Yes, gladly.\r\n\r\n{attribution}\r\n> Tea?\r\n> A."
    own, quoted = text_parts(text)
    assert (own.is_quoted, quoted.is_quoted) == (False, True)
    assert own.text.startswith("Yes, gladly.")
    assert "Tea?" in quoted.text
    assert f"{own.text}\n{quoted.text}" == text.replace("\r\n", "\n")
