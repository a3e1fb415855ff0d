"""/v3/grants/{grant_id}/threads: conversations, to read and to manage."""

from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query

from postroom.bootstrap import threads as bootstrap
from postroom.usecases.change_thread import change_thread, delete_thread
from postroom.usecases.find_folders import find_folders
from postroom.usecases.list_threads import list_threads, read_thread
from postroom.usecases.search_threads import search_threads
from postroom.web import access
from postroom.web.documented import DONE, documented, item, listing
from postroom.web.paging import (
    thread_place,
    thread_search_list,
    thread_search_place,
    threads_list,
)
from postroom.web.resolver import lambda_handler, make_resolver
from postroom.web.schemas.paths import ThreadPath
from postroom.web.schemas.threads import (
    ThreadChangeIn,
    ThreadListQuery,
    ThreadOut,
    ThreadQuery,
    shown_thread,
)
from postroom.web.thread_pages import AnyThreadPage, thread_page

app = make_resolver(
    admit=lambda bearer: bootstrap.services().authenticate(bearer), permit=access.MAIL
)


@app.get("/v3/grants/<grant_id>/threads")
@documented(
    listing(ThreadOut),
    about="All filters together narrow the list, and each is asked of the thread as a whole: one"
    " message may be from somebody, another one starred. Of several addresses in one filter, one is"
    " enough; of several folders in `in`, a thread has messages in all. A thread that gets mail"
    " while you page through the list stays where it stood when you began. With"
    " `search_query_native` the provider finds messages (Gmail's `q`, Outlook's `$search`), each"
    " thread stands where the first of its messages is found, and the filters apply to it.",
)
def get_threads(grant_id: str, query: Annotated[ThreadListQuery, Query()]) -> Response[str]:
    """List threads, the one with the newest message first, or what the provider finds."""
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
    if query.search_query_native:
        of_list = thread_search_list(account.id, wanted, query.search_query_native)
        page: AnyThreadPage = search_threads(
            account=account,
            query=query.search_query_native,
            wanted=wanted,
            limit=query.limit,
            after=thread_search_place(query.page_token, of_list=of_list, key=key),
            with_content=query.with_content(),
            mailboxes=services.mailboxes,
            stores=services.stores,
            threads=services.threads,
            clock=services.clock,
        )
    else:
        of_list = threads_list(account.id, wanted)
        page = list_threads(
            account_id=account.id,
            wanted=wanted,
            limit=query.limit,
            after=thread_place(query.page_token, of_list=of_list, key=key),
            with_content=query.with_content(),
            messages=services.stores.messages,
            threads=services.threads,
            contents=services.stores.contents,
        )
    shown, next_cursor = thread_page(
        page,
        query,
        account=account,
        senders=services.senders.all(account.id),
        of_list=of_list,
        key=key,
    )
    return app.listing(shown, next_cursor=next_cursor)


@app.get("/v3/grants/<grant_id>/threads/<thread_id>")
@documented(item(ThreadOut))
def get_thread(
    grant_id: str, thread_id: ThreadPath, query: Annotated[ThreadQuery, Query()]
) -> Response[str]:
    """Return one thread with its newest message or draft."""
    services = bootstrap.services()
    account = services.account(app.principal, grant_id)
    found = read_thread(
        account_id=account.id,
        thread_id=thread_id,
        messages=services.stores.messages,
        threads=services.threads,
        contents=services.stores.contents,
    )
    senders = services.senders.all(account.id)
    return app.item(shown_thread(found, query.select, account=account, senders=senders))


@app.put("/v3/grants/<grant_id>/threads/<thread_id>")
@documented(
    item(ThreadOut),
    body=ThreadChangeIn,
    about="Flags are set on all messages and drafts, folders on all messages; drafts stay where"
    " they are. When the provider fails for some of them the error tells how many; the others stay"
    " changed, and repeating the call goes on with the rest.",
)
def put_thread(grant_id: str, thread_id: ThreadPath) -> Response[str]:
    """Change flags and folders of all messages of a thread, at the provider first."""
    change = app.body(ThreadChangeIn).to_domain()
    services = bootstrap.services()
    account = services.account(app.principal, grant_id)
    changed = change_thread(
        account=account,
        thread_id=thread_id,
        change=change,
        mailboxes=services.mailboxes,
        stores=services.stores,
        threads=services.threads,
        folders=services.folders,
        sync_states=services.sync_states,
        work=services.work,
        clock=services.clock,
    )
    senders = services.senders.all(account.id)
    return app.outcome(ThreadOut.from_domain(changed, account=account, senders=senders))


@app.delete("/v3/grants/<grant_id>/threads/<thread_id>")
@documented(DONE)
def remove_thread(grant_id: str, thread_id: ThreadPath) -> Response[str]:
    """Move all messages and drafts of a thread to the trash."""
    services = bootstrap.services()
    account = services.account(app.principal, grant_id)
    delete_thread(
        account=account,
        thread_id=thread_id,
        mailboxes=services.mailboxes,
        stores=services.stores,
        sync_states=services.sync_states,
        work=services.work,
        clock=services.clock,
    )
    return app.done()


handler = lambda_handler(app)
