"""/v3/grants/{grant_id}/folders: to read and to manage."""

from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query

from postroom.bootstrap import folders as bootstrap
from postroom.usecases.list_messages import list_folders, read_folder
from postroom.usecases.manage_folders import change_folder, create_folder, delete_folder
from postroom.web import access
from postroom.web.documented import DONE, documented, item, listing
from postroom.web.message_pages import folder_page, shown_folder
from postroom.web.resolver import lambda_handler, make_resolver
from postroom.web.schemas.folders import (
    FolderIn,
    FolderListQuery,
    FolderOut,
    FolderQuery,
    NewFolderIn,
)
from postroom.web.schemas.paths import FolderPath

app = make_resolver(
    admit=lambda bearer: bootstrap.services().authenticate(bearer), permit=access.MAIL
)


@app.get("/v3/grants/<grant_id>/folders")
@documented(listing(FolderOut))
def get_folders(grant_id: str, query: Annotated[FolderListQuery, Query()]) -> Response[str]:
    """List the folders with the provider's counts."""
    services = bootstrap.services()
    account = services.account(app.principal, grant_id)
    found = list_folders(account_id=account.id, folders=services.folder_tools.folders)
    shown, next_cursor = folder_page(account.id, found, query, key=services.secrets.signing_key())
    return app.listing(shown, next_cursor=next_cursor)


@app.get("/v3/grants/<grant_id>/folders/<folder_id>")
@documented(item(FolderOut))
def get_folder(
    grant_id: str, folder_id: FolderPath, query: Annotated[FolderQuery, Query()]
) -> Response[str]:
    """Return one folder."""
    services = bootstrap.services()
    account = services.account(app.principal, grant_id)
    found = read_folder(
        account_id=account.id, folder_id=folder_id, folders=services.folder_tools.folders
    )
    return app.item(shown_folder(account.id, found, query.select))


@app.post("/v3/grants/<grant_id>/folders")
@documented(item(FolderOut), body=NewFolderIn)
def post_folder(grant_id: str) -> Response[str]:
    """Make a folder, at the provider first."""
    wanted = app.body(NewFolderIn).to_domain()
    services = bootstrap.services()
    account = services.account(app.principal, grant_id)
    made = create_folder(account=account, wanted=wanted, tools=services.folder_tools)
    return app.item(FolderOut.from_domain(account.id, made))


@app.put("/v3/grants/<grant_id>/folders/<folder_id>")
@documented(item(FolderOut), body=FolderIn)
def put_folder(grant_id: str, folder_id: FolderPath) -> Response[str]:
    """Rename, move or colour a folder."""
    change = app.body(FolderIn).to_domain()
    services = bootstrap.services()
    account = services.account(app.principal, grant_id)
    changed = change_folder(
        account=account, folder_id=folder_id, change=change, tools=services.folder_tools
    )
    return app.item(FolderOut.from_domain(account.id, changed))


@app.delete("/v3/grants/<grant_id>/folders/<folder_id>")
@documented(DONE)
def remove_folder(grant_id: str, folder_id: FolderPath) -> Response[str]:
    """Delete a folder as its provider does."""
    services = bootstrap.services()
    account = services.account(app.principal, grant_id)
    delete_folder(account=account, folder_id=folder_id, tools=services.folder_tools)
    return app.done()


handler = lambda_handler(app)
