"""Files in a bucket of S3 or of a store that speaks its protocol.

An object appears as a whole or not at all, so no temporary name is needed.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from anonymizer.delivery import delivery_limits
from anonymizer.delivery.delivery_settings import S3Settings
from anonymizer.delivery.file_plan import FilePlan
from anonymizer.delivery.undelivered import Undelivered
from anonymizer.storage.home import Home
from anonymizer.storage.object_store import error_code

if TYPE_CHECKING:
    from pyarrow.fs import S3FileSystem

_CREDENTIALS = "credentials: the store does not admit the keys; correct them"
_DENIED = (
    "permission: the keys may not do this; allow s3:PutObject, s3:GetObject and s3:DeleteObject in "
    "the folder, and s3:ListBucket on the bucket"
)
_ANSWERS = {
    "ACCESS_DENIED": _DENIED,
    "SIGNATURE_DOES_NOT_MATCH": _CREDENTIALS,
    "INVALID_ACCESS_KEY_ID": _CREDENTIALS,
    "INVALID_CLIENT_TOKEN_ID": _CREDENTIALS,
    "EXPIRED_TOKEN": "credentials: the keys have expired; renew them",
    "NO_SUCH_BUCKET": "bucket: there is no bucket of this name; correct `bucket`",
    "NETWORK_CONNECTION": "unreachable: the store cannot be reached; check `endpoint` and `region`",
}


@dataclass(frozen=True)
class BucketFolder:
    """A bucket and the keys to it; without keys those of the environment are used."""

    home: Home
    settings: S3Settings
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)

    def carry_out(self, plan: FilePlan) -> None:
        """Put and remove objects. Raises Undelivered where the store does not do all of it."""
        folder = f"{self.settings.bucket}/{plan.folder}"
        try:
            system = self._system()
            for name, content in plan.put.items():
                _put(system, f"{folder}/{name}", content)
            for name in plan.remove:
                _remove(system, f"{folder}/{name}")
        except (OSError, ValueError) as error:
            code = error_code(error) if isinstance(error, OSError) else type(error).__name__
            problem = _ANSWERS.get(code, f"store: the store did not take a file ({code})")
        else:
            return
        raise Undelivered(problem)

    def _system(self) -> "S3FileSystem":
        from pyarrow.fs import AwsStandardS3RetryStrategy, S3FileSystem  # noqa: PLC0415  slow

        given = self.settings
        options: dict[str, Any] = {}
        if given.endpoint:
            parts = urlsplit(given.endpoint)
            options |= {"scheme": parts.scheme, "endpoint_override": parts.netloc}
        if given.ca_file:
            options["tls_ca_file_path"] = str(self.home.root / given.ca_file)
        if self.access_key:
            options |= {"access_key": self.access_key, "secret_key": self.secret_key}
        return S3FileSystem(
            region=given.region,
            connect_timeout=delivery_limits.BUCKET_CONNECT_SECONDS,
            request_timeout=delivery_limits.BUCKET_SILENT_SECONDS,
            retry_strategy=AwsStandardS3RetryStrategy(max_attempts=delivery_limits.BUCKET_ATTEMPTS),
            **options,
        )


def _put(system: "S3FileSystem", path: str, content: bytes) -> None:
    with system.open_output_stream(path) as stream:
        stream.write(content)
    if system.get_file_info(path).size != len(content):
        raise Undelivered("incomplete: the store has not the whole of a file; see its log")


def _remove(system: "S3FileSystem", path: str) -> None:
    """Remove an object; one that is gone already is no fault."""
    try:
        system.delete_file(path)
    except FileNotFoundError:
        return
