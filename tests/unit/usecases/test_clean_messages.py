# ruff: noqa: RUF001 - mail in many scripts
"""What is left of mail when the quotations go: mail as programs write it, in several languages."""

import re
from textwrap import dedent

import pytest

from postroom.domain.conversation import Cleaning
from postroom.domain.errors import NotFound, TooLarge
from postroom.domain.ids import MessageId
from postroom.domain.message import MessageContent
from postroom.usecases.clean_messages import LONGEST_CONTENTS, clean_messages, conversation
from tests.builders import ACCOUNT_ID, make_content, make_message
from tests.fakes import InMemoryContentStore, InMemoryMessageStore

QUOTED = "The engine might compose elaborate pieces of music."
"""What somebody else wrote, in every sample: it must go."""


def cleaned(content: MessageContent, **wanted: bool) -> str:
    """The conversation of a mail."""
    return conversation(content, Cleaning(**wanted))


def seen(html: str) -> list[str]:
    """The lines that a reader of HTML sees."""
    with_lines = re.sub(r"<br/?>|</?(?:div|p|li|ul|tr|blockquote|h1)[^>]*>", "\n", html)
    text = re.sub(r"<[^>]+>", "", with_lines)
    lines = (" ".join(line.split()) for line in text.splitlines())
    return [line for line in lines if line]


GMAIL = f"""
<div dir="ltr">Dear Ada,<div><br></div><div>Tuesday suits me. Shall we say <b>ten</b>?</div>
<div><br clear="all"><div><br></div><span class="gmail_signature_prefix">-- </span><br>
<div dir="ltr" class="gmail_signature"><div dir="ltr">Charles Babbage<br>1 Dorset Street</div></div>
</div></div><br><div class="gmail_quote gmail_quote_container"><div dir="ltr" class="gmail_attr">
On Tue, 3 Nov 2026 at 10:00, Ada Lovelace &lt;<a href="mailto:ada@example.com">ada@example.com</a>
&gt; wrote:<br></div><blockquote class="gmail_quote" style="margin:0px 0px 0px 0.8ex">
<div dir="ltr">{QUOTED}</div></blockquote></div>
"""

OUTLOOK_WINDOWS = f"""
<html xmlns:o="urn:schemas-microsoft-com:office:office"><head><style><!-- p.Mso {{}} --></style>
</head><body lang="DE"><div class="WordSection1">
<p class="MsoNormal"><span lang="DE">Dear Ada,<o:p></o:p></span></p>
<p class="MsoNormal"><o:p>&nbsp;</o:p></p>
<p class="MsoNormal">Tuesday suits me. Shall we say ten?<o:p></o:p></p>
<div><div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm">
<p class="MsoNormal"><b>Von:</b> Ada Lovelace &lt;ada@example.com&gt; <br>
<b>Gesendet:</b> Dienstag, 3. November 2026 10:00<br><b>An:</b> Charles Babbage<br>
<b>Betreff:</b> Termin<o:p></o:p></p></div></div>
<p class="MsoNormal">{QUOTED}</p></div></body></html>
"""

OUTLOOK_WEB = f"""
<html><body><div class="elementToProof">Dear Ada,</div><div class="elementToProof"><br></div>
<div class="elementToProof">Tuesday suits me. Shall we say ten?</div>
<div id="ms-outlook-mobile-signature">Get <a href="https://aka.ms/o0ukef">Outlook for iOS</a></div>
<div id="appendonsend"></div><hr style="display:inline-block;width:98%" tabindex="-1">
<div id="divRplyFwdMsg" dir="ltr"><font face="Calibri, sans-serif"><b>De&nbsp;:</b> Ada Lovelace<br>
<b>Envoyé&nbsp;:</b> mardi 3 novembre 2026 10:00<br><b>À&nbsp;:</b> Charles<br><b>Objet&nbsp;:</b> x
</font></div><div dir="ltr">{QUOTED}</div></body></html>
"""

APPLE_MAIL = f"""
<html><body style="overflow-wrap: break-word;">Dear Ada,<div><br></div>
<div>Tuesday suits me. Shall we say ten?<br id="lineBreakAtBeginningOfMessage"><div><br>
<blockquote type="cite"><div>Am 03.11.2026 um 10:00 schrieb Ada Lovelace &lt;ada@example.com&gt;:
</div><br class="Apple-interchange-newline"><div><div>{QUOTED}</div></div></blockquote></div><br>
</div></body></html>
"""

THUNDERBIRD = f"""
<html><body><p>Dear Ada,</p><p>Tuesday suits me. Shall we say ten?</p>
<div class="moz-cite-prefix">Le 03/11/2026 à 10:00, Ada Lovelace a écrit&nbsp;:<br></div>
<blockquote type="cite" cite="mid:1@example.com"><p>{QUOTED}</p></blockquote>
<pre class="moz-signature" cols="72">-- \nCharles Babbage</pre></body></html>
"""

YAHOO = f"""
<div class="ydp1"><div dir="ltr">Dear Ada,</div><div dir="ltr">Tuesday suits me. Shall we say ten?
</div></div><div id="yahoo_quoted_123" class="yahoo_quoted"><div>Il martedì 3 novembre 2026 alle ore
10:00 CET, Ada Lovelace &lt;ada@example.com&gt; ha scritto: </div><div>{QUOTED}</div></div>
"""

UNMARKED = f"""
<p>Dear Ada,</p><p>Tuesday suits me. Shall we say ten?</p>
<p>El mar, 3 nov 2026 a las 10:00, Ada Lovelace (&lt;ada@example.com&gt;) escribió:</p>
<blockquote><p>{QUOTED}</p></blockquote>
"""

UNMARKED_HEADERS = f"""
<div>Dear Ada,</div><div>Tuesday suits me. Shall we say ten?</div><div>_______________________</div>
<div><b>Från:</b> Ada Lovelace</div><div><b>Skickat:</b> den 3 november 2026</div>
<div><b>Till:</b> Charles</div><div><b>Ämne:</b> Tid</div><div>{QUOTED}<img src="https://x/y.png">
</div>
"""

HTML_MAIL = {
    "gmail": GMAIL,
    "outlook for windows, german": OUTLOOK_WINDOWS,
    "outlook on the web, french": OUTLOOK_WEB,
    "apple mail, german": APPLE_MAIL,
    "thunderbird, french": THUNDERBIRD,
    "yahoo, italian": YAHOO,
    "unmarked, spanish": UNMARKED,
    "unmarked headers, swedish": UNMARKED_HEADERS,
}


@pytest.mark.parametrize("html", HTML_MAIL.values(), ids=HTML_MAIL)
def test_quotations_and_signatures_of_html_go(html: str) -> None:
    """Whatever program wrote it; what its author wrote stays, with its emphasis."""
    for as_markdown in (False, True):
        found = cleaned(MessageContent(html=html), html_as_markdown=as_markdown)
        assert seen(found.replace("**", "")) == ["Dear Ada,", "Tuesday suits me. Shall we say ten?"]
        assert "style" not in found
        assert "class=" not in found


ATTRIBUTIONS = {
    "english": "On Tue, 3 Nov 2026 at 10:00, Ada Lovelace <ada@example.com> wrote:",
    "english, broken": "On Tue, 3 Nov 2026 at 10:00, Ada Lovelace <ada@example.com>\nwrote:",
    "german": "Am Di., 3. Nov. 2026 um 10:00 Uhr schrieb Ada Lovelace <\nada@example.com>:",
    "french": "Le mar. 3 nov. 2026 à 10:00, Ada Lovelace <ada@example.com> a écrit :",
    "spanish": "El mar, 3 nov 2026 a las 10:00, Ada Lovelace (<ada@example.com>)\nescribió:",
    "italian": "Il giorno mar 3 nov 2026 alle ore 10:00 Ada Lovelace\n<a@b.c> ha scritto:",
    "portuguese": "Em ter., 3 de nov. de 2026 às 10:00, Ada Lovelace <a@b.c> escreveu:",
    "dutch": "Op di 3 nov 2026 om 10:00 schreef Ada Lovelace <ada@example.com>:",
    "polish": "wt., 3 lis 2026 o 10:00 Ada Lovelace <ada@example.com> napisał(a):",
    "czech": "út 3. 11. 2026 v 10:00 odesílatel Ada Lovelace <a@b.c> napsal:",
    "danish": "Den tir. 3. nov. 2026 kl. 10.00 skrev Ada Lovelace <ada@example.com>:",
    "finnish": "ti 3. marrask. 2026 klo 10.00 Ada Lovelace (ada@example.com) kirjoitti:",
    "russian": "вт, 3 нояб. 2026 г. в 10:00, Ada Lovelace <ada@example.com> пишет:",
    "turkish": "Ada Lovelace <ada@example.com>, 3 Kas 2026 Sal, 10:00 tarihinde şunu yazdı:",
    "japanese": "2026年11月3日(火) 10:00 Ada Lovelace <ada@example.com>:",
    "chinese": "Ada Lovelace <ada@example.com> 于2026年11月3日周二 10:00写道：",
    "korean": "2026년 11월 3일 (화) 오전 10:00, Ada Lovelace <ada@example.com>님이 작성:",
}


@pytest.mark.parametrize("attribution", ATTRIBUTIONS.values(), ids=ATTRIBUTIONS)
def test_attributions_are_known_in_many_languages(attribution: str) -> None:
    """With what is quoted behind them, whether it bears a sign or not."""
    for quoted in (f"> {QUOTED}\n>\n> > older", QUOTED):
        text = f"Dear Ada,\n\nTuesday suits me.\n\n{attribution}\n\n{quoted}\n"
        own = cleaned(MessageContent(text=text), html_as_markdown=True)
        assert own == "Dear Ada,\n\nTuesday suits me."


HEADER_BLOCKS = {
    "english": "-----Original Message-----\nFrom: Ada\nSent: Tuesday\nTo: Charles\nSubject: When",
    "german": "________________________________\nVon: Ada\nGesendet: Dienstag\nAn: C\nBetreff: x",
    "french": "De : Ada\nEnvoyé : mardi\nÀ : Charles\nObjet : Date",
    "spanish": "De: Ada <ada@example.com>\nEnviado el: martes\nPara: Charles\nAsunto: Fecha",
    "italian": "Da: Ada\nInviato: martedì\nA: Charles\nOggetto: Data",
    "dutch": "Van: Ada\nVerzonden: dinsdag\nAan: Charles\nOnderwerp: Datum",
    "polish": "From: Ada\nSent: wtorek\nTo: Charles\nSubject: Data",
    "russian": "*От:* Ada\n*Отправлено:* вторник\n*Кому:* Charles\n*Тема:* Дата",
    "japanese": "差出人: Ada\n送信日時: 2026年\n宛先: Charles\n件名: 日",
    "gmail forward": (
        "---------- Forwarded message ---------\nFrom: Ada <ada@example.com>\n"
        "Date: Tue, 3 Nov 2026 at 10:00\nSubject: When\nTo: Charles"
    ),
    "apple forward": "Begin forwarded message:\n\nFrom: Ada\nSubject: When\nDate: Tuesday\nTo: C",
}


@pytest.mark.parametrize("headers", HEADER_BLOCKS.values(), ids=HEADER_BLOCKS)
def test_header_blocks_end_what_was_written(headers: str) -> None:
    """They need no sign before what they quote; the line that announces them goes as well."""
    text = f"Tuesday suits me.\n\n{headers}\n\n{QUOTED}\n"
    assert cleaned(MessageContent(text=text), html_as_markdown=True) == "Tuesday suits me."


def test_answers_between_quotations_stay() -> None:
    """Some answer line by line, and some below."""
    text = dedent(
        f"""\
        On Tue, 3 Nov 2026 at 10:00, Ada Lovelace <ada@example.com> wrote:
        > {QUOTED}
        Surely.

        > And when?
        On Thursday.
        """
    )
    assert cleaned(MessageContent(text=text), html_as_markdown=True) == "Surely.\n\nOn Thursday."


def test_what_is_only_forwarded_stays() -> None:
    """Its sender wrote nothing, and an empty conversation would hide all that was sent."""
    text = f"---------- Forwarded message ---------\nFrom: A\nDate: B\nTo: C\n\n{QUOTED}"
    assert QUOTED in cleaned(MessageContent(text=text), html_as_markdown=True)
    html = f'<div class="gmail_quote"><div>{QUOTED}</div></div>'
    assert seen(cleaned(MessageContent(html=html))) == [QUOTED]
    assert cleaned(MessageContent(text="> quoted", html=""), html_as_markdown=True) == "> quoted"


OWN_WORDS = [
    "On Monday I wrote:\nnothing at all.",
    "From: the bottom of my heart.\nTo: nobody else.",
    "Thanks for the drawings.\nThey help.",
    "Am Montag schrieb ich:\nnichts.",
    "Best\nof all is the mill, which I shall describe at length, since you asked for it so kindly.",
    "Sent from my office, the drawings of the mill: you have them all.\nSee the third.\nAnd more.",
    "- one\n- two\n---\nthree",
    "A < B and B > C",
]


@pytest.mark.parametrize("text", OWN_WORDS)
def test_own_words_stay(text: str) -> None:
    """People write about writing, thank each other, and draw lines."""
    assert cleaned(MessageContent(text=text), html_as_markdown=True) == text


FAREWELLS = [
    "Best regards,\nCharles",
    "Mit freundlichen Grüßen\nCharles Babbage\nDorset Street 1\nTel. 123",
    "Cordialement,\n\nCharles",
    "Un saludo,\nCharles",
    "Met vriendelijke groet,\nCharles",
    "С уважением,\nЧарльз",
    "よろしくお願いいたします。\nチャールズ",
    "Thanks!",
    "LG\nCharles",
]


@pytest.mark.parametrize("farewell", FAREWELLS)
def test_farewells_go_if_that_is_wanted(farewell: str) -> None:
    """With the name that follows; they stay when they are asked for."""
    content = MessageContent(text=f"Tuesday suits me.\n\n{farewell}\n")
    assert cleaned(content, html_as_markdown=True) == "Tuesday suits me."
    kept = cleaned(content, html_as_markdown=True, remove_conclusion_phrases=False)
    assert kept == f"Tuesday suits me.\n\n{farewell}"


@pytest.mark.parametrize(
    "line",
    [
        "Sent from my iPhone",
        "Von meinem iPhone gesendet",
        "Envoyé de mon iPhone",
        "Enviado desde mi iPhone",
        "Inviato da iPhone",
        "Verstuurd vanaf mijn iPad",
        "Отправлено с iPhone",
        "iPhoneから送信",
        "Get Outlook for Android",
    ],
)
def test_what_phones_write_below_goes(line: str) -> None:
    """Its owner did not write it."""
    content = MessageContent(text=f"Tuesday.\n\n{line}\n")
    assert cleaned(content, html_as_markdown=True) == "Tuesday."


def test_a_signature_goes() -> None:
    """All that follows two hyphens, with a blank behind them or without."""
    for delimiter in ("-- ", "--"):
        content = MessageContent(text=f"Tuesday.\n\n{delimiter}\nCharles\n\nDorset Street\n")
        assert cleaned(content, remove_conclusion_phrases=False) == (
            '<div style="white-space: pre-wrap">Tuesday.</div>'
        )


RICH = (
    '<p>See <a href="https://x.example/a_b?c=1">the plan</a> and <img alt="a mill" '
    'src="https://x.example/m_1.png" width="1"></p><table border="1"><tr><th>Part</th>'
    "<th>Number</th></tr><tr><td>Wheel</td><td>7</td></tr></table><ul><li>one</li></ul><script>alert(1)</script>"
    '<a href="javascript:alert(1)">click</a><div style="display:none">hidden</div>'
    '<p onclick="x()">end</p>'
)


def test_links_images_and_tables_go_or_stay() -> None:
    """Each by its own switch; nothing that could act stays in any case."""
    content = MessageContent(html=RICH)
    plain = cleaned(content)
    assert seen(plain) == ["See the plan and", "Part Number", "Wheel 7", "one", "click", "end"]
    for gone in ("href", "img", "table", "script", "hidden", "onclick", "alert"):
        assert gone not in plain
    links = cleaned(content, ignore_links=False)
    assert '<a href="https://x.example/a_b?c=1">the plan</a>' in links
    assert "javascript" not in links
    images = cleaned(content, ignore_images=False)
    assert "![a mill](https://x.example/m_1.png)" in images
    tags = cleaned(content, ignore_images=False, images_as_markdown=False)
    assert '<img alt="a mill" src="https://x.example/m_1.png"/>' in tags
    tables = cleaned(content, ignore_tables=False)
    assert "<td>Wheel</td><td>7</td>" in tables


def test_markdown_has_what_html_has() -> None:
    """Lists, links, pictures and tables in its own signs."""
    markdown = cleaned(
        MessageContent(html=RICH),
        html_as_markdown=True,
        ignore_links=False,
        ignore_images=False,
        ignore_tables=False,
    )
    assert "[the plan](https://x.example/a_b?c=1)" in markdown
    assert "![a mill](https://x.example/m_1.png)" in markdown
    assert "| Wheel | 7 |" in markdown
    assert "- one" in markdown
    assert "<" not in markdown


def test_html_that_nobody_could_read_is_read_as_text() -> None:
    """Elements nested by the thousand, as hostile mail has them, break nothing."""
    html = "<div>" * 5_000 + "Tuesday." + "</div>" * 5_000
    assert cleaned(MessageContent(html=html), html_as_markdown=True) == "Tuesday."
    assert "Tuesday." in cleaned(MessageContent(html=html, text="Tuesday."))
    for broken in ("<", "<div", "<!--", "<a href='x", "<![CDATA[x", "&#xfffffff;", "", " "):
        cleaned(MessageContent(html=broken))


def test_a_mail_without_text_is_an_empty_conversation() -> None:
    """So is one of pictures alone, unless these are wanted."""
    assert cleaned(MessageContent()) == ""
    picture = MessageContent(html='<div><img src="cid:1" alt=""></div>')
    assert cleaned(picture) == ""
    assert cleaned(picture, ignore_images=False, images_as_markdown=False)


class TestCleanMessages:
    """Finding the messages."""

    def test_messages_come_in_the_order_of_their_ids(self) -> None:
        """Each once, with all that is known of it."""
        messages, contents = InMemoryMessageStore(), InMemoryContentStore()
        first, second = make_message(number=1), make_message(number=2)
        messages.put([first, second])
        contents.put_many(ACCOUNT_ID, {second.id: make_content()})

        found = clean_messages(
            account_id=ACCOUNT_ID,
            message_ids=[second.id, first.id, second.id],
            wanted=Cleaning(),
            messages=messages,
            contents=contents,
        )

        assert [each.mail.message for each in found] == [second, first]
        assert [each.conversation for each in found] == [
            "<p>The engine weaves algebraical patterns.</p>",
            "",
        ]

    def test_one_that_is_not_there_is_named(self) -> None:
        """Nothing is answered of the others: a caller should not miss it."""
        messages = InMemoryMessageStore()
        messages.put([make_message()])
        with pytest.raises(NotFound, match="nowhere"):
            clean_messages(
                account_id=ACCOUNT_ID,
                message_ids=[make_message().id, MessageId("nowhere")],
                wanted=Cleaning(),
                messages=messages,
                contents=InMemoryContentStore(),
            )

    def test_more_than_can_be_read_at_once_is_refused(self) -> None:
        """Rather than a call that takes longer than anybody waits."""
        messages, contents = InMemoryMessageStore(), InMemoryContentStore()
        messages.put([make_message()])
        content = MessageContent(html="x" * (LONGEST_CONTENTS + 1))
        contents.put_many(ACCOUNT_ID, {make_message().id: content})
        with pytest.raises(TooLarge):
            clean_messages(
                account_id=ACCOUNT_ID,
                message_ids=[make_message().id],
                wanted=Cleaning(),
                messages=messages,
                contents=contents,
            )
