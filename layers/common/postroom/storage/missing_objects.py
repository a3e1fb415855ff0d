"""Telling an object that is not there from one that may not be read.

Who may read all objects below a prefix, but not list the whole bucket, is told 403 of a missing
one: S3 hides from them which names there are. A permission that is limited to a prefix does not
help, for a read has none to compare. So the object is looked for by its name, which such a
permission allows: to take every 403 for a missing object would lose mail as soon as a policy is
wrong.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
"""

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_MISSING = {"404", "NoSuchKey"}
_FORBIDDEN = {"403", "AccessDenied"}


def is_missing(error: ClientError, client: "S3Client", bucket: str, key: str) -> bool:
    """Tell whether S3 refuses to read an object because there is none."""
    code = error.response["Error"]["Code"]
    if code not in _FORBIDDEN:
        return code in _MISSING
    # The name itself is the first of all that begin with it.
    found = client.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1)
    return key not in {each["Key"] for each in found.get("Contents", [])}
