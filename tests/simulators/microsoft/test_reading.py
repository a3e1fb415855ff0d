"""Reading mail over plain HTTP: lists, searches, single messages, ids, the account."""

from typing import Any

import pytest

from tests.simulators.conftest import FRIEND, OWNER, Control
from tests.simulators.letters import letter, letter_with_everything
from tests.simulators.microsoft.conftest import (
    ALIAS,
    SCOPES,
    Graph,
    access_token,
    segment,
)

PASSING = "odata.maxpagesize=10"
"""A preference that is none for ids."""


def found(graph: Graph, path: str = "messages", **params: Any) -> list[str]:
    return [item["id"] for item in graph.get(path, **{"$top": 50, **params})["value"]]


def test_a_whole_message(control: Control, graph: Graph) -> None:
    """Everything a message resource has, from one MIME message."""
    raw = letter_with_everything()
    message_id = control.deliver(OWNER, raw, received_at=1_700_000_000)

    message = graph.get(f"messages/{message_id}")

    assert message["id"] == message_id
    assert message["receivedDateTime"] == "2023-11-14T22:13:20Z"
    assert message["subject"] == "Ünïcode & pictures"
    assert message["internetMessageId"] == "<everything@simulated.example>"
    assert message["from"] == {"emailAddress": {"name": "Grace Ho", "address": FRIEND}}
    assert message["toRecipients"] == [{"emailAddress": {"name": OWNER, "address": OWNER}}]
    assert message["body"]["contentType"] == "html"
    assert "Tea &amp; biscuits" in message["body"]["content"]
    assert message["bodyPreview"] == "Tea & <biscuits> isn't far"
    assert (message["hasAttachments"], message["isRead"], message["isDraft"]) == (
        True,
        False,
        False,
    )
    assert message["flag"] == {"flagStatus": "notFlagged"}
    assert message["parentFolderId"] == graph.folder_id("inbox")
    assert message["@odata.etag"] == f'W/"{message["changeKey"]}"'
    assert "internetMessageHeaders" not in message
    assert graph.call("GET", f"messages/{message_id}/$value").content == raw


def test_bodies_as_asked_for(control: Control, graph: Graph) -> None:
    """Plain mail comes as a page made of it, and every page as plain text on request."""
    plain = control.deliver(OWNER, letter(text="One <two>\nthree"))
    page = control.deliver(
        OWNER, b"Content-Type: text/html\r\n\r\n<p>Fish &amp; <b>chips</b></p><p>Tea</p>"
    )
    as_text = ('IdType="ImmutableId"', 'outlook.body-content-type="text"')

    made = graph.get(f"messages/{plain}")["body"]
    text = graph.get(f"messages/{page}", *as_text)["body"]

    assert made["contentType"] == "html"
    assert "One &lt;two&gt;<br>\r\nthree" in made["content"]
    assert text == {"contentType": "text", "content": "Fish & chips\nTea"}


def test_selection_and_headers(control: Control, graph: Graph) -> None:
    """Only what is selected comes; headers come only when they are."""
    message_id = control.deliver(OWNER, letter(**{"X-Spice": "ginger"}))

    thin = graph.get(f"messages/{message_id}", **{"$select": "internetMessageHeaders,isRead"})

    assert set(thin) == {"@odata.context", "@odata.etag", "id", "isRead", "internetMessageHeaders"}
    assert {"name": "X-Spice", "value": "ginger"} in thin["internetMessageHeaders"]


def test_two_kinds_of_ids(control: Control, graph: Graph) -> None:
    """One id outlives a move, the other does not; both are found, neither is safe in an address."""
    lasting = control.deliver(OWNER, letter())
    passing = graph.get("messages", PASSING)["value"][0]["id"]
    before = graph.get(f"messages/{segment(passing)}", PASSING)["id"]
    graph.post(f"messages/{segment(passing)}/move", {"destinationId": "archive"}, PASSING)

    moved = graph.get(f"messages/{lasting}", PASSING)["id"]

    assert before == passing != moved
    assert {"/", "+"} & set(passing)
    assert len(lasting) >= 120
    assert graph.refused("GET", f"messages/{segment(passing)}")[0] == 404
    assert graph.refused("GET", f"messages/{lasting.swapcase()}")[0] == 404
    assert graph.get(f"messages/{lasting}")["parentFolderId"] == graph.folder_id("archive")


def test_ids_of_neighbours_differ_in_case_alone(control: Control, graph: Graph) -> None:
    """Who compares ids without their case takes one message for another."""
    delivered = [control.deliver(OWNER, letter()) for _ in range(40)]

    assert len(set(delivered)) == 40 > len({each.lower() for each in delivered})


def test_lists_are_newest_first_and_page_by_number(control: Control, graph: Graph) -> None:
    """`$skip` counts: mail that arrives between two pages shifts the second."""
    delivered = [control.deliver(OWNER, letter(), received_at=1_700_000_000 + n) for n in range(5)]

    first = graph.get("messages", **{"$top": 2, "$count": "true", "$select": "id"})
    control.deliver(OWNER, letter("News"))
    second = graph.get(first["@odata.nextLink"])

    assert [m["id"] for m in first["value"]] == delivered[:2:-1]
    assert [m["id"] for m in second["value"]] == [delivered[3], delivered[2]]
    assert first["@odata.count"] == 5
    assert graph.call("GET", "messages/$count").text == "6"


@pytest.mark.parametrize(
    ("clause", "names"),
    [
        ("isRead eq false", {"plain", "rich"}),
        ("isRead eq true and hasAttachments eq false", {"old"}),
        ("not(isRead eq false)", {"old"}),
        ("receivedDateTime ge 2023-01-01T00:00:00Z", {"plain", "rich"}),
        ("receivedDateTime lt 2023-01-01T00:00:00Z", {"old"}),
        ("internetMessageId eq '<everything@simulated.example>'", {"rich"}),
        ("internetMessageId eq '<it''s.me@simulated.example>'", {"plain"}),
        ("internetMessageId eq '<nobody@simulated.example>' or isRead eq true", {"old"}),
        ("contains(subject,'lunch') or startswith(subject,'Ün')", {"plain", "rich"}),
        (f"from/emailAddress/address eq '{FRIEND}' and isRead eq false", {"plain", "rich"}),
        ("categories/any(c:c eq 'Red category')", {"old"}),
        ("flag/flagStatus eq 'flagged'", {"old"}),
    ],
)
def test_filters(control: Control, graph: Graph, clause: str, names: set[str]) -> None:
    """What programs filter by."""
    ids = {
        control.deliver(OWNER, letter(message_id="<it's.me@simulated.example>")): "plain",
        control.deliver(OWNER, letter_with_everything()): "rich",
        control.deliver(
            OWNER, letter("Old"), folder="archive", unread=False, received_at=1_500_000_000
        ): "old",
    }
    old = next(message_id for message_id, name in ids.items() if name == "old")
    graph.patch(
        f"messages/{old}", {"categories": ["Red category"], "flag": {"flagStatus": "flagged"}}
    )

    assert {ids[i] for i in found(graph, **{"$filter": clause})} == names


def test_a_conversation_is_filtered_within_a_folder(control: Control, graph: Graph) -> None:
    """By id in every folder, or in one; an answer with another subject is another conversation."""
    first = control.deliver(OWNER, letter(message_id="<1@x.example>"))
    answer = control.deliver(OWNER, letter("Re: Lunch?", answers="<1@x.example>"), folder="archive")
    control.deliver(OWNER, letter("Dinner?", answers="<1@x.example>"))
    conversation = graph.get(f"messages/{first}")["conversationId"]
    clause = {"$filter": f"conversationId eq '{conversation}'"}

    assert set(found(graph, **clause)) == {first, answer}
    assert found(graph, "mailFolders/archive/messages", **clause) == [answer]


@pytest.mark.parametrize(
    ("search", "names"),
    [
        ('"subject:lunch"', {"plain"}),
        ('"from:grace fountain"', {"plain", "old"}),
        ('"hasAttachments:true"', {"rich"}),
        ('"attachment:table"', {"rich"}),
        ('"received>=2023-01-01"', {"plain", "rich"}),
        ('"received<2023-01-01"', {"old"}),
        ('"lunch OR pictures"', {"plain", "rich"}),
        ('"fountain NOT subject:old"', {"plain"}),
        ('"nowhere"', set()),
    ],
)
def test_search(control: Control, graph: Graph, search: str, names: set[str]) -> None:
    """The keyword query language, as far as programs use it."""
    ids = {
        control.deliver(OWNER, letter()): "plain",
        control.deliver(OWNER, letter_with_everything()): "rich",
        control.deliver(
            OWNER, letter("Old"), folder="archive", unread=False, received_at=1_500_000_000
        ): "old",
    }

    assert {ids[i] for i in found(graph, **{"$search": search})} == names


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "messages/no-such", 404, "ErrorItemNotFound"),
        ("GET", "messages?$filter=nonsense", 400, "RequestBroker--ParseUri"),
        ("GET", "messages?$filter=isRead eq", 400, "BadRequest"),
        ("GET", "messages?$filter=isRead gt true", 400, "BadRequest"),
        ("GET", "messages?$filter=receivedDateTime ge yesterday", 400, "BadRequest"),
        ("GET", "messages?$select=nonsense", 400, "RequestBroker--ParseUri"),
        ("GET", "messages?$top=x", 400, "BadRequest"),
        ("GET", "messages?$top=1001", 400, "BadRequest"),
        ("GET", "messages?$orderby=nonsense", 400, "BadRequest"),
        ("GET", 'messages?$search="x"&$filter=isRead eq true', 400, "SearchWithFilter"),
        ("GET", 'messages?$search="x"&$skip=1', 400, "SearchWithSkip"),
        ("GET", 'messages?$search="x"&$skiptoken=?', 400, "BadRequest"),
        (
            "GET",
            "messages?$filter=isRead eq false&$orderby=receivedDateTime desc",
            400,
            "InefficientFilter",
        ),
        ("PUT", "messages", 405, "Request_BadRequest"),
        ("GET", "nonsense", 400, "BadRequest"),
        ("GET", f"/v1.0/users/{FRIEND}/messages", 403, "ErrorAccessDenied"),
    ],
)
def test_errors_look_like_graphs(
    graph: Graph, method: str, path: str, status: int, code: str
) -> None:
    """Every refusal has Graph's body with a code."""
    assert graph.refused(method, path) == (status, code)


def test_filter_and_order_agree(control: Control, graph: Graph) -> None:
    """What orders must filter first; then both work together."""
    delivered = [control.deliver(OWNER, letter(), received_at=1_700_000_000 + n) for n in range(3)]
    clause = "receivedDateTime ge 2000-01-01T00:00:00Z and isRead eq false"

    listed = found(graph, **{"$filter": clause, "$orderby": "receivedDateTime desc"})

    assert listed == delivered[::-1]


def test_the_account(control: Control, graph: Graph) -> None:
    """Who signed in, by any of the account's names; its aliases when they are selected."""
    me = graph.get("/v1.0/me")
    proxies = graph.get("/v1.0/me", **{"$select": "proxyAddresses"})["proxyAddresses"]

    assert (me["displayName"], me["mail"], me["userPrincipalName"]) == ("Ada Örn", OWNER, OWNER)
    assert "proxyAddresses" not in me
    assert proxies == [f"SMTP:{OWNER}", f"smtp:{ALIAS}"]
    assert graph.get(f"/v1.0/users/{me['id']}")["id"] == me["id"]


def test_tokens_and_scopes(control: Control) -> None:
    """No token, a dead one, or one without the scope: 401 or 403, with Graph's words."""
    reader = Graph(control.http, access_token(control.http, OWNER, "openid User.Read Mail.Read"))
    message_id = control.deliver(OWNER, letter())

    assert reader.get(f"messages/{message_id}")["id"] == message_id
    assert reader.refused("PATCH", f"messages/{message_id}", json={"isRead": True}) == (
        403,
        "ErrorAccessDenied",
    )
    control.post("expire", {"what": "access_tokens"})
    answer = reader.call("GET", "messages")
    assert answer.json()["error"]["code"] == "InvalidAuthenticationToken"
    assert answer.status_code == 401
    assert control.http.get("/v1.0/me").status_code == 401


def test_an_account_without_a_mailbox(control: Control) -> None:
    """It signs in and has a name, but every call for mail says that there is none."""
    control.post("mailboxes", {"address": "nomail@simulated.example", "mail_enabled": False})
    token = access_token(control.http, "nomail@simulated.example", SCOPES)
    nobody = Graph(control.http, token)

    assert nobody.get("/v1.0/me")["mail"] is None
    for path in ("messages", "mailFolders/inbox", "mailFolders/delta", "/v1.0/subscriptions"):
        assert nobody.refused("GET", path) == (404, "MailboxNotEnabledForRESTAPI")
