"""What stores raise when AWS does not do what it was asked."""

from botocore.exceptions import BotoCoreError, ClientError

from postroom.storage.dynamodb.table import TableBusy

STORE_FAILURES = (ClientError, BotoCoreError, TableBusy)
"""AWS refused a call, could not be reached in time, or was busy however often it was asked."""
