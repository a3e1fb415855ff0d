"""`mailFolders`.

https://learn.microsoft.com/en-us/graph/api/resources/mailfolder
"""

from werkzeug import Response

from local.simulators.microsoft.errors import GraphError, invalid_argument
from local.simulators.microsoft.folders import ROOT, Folder
from local.simulators.microsoft.graph_call import GraphCall, Json, created, parameter
from local.simulators.microsoft.odata import selection
from local.simulators.microsoft.rendering import FOLDER_PROPERTIES, render_folder, view_of

_DEFAULT_PAGE = 10
_MOST_IN_A_PAGE = 1000
_MOST_NAME_CHARACTERS = 255


def list_folders(call: GraphCall) -> Json:
    """`GET …/mailFolders`: those on the first level."""
    return _listing(call, call.mailbox.root)


def list_child_folders(call: GraphCall) -> Json:
    """`GET …/mailFolders/{id}/childFolders`."""
    return _listing(call, _folder(call))


def get_folder(call: GraphCall) -> Json:
    """`GET …/mailFolders/{id or well-known name}`."""
    return {"@odata.context": call.context("mailFolders/$entity"), **_rendered(call, _folder(call))}


def create_folder(call: GraphCall) -> Response:
    """`POST …/mailFolders`."""
    return _create(call, call.mailbox.root)


def create_child_folder(call: GraphCall) -> Response:
    """`POST …/mailFolders/{id}/childFolders`."""
    return _create(call, _folder(call))


def update_folder(call: GraphCall) -> Json:
    """`PATCH …/mailFolders/{id}`: a new name."""
    folder = _own_folder(call, "ErrorAccessDenied")
    name = _name(call.json())
    parent = call.mailbox.folders[folder.parent_id or ""]
    same = call.mailbox.child_named(parent, name)
    if same is not None and same is not folder:
        raise _exists()
    folder.name = name
    call.mailbox.touch_folder(folder)
    return _rendered(call, folder)


def move_folder(call: GraphCall) -> Response:
    """`POST …/mailFolders/{id}/move`."""
    folder = _own_folder(call, "ErrorMoveDistinguishedFolder")
    destination = call.mailbox.folder(str(parameter(call.json(), "destinationId", "")))
    if call.mailbox.is_inside(destination, folder):
        raise invalid_argument("A folder cannot be moved into itself.")
    same = call.mailbox.child_named(destination, folder.name)
    if same is not None and same is not folder:
        raise _exists()
    call.mailbox.move_folder(folder, destination)
    return created(_rendered(call, folder))


def delete_folder(call: GraphCall) -> None:
    """`DELETE …/mailFolders/{id}`: below Deleted Items, or for good when it is there already."""
    mailbox = call.mailbox
    folder = _own_folder(call, "ErrorDeleteDistinguishedFolder")
    bin_folder = mailbox.folder("deleteditems")
    if mailbox.is_inside(folder, bin_folder):
        mailbox.remove_folder(folder)
        return
    name, number = folder.name, 1
    while mailbox.child_named(bin_folder, folder.name) is not None:
        folder.name = f"{name}{number}"
        number += 1
    mailbox.move_folder(folder, bin_folder)


def delete_folder_for_good(call: GraphCall) -> None:
    """`POST …/mailFolders/{id}/permanentDelete`: with all folders and messages in it."""
    call.mailbox.remove_folder(_own_folder(call, "ErrorDeleteDistinguishedFolder"))


def _folder(call: GraphCall) -> Folder:
    return call.mailbox.folder(call.path["folder"])


def _own_folder(call: GraphCall, refusal: str) -> Folder:
    """Return a folder of the owner's making; raises a 403 GraphError for Outlook's own."""
    folder = _folder(call)
    if folder.well_known or folder.hidden:
        raise GraphError(403, refusal, "Distinguished folders cannot be changed.")
    return folder


def _create(call: GraphCall, parent: Folder) -> Response:
    body = call.json()
    name = _name(body)
    if call.mailbox.child_named(parent, name) is not None:
        raise _exists()
    folder = call.mailbox.add_folder(name, parent, hidden=body.get("isHidden") is True)
    return created(_rendered(call, folder))


def _name(body: Json) -> str:
    name = body.get("displayName")
    if not isinstance(name, str) or not name.strip() or len(name) > _MOST_NAME_CHARACTERS:
        raise invalid_argument("The folder's displayName is missing, empty or too long.")
    return name


def _exists() -> GraphError:
    return GraphError(409, "ErrorFolderExists", "A folder with the specified name already exists.")


def _rendered(call: GraphCall, folder: Folder) -> Json:
    selected = selection(call.argument("$select"), FOLDER_PROPERTIES, "mailFolder")
    return render_folder(folder, view_of(call), selected)


def _listing(call: GraphCall, parent: Folder) -> Json:
    with_hidden = (call.argument("includeHiddenFolders") or "").lower() == "true"
    inside = [
        folder
        for folder in call.mailbox.children(parent)
        if (with_hidden or not folder.hidden) and folder.well_known != ROOT
    ]
    inside.sort(key=lambda folder: folder.name.casefold())
    top = call.number("$top", _DEFAULT_PAGE, _MOST_IN_A_PAGE) or _DEFAULT_PAGE
    top = min(top, call.settings.page_size or top)
    skip = call.number("$skip", 0, 10**9)
    page = inside[skip : skip + top]
    body: Json = {
        "@odata.context": call.context("mailFolders"),
        "value": [_rendered(call, folder) for folder in page],
    }
    if (call.argument("$count") or "").lower() == "true":
        body["@odata.count"] = len(inside)
    if len(inside) > skip + top:
        body["@odata.nextLink"] = call.same_url(**{"$skip": str(skip + top)})
    return body
