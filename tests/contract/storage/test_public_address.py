"""The API's own address, from its parameter."""

from typing import TYPE_CHECKING

from postroom.storage.public_address import PublicAddress
from tests.contract import aws

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient


def test_address_is_read_once(moto: None) -> None:
    """A function asks for the address once, and says it without a slash at its end."""
    client: SSMClient = aws.client("ssm")
    name = "/postroom/public-url"
    client.put_parameter(Name=name, Value="https://api.example.com/", Type="String")
    address = PublicAddress(client, name)

    first = address.read()
    client.delete_parameter(Name=name)

    assert first == address.read() == "https://api.example.com"
