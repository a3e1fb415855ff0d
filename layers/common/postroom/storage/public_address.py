"""Where the deployment is reached from outside, when its settings do not say so.

No function may refer to the API in its environment (that would be a circular dependency), so the
template writes the API's address into a parameter, and the functions read it by name.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient


class PublicAddress:
    """The API's own address, read once."""

    def __init__(self, client: "SSMClient", parameter_name: str) -> None:
        self._client = client
        self._parameter_name = parameter_name
        self._address = ""

    def read(self) -> str:
        """Return the address without a slash at its end."""
        if not self._address:
            answer = self._client.get_parameter(Name=self._parameter_name)
            self._address = answer["Parameter"]["Value"].rstrip("/")
        return self._address
