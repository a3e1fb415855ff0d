"""Messages as the console shows them: what stands in the text, and what has to be offered."""

import pytest

from postroom.domain.message import FullMessage, MessageContent
from postroom.web.schemas.message_views import MessageViewOut
from tests.builders import make_attachment, make_message


def _view(
    *, html: str = "", text: str = "", with_remote: bool = False
) -> tuple[MessageViewOut, str, str]:
    message = make_message()
    photo, scan = (
        make_attachment(
            message=message.id, part_id=part, content_id=name, content_type=kind, is_inline=True
        )
        for part, name, kind in (("1", "photo", "image/png"), ("2", "scan", "application/pdf"))
    )
    mail = FullMessage(
        message=make_message(attachments=(photo, scan)),
        content=MessageContent(html=html, text=text, headers=()),
    )
    return MessageViewOut.from_domain(mail, with_remote=with_remote), photo.id, scan.id


def test_a_text_shows_no_file() -> None:
    """Apple Mail sends photos inline beside plain text: nobody saw that there was one."""
    view, *_ = _view(text="See the photo.")
    assert view.text is not None
    assert view.shown_attachment_ids == []


def test_html_shows_the_pictures_that_it_names() -> None:
    """A PDF that it names is a file all the same, and so is a picture that it does not name."""
    markup = '<img src="cid:photo"><img src="cid:scan">'
    view, photo, _ = _view(html=markup)
    assert view.shown_attachment_ids == [photo]
    nothing, *_ = _view(html="<p>See the photo.</p>")
    assert nothing.shown_attachment_ids == []


def test_a_percent_encoded_id_names_its_picture() -> None:
    """It was offered as a file, and was missing from what is passed on."""
    view, photo, _ = _view(html='<img src="cid:%70hoto"><img src="cid:nothing">')
    assert view.shown_attachment_ids == [photo]
    assert view.html == '<img src="cid:photo"><img>'


def test_pictures_from_elsewhere_are_passed_on() -> None:
    """They were hidden from the reader, and so went missing from what was passed on."""
    html = '<p>Look</p><img src="http://pictures.example/a.png">'
    hidden, *_ = _view(html=html)
    assert hidden.html == "<p>Look</p><img>"
    passed_on, *_ = _view(html=html, with_remote=True)
    assert passed_on.html == html
    assert hidden.has_remote_pictures
    assert passed_on.has_remote_pictures


@pytest.mark.parametrize(
    "html",
    [
        "<html><head><title>x</title></head><body></body></html>",
        '<div class="WordSection1"><p>&nbsp;</p><br></div>',
        "<p style='display:none'>x</p>",
    ],
)
def test_html_with_nothing_in_it_is_a_text(html: str) -> None:
    """Mail of files alone had an empty white strip above them."""
    view, *_ = _view(html=html, text="\n")
    assert view.html is None
    assert view.text is not None
    assert "".join(each.text for each in view.text) == ""


@pytest.mark.parametrize(
    "html", ['<img src="cid:photo">', '<img src="https://pictures.example/a.png">', "<p>x</p>"]
)
def test_a_picture_alone_is_something(html: str) -> None:
    """Whether or not it may be shown."""
    view, *_ = _view(html=html)
    assert view.html is not None
    assert view.text is None
