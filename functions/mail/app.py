"""/v3/grants/{grant_id}: messages, folders and attachments, to read and to manage."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query

from postroom.bootstrap import mail as bootstrap
from postroom.usecases.authenticate import resolve_account
from postroom.usecases.change_message import change_message, delete_message
from postroom.usecases.list_messages import (
    list_folders,
    list_messages,
    read_folder,
    read_message,
    read_raw_message,
)
from postroom.usecases.read_attachment import download_attachment, read_attachment
from postroom.web.message_pages import folder_page, message_page, raw_message
from postroom.web.paging import message_position, messages_list
from postroom.web.resolver import binary_answer, lambda_handler, make_resolver, redirect
from postroom.web.schemas.attachments import AttachmentOut
from postroom.web.schemas.fields import wire
from postroom.web.schemas.folders import FolderListQuery, FolderOut
from postroom.web.schemas.messages import (
    MessageChangeIn,
    MessageDeletionQuery,
    MessageListQuery,
    MessageOut,
    MessageQuery,
    selected,
)
from postroom.web.schemas.paths import FolderPath, MessagePath

app = make_resolver(admit=lambda bearer: bootstrap.services().authenticate(bearer))


@app.get("/v3/grants/<grant_id>/messages")
def get_messages(grant_id: str, query: Annotated[MessageListQuery, Query()]) -> Response[str]:
    """List messages, newest first, from our store."""
    services = bootstrap.services()
    account = resolve_account(
        principal=app.principal, reference=grant_id, accounts=services.accounts
    )
    folders = list_folders(account_id=account.id, folders=services.folders) if query.in_ else ()
    wanted = query.to_filter({folder.id for folder in folders})
    of_list, key = messages_list(account.id, wanted), services.secrets.signing_key()
    page = list_messages(
        account_id=account.id,
        wanted=wanted,
        limit=query.limit,
        after=message_position(query.page_token, of_list=of_list, key=key),
        with_content=query.with_content(),
        messages=services.stores.messages,
        contents=services.stores.contents,
    )
    shown, next_cursor = message_page(page, query, of_list=of_list, key=key)
    return app.listing(shown, next_cursor=next_cursor)


@app.get("/v3/grants/<grant_id>/messages/<message_id>")
def get_message(
    grant_id: str, message_id: MessagePath, query: Annotated[MessageQuery, Query()]
) -> Response[str]:
    """Return one message from our store, or its MIME form from the provider."""
    services = bootstrap.services()
    account = resolve_account(
        principal=app.principal, reference=grant_id, accounts=services.accounts
    )
    if query.fields == "raw_mime":
        raw = read_raw_message(
            account=account,
            message_id=message_id,
            messages=services.stores.messages,
            mailboxes=services.mailboxes,
            downloads=services.downloads,
        )
        return app.item(raw_message(account.id, message_id, mime=raw.mime, address=raw.address))
    mail = read_message(
        account_id=account.id,
        message_id=message_id,
        messages=services.stores.messages,
        contents=services.stores.contents,
    )
    shown = MessageOut.from_domain(mail.message, mail.content, fields=query.fields)
    return app.item(selected(wire(shown), query.select))


@app.put("/v3/grants/<grant_id>/messages/<message_id>")
def put_message(grant_id: str, message_id: MessagePath) -> Response[str]:
    """Change flags and folders, at the provider first."""
    change = app.body(MessageChangeIn).to_domain()
    services = bootstrap.services()
    account = resolve_account(
        principal=app.principal, reference=grant_id, accounts=services.accounts
    )
    mail = change_message(
        account=account,
        message_id=message_id,
        change=change,
        mailboxes=services.mailboxes,
        stores=services.stores,
        folders=services.folders,
        sync_states=services.sync_states,
        work=services.work,
        clock=services.clock,
    )
    return app.outcome(MessageOut.from_domain(mail.message, mail.content))


@app.delete("/v3/grants/<grant_id>/messages/<message_id>")
def remove_message(
    grant_id: str, message_id: MessagePath, query: Annotated[MessageDeletionQuery, Query()]
) -> Response[str]:
    """Move a message to the trash, or delete it for good."""
    services = bootstrap.services()
    account = resolve_account(
        principal=app.principal, reference=grant_id, accounts=services.accounts
    )
    delete_message(
        account=account,
        message_id=message_id,
        for_good=query.hard_delete,
        mailboxes=services.mailboxes,
        stores=services.stores,
        sync_states=services.sync_states,
        work=services.work,
        clock=services.clock,
    )
    return app.done()


@app.get("/v3/grants/<grant_id>/folders")
def get_folders(grant_id: str, query: Annotated[FolderListQuery, Query()]) -> Response[str]:
    """List the folders with the provider's counts."""
    services = bootstrap.services()
    account = resolve_account(
        principal=app.principal, reference=grant_id, accounts=services.accounts
    )
    found = list_folders(account_id=account.id, folders=services.folders)
    shown, next_cursor = folder_page(account.id, found, query, key=services.secrets.signing_key())
    return app.listing(shown, next_cursor=next_cursor)


@app.get("/v3/grants/<grant_id>/folders/<folder_id>")
def get_folder(grant_id: str, folder_id: FolderPath) -> Response[str]:
    """Return one folder."""
    services = bootstrap.services()
    account = resolve_account(
        principal=app.principal, reference=grant_id, accounts=services.accounts
    )
    found = read_folder(account_id=account.id, folder_id=folder_id, folders=services.folders)
    return app.item(FolderOut.from_domain(account.id, found))


@app.get("/v3/grants/<grant_id>/attachments/<attachment_id>")
def get_attachment(grant_id: str, attachment_id: str) -> Response[str]:
    """Return what is known about an attachment; its id names the message as well."""
    services = bootstrap.services()
    account = resolve_account(
        principal=app.principal, reference=grant_id, accounts=services.accounts
    )
    found = read_attachment(
        account_id=account.id, attachment_id=attachment_id, messages=services.stores.messages
    )
    return app.item(AttachmentOut.from_domain(account.id, found))


# Powertools' validation of answers would turn bytes into text.
@app.get("/v3/grants/<grant_id>/attachments/<attachment_id>/download", enable_validation=False)
def download(grant_id: str, attachment_id: str) -> Response[Any]:
    """Answer an attachment's bytes, or where they can be fetched."""
    services = bootstrap.services()
    account = resolve_account(
        principal=app.principal, reference=grant_id, accounts=services.accounts
    )
    found = download_attachment(
        account=account,
        attachment_id=attachment_id,
        messages=services.stores.messages,
        mailboxes=services.mailboxes,
        downloads=services.downloads,
    )
    if found.address:
        return redirect(found.address)
    return binary_answer(found.content, filename=found.attachment.filename)


handler = lambda_handler(app)
