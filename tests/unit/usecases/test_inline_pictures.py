"""The pictures inside of a mail, from a provider that gives them or does not."""

from email.message import EmailMessage

from postroom.usecases.inline_pictures import inline_pictures
from tests.world import World

ADDRESS = "rosa@mail.example"
LOGO = b"\x89PNG logo"


def _mail_with_a_logo() -> bytes:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "Ana <ana@elsewhere.example>", ADDRESS, "Signed"
    mail.set_content('<p>Signed</p><img src="cid:logo@x">', subtype="html")
    mail.add_related(LOGO, "image", "png", cid="<logo@x>", filename="logo.png")
    return mail.as_bytes()


def test_a_picture_comes_with_the_id_of_its_attachment(world: World) -> None:
    """And is left out, with everything else shown, where the provider does not give it."""
    world.simulator.add_mailbox(ADDRESS)
    world.simulator.deliver(ADDRESS, _mail_with_a_logo())
    account = world.connect(ADDRESS)
    world.work_off()
    (message,) = world.stored(account.id).values()
    (file,) = message.attachments

    def found(*content_ids: str) -> dict[str, tuple[str, bytes]]:
        pictures = inline_pictures(
            account=account, message=message, content_ids=content_ids, mailboxes=world.mailboxes
        )
        return {name: (each.attachment_id, each.content) for name, each in pictures.items()}

    assert found("other") == {}
    assert found("logo@x", "other") == {"logo@x": (file.id, LOGO)}
    world.simulator.fail_calls("attachments", status=404)
    assert found("logo@x") == {}
