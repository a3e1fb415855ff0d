"""Table, bucket, queues, secrets and logs."""

import json

from tests.template.conftest import Template, of_type


def test_table_can_be_restored_and_expires_rows(translated: Template) -> None:
    """Point-in-time recovery, expiry, a stream and on-demand billing are all on."""
    table = of_type(translated, "AWS::DynamoDB::Table")["Table"]

    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert table["StreamSpecification"] == {"StreamViewType": "NEW_IMAGE"}


def test_due_index_is_sparse_and_small(translated: Template) -> None:
    """The sweep's index holds keys only, of the rows that have a time."""
    table = of_type(translated, "AWS::DynamoDB::Table")["Table"]

    [index] = table["GlobalSecondaryIndexes"]

    assert index["IndexName"] == "due"
    assert [key["AttributeName"] for key in index["KeySchema"]] == ["due_shard", "due_at"]
    assert index["Projection"] == {"ProjectionType": "KEYS_ONLY"}
    assert [key["AttributeName"] for key in table["KeySchema"]] == ["pk", "sk"]


def test_bucket_is_private_encrypted_and_refuses_plain_http(translated: Template) -> None:
    """No mail can be read by the public, from a disk, or from the wire."""
    bucket = of_type(translated, "AWS::S3::Bucket")["Bucket"]
    [statement] = of_type(translated, "AWS::S3::BucketPolicy")["BucketPolicy"]["PolicyDocument"][
        "Statement"
    ]

    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_copies_live_one_day_and_bodies_for_ever(translated: Template) -> None:
    """The lifecycle removes what was put there for a transfer, and never what was synced."""
    rules = of_type(translated, "AWS::S3::Bucket")["Bucket"]["LifecycleConfiguration"]["Rules"]

    expiring = {
        rule.get("Prefix"): rule["ExpirationInDays"] for rule in rules if "ExpirationInDays" in rule
    }

    assert expiring == {"uploads/": 1, "downloads/": 1, "outgoing/": 400}


def test_mail_outlives_the_stack(translated: Template) -> None:
    """Deleting the stack by mistake, or replacing a resource, deletes no mail."""
    for name in ("Table", "Bucket"):
        resource = translated["Resources"][name]
        assert resource["DeletionPolicy"] == "RetainExceptOnCreate"
        assert resource["UpdateReplacePolicy"] == "Retain"
        assert not {"TableName", "BucketName"} & set(resource["Properties"])


def test_every_queue_is_encrypted_and_has_a_dead_letter_queue(translated: Template) -> None:
    """What fails again and again is kept for fourteen days, and an alarm watches it."""
    queues = of_type(translated, "AWS::SQS::Queue")
    working = {name for name in queues if "DeadLetter" not in name}
    watched = json.dumps(of_type(translated, "AWS::CloudWatch::Alarm"))

    assert working == {"SyncQueue", "BackfillQueue", "SendQueue", "EventQueue"}
    for name in working:
        dead_letters = queues[name]["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]
        assert dead_letters == name.replace("Queue", "DeadLetterQueue")
        assert queues[name]["RedrivePolicy"]["maxReceiveCount"] >= 5
        assert queues[dead_letters]["MessageRetentionPeriod"] == 14 * 24 * 3600
        assert f'["{dead_letters}", "QueueName"]' in watched
    assert all(queue["SqsManagedSseEnabled"] is True for queue in queues.values())


def test_generated_keys_have_256_bits(translated: Template) -> None:
    """43 letters and digits: (26 + 26 + 10) ** 43 is just more than 2 ** 256."""
    for name, secret in of_type(translated, "AWS::SecretsManager::Secret").items():
        generated = secret["GenerateSecretString"]
        assert generated["ExcludePunctuation"] is True, name
        assert 62 ** generated["PasswordLength"] > 2**256, name


def test_logs_end_after_a_time(translated: Template) -> None:
    """No log group keeps lines for ever, and no function writes to one that nobody declared."""
    groups = of_type(translated, "AWS::Logs::LogGroup")

    assert all(group["RetentionInDays"] <= 30 for group in groups.values())
    for name, function in of_type(translated, "AWS::Lambda::Function").items():
        assert function["LoggingConfig"]["LogGroup"]["Ref"] in groups, name


def test_access_logs_hold_neither_path_nor_query(translated: Template) -> None:
    """Codes and tokens travel in paths and queries."""
    stage = of_type(translated, "AWS::ApiGatewayV2::Stage")["HttpApiApiGatewayDefaultStage"]

    line = json.loads(stage["AccessLogSettings"]["Format"])

    assert set(line.values()) == {
        "$context.requestId",
        "$context.routeKey",
        "$context.status",
        "$context.responseLatency",
    }


def test_requests_are_throttled(translated: Template) -> None:
    """A client's loop, or a stolen key, cannot spend without a bound."""
    stage = of_type(translated, "AWS::ApiGatewayV2::Stage")["HttpApiApiGatewayDefaultStage"]

    assert 0 < stage["DefaultRouteSettings"]["ThrottlingRateLimit"] <= 1000
    assert 0 < stage["DefaultRouteSettings"]["ThrottlingBurstLimit"] <= 2000
    assert "CorsConfiguration" not in of_type(translated, "AWS::ApiGatewayV2::Api")["HttpApi"]
