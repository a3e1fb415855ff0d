"""Messages for the tests."""

from email.message import EmailMessage

from tests.simulators.conftest import FRIEND, OWNER

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4


def letter(
    subject: str = "Lunch?",
    text: str = "At noon, by the fountain.",
    *,
    sender: str = FRIEND,
    to: str = OWNER,
    message_id: str | None = None,
    answers: str | None = None,
    **headers: str,
) -> bytes:
    """Return a plain message."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = to
    message["Subject"] = subject
    if message_id:
        message["Message-ID"] = message_id
    if answers:
        message["In-Reply-To"] = message["References"] = answers
    for name, value in headers.items():
        message[name] = value
    message.set_content(text)
    return message.as_bytes()


def letter_with_everything() -> bytes:
    """Return a message with text, HTML, an inline picture and two attachments."""
    message = EmailMessage()
    message["From"] = f"Grace Ho <{FRIEND}>"
    message["To"] = OWNER
    message["Subject"] = "Ünïcode & pictures"
    message["Message-ID"] = "<everything@simulated.example>"
    message.set_content("Tea & <biscuits> isn't far", charset="iso-8859-1")
    message.add_alternative("<p>Tea &amp; biscuits <img src='cid:logo'></p>", subtype="html")
    alternatives = message.get_payload()
    assert isinstance(alternatives, list)
    page = alternatives[1]
    assert isinstance(page, EmailMessage)
    page.add_related(PICTURE, "image", "png", cid="<logo>")
    message.add_attachment(PICTURE, "image", "png", filename="großes bild.png")
    message.add_attachment("a;b\n", "csv", filename="table.csv")
    return message.as_bytes()
