"""What the document says about the API as a whole."""

from dataclasses import dataclass

TITLE = "Postroom"

ABOUT = """\
Reads, manages and sends the mail of connected Gmail and Outlook mailboxes. The wire contract is the
Nylas v3 Email API: an official SDK works after changing `api_uri`.

**Who calls.** `Authorization: Bearer <key>`: the administrator's key, an API key (for what its
scopes say), or an access token, which reaches the one account that it was given for; that account
may be called `me`. Each route names the scope that it asks for. `{grant_id}` is an account's id, or
its address when only one account has it.

**Answers.** JSON in an envelope with `request_id`, which is also in the header `X-Request-Id` and
in the logs. Fields without a value are left out. Times are Unix seconds. Lists have at most `limit`
items; `next_cursor`, where there is one, is the `page_token` of the next page.

**Requests.** Unknown fields are ignored. Lists in a query are repeated or joined by commas. Bodies
are JSON in UTF-8, nested at most 64 levels deep; a request holds about 4.5 MB of binary.

**Errors.** `error.type` is for programs, `error.message` tells people what to do. docs/errors.md
has every type with its cause and remedy. The routes of tokens answer in the shape of RFC 6749. What
API Gateway answers itself (413, 429, 500, 503) is `{"message": "…"}`. 503 of ours carries
`Retry-After`. The stage carries 100 requests a second, with bursts of 200.
"""


@dataclass(frozen=True, slots=True)
class Tag:
    """A subject, under which routes are listed. The first one that fits a path has it."""

    name: str
    about: str
    paths: str
    """A regular expression."""


TAGS = (
    Tag(
        "Messages",
        "The mail of a mailbox: to read, to change, to send.",
        r"\}/messages(?!/schedules)",
    ),
    Tag("Schedules", "Messages that wait for their time.", r"/messages/schedules"),
    Tag("Threads", "Conversations, as the provider groups them.", r"\}/threads"),
    Tag("Drafts", "Messages that are not sent yet.", r"\}/drafts"),
    Tag("Folders", "Gmail's labels and Outlook's folders.", r"\}/folders"),
    Tag("Attachments", "The files of messages.", r"\}/attachment"),
    Tag("Connecting", "How a mailbox is connected, and tokens.", r"/v3/(connect|providers)/"),
    Tag("Grants", "Connected mailboxes, and how complete their copy is.", r"/v3/grants"),
    Tag("Connectors", "The administrator's OAuth clients.", r"/v3/connectors"),
    Tag("Application", "The application and its return addresses.", r"/v3/applications"),
    Tag("API keys", "Who may call, for what.", r"/v3/api-keys"),
    Tag("People", "Who uses the console, and who may come.", r"/v3/(people|invitations)"),
    Tag("Webhooks", "The addresses that are told of events.", r"/v3/webhooks"),
    Tag("Pushes", "Where the providers say that a mailbox has changed.", r"^/push/"),
    Tag("Deployment", "The deployment itself.", r"^/"),
)
