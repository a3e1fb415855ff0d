"""The functions: their routes, triggers, environment and times."""

import json
from datetime import timedelta
from typing import Any

import pytest

from postroom.domain.delivery import wait_after
from postroom.domain.ids import EventId
from postroom.storage.dynamodb import keys
from tests.template.conftest import PROJECT, Template, of_type

ROUTES = {
    "oauth_start": ["GET /v3/connect/auth"],
    "oauth_callback": ["GET /v3/connect/callback"],
    "oauth_token": [
        "POST /v3/connect/token",
        "POST /v3/connect/revoke",
        "GET /v3/connect/tokeninfo",
    ],
    "custom_authentication": [
        "POST /v3/connect/custom",
        "PATCH /v3/grants/{grant_id}",
        "POST /v3/providers/detect",
        "POST /v3/connectors/{provider}/verify",
    ],
    "provider_configs": [
        "GET /v3/connectors",
        "POST /v3/connectors",
        "GET /v3/connectors/{provider}",
        "PATCH /v3/connectors/{provider}",
        "PUT /v3/connectors/{provider}",
        "DELETE /v3/connectors/{provider}",
        "GET /v3/connectors/{provider}/creds",
        "POST /v3/connectors/{provider}/creds",
        "GET /v3/connectors/{provider}/creds/{id}",
        "PATCH /v3/connectors/{provider}/creds/{id}",
        "DELETE /v3/connectors/{provider}/creds/{id}",
    ],
    "application": [
        "GET /v3/applications",
        "PATCH /v3/applications",
        "GET /v3/applications/redirect-uris",
        "POST /v3/applications/redirect-uris",
        "GET /v3/applications/redirect-uris/{id}",
        "PATCH /v3/applications/redirect-uris/{id}",
        "DELETE /v3/applications/redirect-uris/{id}",
        "GET /v3/api-keys",
        "POST /v3/api-keys",
        "DELETE /v3/api-keys/{id}",
    ],
    "message_view": [
        "GET /v3/grants/{grant_id}/messages/{message_id}/view",
        "GET /v3/grants/{grant_id}/messages/{message_id}/frame",
    ],
    "people": [
        "GET /v3/people",
        "GET /v3/invitations",
        "POST /v3/invitations",
        "DELETE /v3/invitations/{id}",
    ],
    "webhooks": [
        "GET /v3/webhooks",
        "POST /v3/webhooks",
        "GET /v3/webhooks/ip-addresses",
        "GET /v3/webhooks/{id}",
        "PUT /v3/webhooks/{id}",
        "DELETE /v3/webhooks/{id}",
        "PUT /v3/webhooks/{id}/rotate-secret",
        "POST /v3/webhooks/rotate-secret/{id}",
        "GET /v3/webhooks/{id}/deliveries",
    ],
    "accounts": [
        "GET /v3/grants",
        "GET /v3/grants/{grant_id}",
        "DELETE /v3/grants/{grant_id}",
        "POST /v3/grants/{grant_id}/sync",
        "GET /v3/grants/{grant_id}/audit",
        "POST /v3/grants/{grant_id}/audit",
    ],
    "mail": [
        "GET /v3/grants/{grant_id}/messages",
        "GET /v3/grants/{grant_id}/messages/{message_id}",
        "PUT /v3/grants/{grant_id}/messages/{message_id}",
        "PUT /v3/grants/{grant_id}/messages/clean",
        "DELETE /v3/grants/{grant_id}/messages/{message_id}",
        "GET /v3/grants/{grant_id}/attachments/{attachment_id}",
        "GET /v3/grants/{grant_id}/attachments/{attachment_id}/download",
    ],
    "folders": [
        "GET /v3/grants/{grant_id}/folders",
        "GET /v3/grants/{grant_id}/folders/{folder_id}",
        "POST /v3/grants/{grant_id}/folders",
        "PUT /v3/grants/{grant_id}/folders/{folder_id}",
        "DELETE /v3/grants/{grant_id}/folders/{folder_id}",
    ],
    "threads": [
        "GET /v3/grants/{grant_id}/threads",
        "GET /v3/grants/{grant_id}/threads/{thread_id}",
        "PUT /v3/grants/{grant_id}/threads/{thread_id}",
        "DELETE /v3/grants/{grant_id}/threads/{thread_id}",
    ],
    "drafts": [
        "GET /v3/grants/{grant_id}/drafts",
        "GET /v3/grants/{grant_id}/drafts/{draft_id}",
        "POST /v3/grants/{grant_id}/drafts",
        "PUT /v3/grants/{grant_id}/drafts/{draft_id}",
        "DELETE /v3/grants/{grant_id}/drafts/{draft_id}",
        "POST /v3/grants/{grant_id}/drafts/{draft_id}",
    ],
    "send": [
        "POST /v3/grants/{grant_id}/messages/send",
        "GET /v3/grants/{grant_id}/messages/schedules",
        "GET /v3/grants/{grant_id}/messages/schedules/{schedule_id}",
        "DELETE /v3/grants/{grant_id}/messages/schedules/{schedule_id}",
    ],
    "attachment_uploads": [
        "POST /v3/grants/{grant_id}/attachment-uploads",
        "POST /v3/grants/{grant_id}/attachment-uploads/{attachment_id}/complete",
    ],
    "push_google": ["POST /push/google"],
    "push_microsoft": ["POST /push/microsoft", "POST /push/microsoft/lifecycle"],
    "console": [
        "GET /openapi.json",
        "GET /docs",
        "GET /",
        "GET /console",
        "GET /console/assets/{version}/{name}",
        "GET /console/session",
        "POST /console/session",
        "DELETE /console/session",
        "POST /console/connections",
        "GET /console/connected",
    ],
    "not_found": ["$default", "GET /health"],
}
TRIGGERED_OTHERWISE = {
    "scheduled_sync",
    "sync_worker",
    "send_worker",
    "event_publisher",
    "event_delivery",
}

VARIABLES = {
    "POSTROOM_TABLE_NAME",
    "POSTROOM_BUCKET_NAME",
    "POSTROOM_SYNC_QUEUE_URL",
    "POSTROOM_BACKFILL_QUEUE_URL",
    "POSTROOM_SEND_QUEUE_URL",
    "POSTROOM_SEND_QUEUE_ARN",
    "POSTROOM_SEND_DEAD_LETTER_QUEUE_ARN",
    "POSTROOM_SEND_SCHEDULE_GROUP",
    "POSTROOM_SEND_SCHEDULE_ROLE_ARN",
    "POSTROOM_EVENT_QUEUE_URL",
    "POSTROOM_WEBHOOK_RETRY_SECONDS",
    "POSTROOM_LOCAL_WEBHOOK_HOST",
    "POSTROOM_UNDO_SECONDS",
    "POSTROOM_PUBLIC_URL",
    "POSTROOM_PUBLIC_URL_PARAMETER",
    "POSTROOM_APPLICATION_ID",
    "POSTROOM_ADMIN_KEY_SECRET",
    "POSTROOM_SIGNING_KEY_SECRET",
    "POSTROOM_SECRET_PREFIX",
    "POSTROOM_SIGN_UP",
    "POSTROOM_GOOGLE_SIMULATOR_URL",
    "POSTROOM_MICROSOFT_SIMULATOR_URL",
    "POSTROOM_GMAIL_UNITS_PER_MINUTE",
    "POSTROOM_GMAIL_UNITS_PER_DAY",
    "POSTROOM_POLL_INTERVAL_SECONDS",
    "POSTROOM_SILENT_POLL_INTERVAL_SECONDS",
    "POWERTOOLS_SERVICE_NAME",
    "POWERTOOLS_METRICS_NAMESPACE",
    "POWERTOOLS_LOG_LEVEL",
}
LIMITS = ("Default", "MaxValue")
VARIABLES_OF_ONE = {"PushGoogle": {"POSTROOM_GOOGLE_PUSH_SERVICE_ACCOUNT"}}


def folder_of(template: Template, function: str) -> str:
    """Return the folder below functions/ that a function's code is in."""
    code: str = template["Resources"][function]["Properties"]["CodeUri"]
    return code.removeprefix("functions/")


def target_of(route: dict[str, Any]) -> str:
    """Return the logical id of the function that a route of the API's definition calls."""
    uri = route["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
    name: str = uri.split("functions/${")[1].split(".Arn}")[0]
    return name


def test_every_route_reaches_its_function(template: Template, translated: Template) -> None:
    """API Gateway gets exactly the routes of the API, each at the function that knows it."""
    paths = of_type(translated, "AWS::ApiGatewayV2::Api")["HttpApi"]["Body"]["paths"]

    found: dict[str, set[str]] = {}
    for path, methods in paths.items():
        for method, route in methods.items():
            key = path if path == "$default" else f"{method.upper()} {path}"
            found.setdefault(folder_of(template, target_of(route)), set()).add(key)

    assert found == {function: set(routes) for function, routes in ROUTES.items()}


def test_every_folder_of_functions_is_one_function_of_the_template(template: Template) -> None:
    """No function is written and never deployed, and none is deployed without code."""
    folders = {path.parent.name for path in (PROJECT / "functions").glob("*/app.py")}

    declared = [
        folder_of(template, name) for name in of_type(template, "AWS::Serverless::Function")
    ]

    assert sorted(declared) == sorted(folders)
    assert folders == set(ROUTES) | TRIGGERED_OTHERWISE


def test_every_function_gets_the_same_environment(translated: Template) -> None:
    """The functions' settings find all their variables, by their exact names."""
    for name, function in of_type(translated, "AWS::Lambda::Function").items():
        expected = VARIABLES | VARIABLES_OF_ONE.get(name, set())
        assert set(function["Environment"]["Variables"]) == expected, name


def test_no_function_depends_on_the_api(translated: Template) -> None:
    """The API refers to its functions, so a function that refers to the API closes a circle."""
    for name, function in of_type(translated, "AWS::Lambda::Function").items():
        assert "HttpApi" not in json.dumps(function), name


def test_application_id_is_the_uuid_of_the_stack(template: Template) -> None:
    """The application's id never changes while the stack lives, and is nobody else's."""
    stack_id = (
        "arn:aws:cloudformation:eu-west-1:123456789012:stack/postroom/"
        "1a2b3c4d-0000-11ef-8d0a-0a1b2c3d4e5f"
    )
    variables = template["Globals"]["Function"]["Environment"]["Variables"]

    index, split = variables["POSTROOM_APPLICATION_ID"]["Fn::Select"]
    separator, value = split["Fn::Split"]

    assert value == {"Ref": "AWS::StackId"}
    assert stack_id.split(separator)[index] == "1a2b3c4d-0000-11ef-8d0a-0a1b2c3d4e5f"


def test_secrets_are_passed_by_name(translated: Template) -> None:
    """!Ref of a secret is an ARN on AWS and a name elsewhere: the variables hold the names."""
    variables = of_type(translated, "AWS::Lambda::Function")["Mail"]["Environment"]["Variables"]
    secrets = of_type(translated, "AWS::SecretsManager::Secret")

    assert variables["POSTROOM_ADMIN_KEY_SECRET"] == secrets["AdminKeySecret"]["Name"]
    assert variables["POSTROOM_SIGNING_KEY_SECRET"] == secrets["SigningKeySecret"]["Name"]


def test_public_url_is_read_from_the_parameter_that_is_written(translated: Template) -> None:
    """Without a PublicUrl the functions look up the very parameter that the stack sets."""
    variables = of_type(translated, "AWS::Lambda::Function")["Mail"]["Environment"]["Variables"]
    parameter = translated["Resources"]["PublicUrlParameter"]

    assert parameter["Properties"]["Name"] == variables["POSTROOM_PUBLIC_URL_PARAMETER"]
    assert parameter["Condition"] == "HasNoPublicUrl"


def test_functions_that_answer_api_gateway_end_before_it_gives_up(
    template: Template, translated: Template
) -> None:
    """An HTTP API waits 30 s; a function that works longer answers nobody."""
    for name, function in of_type(translated, "AWS::Lambda::Function").items():
        if folder_of(template, name) in ROUTES:
            assert 25 < function["Timeout"] < 30, name


@pytest.mark.parametrize(
    ("function", "queue"),
    [
        ("SyncWorker", "SyncQueue"),
        ("SyncWorker", "BackfillQueue"),
        ("SendWorker", "SendQueue"),
        ("EventDelivery", "EventQueue"),
    ],
)
def test_a_worker_gets_one_message_and_may_fail_it_alone(
    translated: Template, function: str, queue: str
) -> None:
    """Each queue feeds its worker, and is patient for six times the worker's timeout."""
    [mapping] = [
        mapping
        for mapping in of_type(translated, "AWS::Lambda::EventSourceMapping").values()
        if mapping["EventSourceArn"] == {"Fn::GetAtt": [queue, "Arn"]}
    ]
    timeout = of_type(translated, "AWS::Lambda::Function")[function]["Timeout"]
    visibility = of_type(translated, "AWS::SQS::Queue")[queue]["VisibilityTimeout"]

    assert mapping["FunctionName"] == {"Ref": function}
    assert mapping["BatchSize"] == 1
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert visibility >= 6 * timeout


def test_the_stream_passes_new_events_on_and_nothing_else(translated: Template) -> None:
    """Every write of the table passes by; a function that is called for each costs for each."""
    [mapping] = [
        mapping
        for mapping in of_type(translated, "AWS::Lambda::EventSourceMapping").values()
        if mapping["FunctionName"] == {"Ref": "EventPublisher"}
    ]
    [wanted] = mapping["FilterCriteria"]["Filters"]

    assert mapping["EventSourceArn"] == {"Fn::GetAtt": ["Table", "StreamArn"]}
    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    event = keys.event(EventId("1"))
    prefix = event.pk.removesuffix("1")
    assert json.loads(wanted["Pattern"]) == {
        "eventName": ["INSERT"],
        "dynamodb": {"Keys": {"pk": {"S": [{"prefix": prefix}]}}},
    }


def test_waits_of_deliveries_fit_into_a_queue(template: Template) -> None:
    """The longest wait is the second one; SQS holds nothing back for more than fifteen minutes."""
    seconds = template["Parameters"]["WebhookRetrySeconds"]

    waits = [wait_after(2, first_wait=timedelta(seconds=seconds[name])) for name in LIMITS]

    assert waits == [timedelta(minutes=10), timedelta(minutes=15)]


def test_first_syncs_leave_room_for_people(translated: Template) -> None:
    """The backfill's share of the account's concurrent functions is bounded."""
    mappings = of_type(translated, "AWS::Lambda::EventSourceMapping").values()

    [backfill] = [m for m in mappings if m["EventSourceArn"]["Fn::GetAtt"][0] == "BackfillQueue"]

    assert backfill["ScalingConfig"] == {"MaximumConcurrency": 5}


@pytest.mark.parametrize(("queue_name", "hours"), [("SendQueue", 3), ("EventQueue", 1)])
def test_throttled_calls_do_not_die_within_minutes(
    translated: Template, queue_name: str, hours: int
) -> None:
    """A thousand mails scheduled for nine sharp, ten functions at once: none ends as a dead letter.

    No more calls are taken than are run, and one that finds no free function may come back for
    hours.
    """
    mappings = of_type(translated, "AWS::Lambda::EventSourceMapping").values()
    queue = of_type(translated, "AWS::SQS::Queue")[queue_name]

    [calls] = [m for m in mappings if m["EventSourceArn"]["Fn::GetAtt"][0] == queue_name]

    assert calls["ScalingConfig"] == {"MaximumConcurrency": 5}
    received = queue["RedrivePolicy"]["maxReceiveCount"]
    assert received * queue["VisibilityTimeout"] >= hours * 3600


def test_the_sweep_runs_every_minute(translated: Template) -> None:
    """What is due waits at most a minute, and one sweep ends before the next begins."""
    [rule] = of_type(translated, "AWS::Events::Rule").values()

    assert rule["ScheduleExpression"] == "rate(1 minute)"
    assert [target["Arn"] for target in rule["Targets"]] == [
        {"Fn::GetAtt": ["ScheduledSync", "Arn"]}
    ]
    assert of_type(translated, "AWS::Lambda::Function")["ScheduledSync"]["Timeout"] < 60


@pytest.mark.parametrize(
    ("name", "metric"),
    [("ProviderClientAlarm", "ProviderClientRefused"), ("WebhookAlarm", "WebhooksFailing")],
)
def test_what_only_people_can_mend_raises_an_alarm_of_its_own_stack(
    translated: Template, name: str, metric: str
) -> None:
    """Its metric bears the name that the functions of this stack count under."""
    alarm = translated["Resources"][name]["Properties"]
    function = translated["Resources"]["SyncWorker"]["Properties"]
    counted_as = function["Environment"]["Variables"]
    assert alarm["Namespace"] == counted_as["POWERTOOLS_METRICS_NAMESPACE"]
    assert alarm["MetricName"] == metric
    assert alarm["Dimensions"] == [
        {"Name": "service", "Value": counted_as["POWERTOOLS_SERVICE_NAME"]}
    ]


def test_events_that_are_not_passed_on_raise_an_alarm(translated: Template) -> None:
    """A stream keeps them for a day, while nobody sees a queue grow."""
    alarm = translated["Resources"]["EventPublisherAlarm"]["Properties"]
    assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/Lambda", "Errors")
    assert alarm["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": "EventPublisher"}}]
