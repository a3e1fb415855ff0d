"""/v3/grants/{grant_id}: messages and attachments, to read and to manage."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query

from postroom.bootstrap import mail as bootstrap
from postroom.usecases.change_message import change_message, delete_message
from postroom.usecases.clean_messages import clean_messages
from postroom.usecases.find_folders import find_folders
from postroom.usecases.list_messages import (
    list_messages,
    read_message,
    read_raw_message,
    read_raw_messages,
)
from postroom.usecases.read_attachment import download_attachment, read_attachment
from postroom.usecases.search_messages import search_messages
from postroom.web import access
from postroom.web.documented import DONE, documented, elsewhere, file, item, listing
from postroom.web.message_pages import (
    AnyPage,
    clean_answer,
    message_page,
    raw_message,
    raw_page,
)
from postroom.web.paging import (
    message_position,
    messages_list,
    search_list,
    search_position,
)
from postroom.web.resolver import binary_answer, lambda_handler, make_resolver, redirect
from postroom.web.schemas.attachments import AttachmentOut, AttachmentQuery
from postroom.web.schemas.fields import wire
from postroom.web.schemas.messages import (
    CleaningIn,
    CleanMessageOut,
    MessageChangeIn,
    MessageDeletionQuery,
    MessageListQuery,
    MessageOut,
    MessageQuery,
    selected,
)
from postroom.web.schemas.paths import MessagePath
from postroom.web.schemas.raw_messages import RawMessageOut

app = make_resolver(
    admit=lambda bearer: bootstrap.services().authenticate(bearer), permit=access.MESSAGES
)


@app.get("/v3/grants/<grant_id>/messages")
@documented(
    listing(MessageOut),
    about="All filters together narrow the list; of several addresses in one filter, one is enough,"
    " of several folders in `in` a message lies in all. With `search_query_native` the provider"
    " finds (Gmail's `q`, Outlook's `$search`) and the other filters apply to what it found;"
    " what is not stored yet is fetched, up to fifty messages a page. With `fields=raw_mime` a page"
    " holds twenty messages at most, each with `grant_id`, `object`, `id` and `raw_mime` alone.",
)
def get_messages(grant_id: str, query: Annotated[MessageListQuery, Query()]) -> Response[str]:
    """List messages, newest first: from our store, or what the provider's own search finds."""
    services = bootstrap.services()
    account = services.account(app.principal, grant_id)
    folders = find_folders(
        account=account,
        names=query.in_,
        field="in",
        folders=services.folders,
        mailboxes=services.mailboxes,
    )
    wanted, key = query.to_filter(folders), services.secrets.signing_key()
    page: AnyPage
    if query.search_query_native:
        of_list = search_list(account.id, wanted, query.search_query_native)
        page = search_messages(
            account=account,
            query=query.search_query_native,
            matches=wanted.matches,
            limit=query.limit,
            after=search_position(query.page_token, of_list=of_list, key=key),
            with_content=query.with_content(),
            mailboxes=services.mailboxes,
            stores=services.stores,
            clock=services.clock,
        )
    else:
        of_list = messages_list(account.id, wanted)
        page = list_messages(
            account_id=account.id,
            wanted=wanted,
            limit=query.limit,
            after=message_position(query.page_token, of_list=of_list, key=key),
            with_content=query.with_content(),
            messages=services.stores.messages,
            contents=services.stores.contents,
        )
    if query.fields == "raw_mime":
        page, raw = read_raw_messages(
            account=account,
            page=page,
            mailboxes=services.mailboxes,
            downloads=services.downloads,
        )
        shown, next_cursor = raw_page(page, raw, of_list=of_list, key=key)
    else:
        shown, next_cursor = message_page(page, query, of_list=of_list, key=key)
    return app.listing(shown, next_cursor=next_cursor)


@app.get("/v3/grants/<grant_id>/messages/<message_id>")
@documented(item(MessageOut), item(RawMessageOut, about="With `fields=raw_mime`."))
def get_message(
    grant_id: str, message_id: MessagePath, query: Annotated[MessageQuery, Query()]
) -> Response[str]:
    """Return one message from our store, or its MIME form from the provider."""
    services = bootstrap.services()
    account = services.account(app.principal, grant_id)
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


@app.put("/v3/grants/<grant_id>/messages/clean")
@documented(
    listing(CleanMessageOut),
    body=CleaningIn,
    about="Nothing is changed. Up to twenty messages, with two million characters in their bodies"
    " together; a message that is nothing but a quotation keeps it. Bodies are left out of an"
    " answer that would not fit.\n\nScope: `mail.read`.",
)
def clean(grant_id: str) -> Response[str]:
    """Return messages with what their authors wrote themselves, as their conversations."""
    access.require_reading(app.principal)
    wanted = app.body(CleaningIn)
    services = bootstrap.services()
    account = services.account(app.principal, grant_id)
    cleaned = clean_messages(
        account_id=account.id,
        message_ids=[MessagePath(each) for each in wanted.message_id],
        wanted=wanted.to_domain(),
        messages=services.stores.messages,
        contents=services.stores.contents,
    )
    return app.listing(clean_answer(cleaned))


@app.put("/v3/grants/<grant_id>/messages/<message_id>")
@documented(item(MessageOut), body=MessageChangeIn, about="Scope: `mail.write`.")
def put_message(grant_id: str, message_id: MessagePath) -> Response[str]:
    """Change flags, folders and categories, at the provider first; and metadata, here alone."""
    access.require_writing(app.principal)
    change = app.body(MessageChangeIn).to_domain()
    services = bootstrap.services()
    account = services.account(app.principal, grant_id)
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
@documented(DONE)
def remove_message(
    grant_id: str, message_id: MessagePath, query: Annotated[MessageDeletionQuery, Query()]
) -> Response[str]:
    """Move a message to the trash, or delete it for good."""
    services = bootstrap.services()
    account = services.account(app.principal, grant_id)
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


@app.get("/v3/grants/<grant_id>/attachments/<attachment_id>")
@documented(item(AttachmentOut), query=AttachmentQuery)
def get_attachment(grant_id: str, attachment_id: str) -> Response[str]:
    """Return what is known about an attachment; its id names the message as well."""
    services = bootstrap.services()
    account = services.account(app.principal, grant_id)
    found = read_attachment(
        account_id=account.id, attachment_id=attachment_id, messages=services.stores.messages
    )
    return app.item(AttachmentOut.from_domain(account.id, found))


# Powertools' validation of answers would turn bytes into text.
@app.get("/v3/grants/<grant_id>/attachments/<attachment_id>/download", enable_validation=False)
@documented(
    file("The bytes."),
    elsewhere("Where a file above 4 MB can be fetched, without a key."),
    query=AttachmentQuery,
)
def download(grant_id: str, attachment_id: str) -> Response[Any]:
    """Answer an attachment's bytes, or where they can be fetched."""
    services = bootstrap.services()
    account = services.account(app.principal, grant_id)
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
