"""What each kind of destination does with a parcel: prepared from proved files, then sent."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.util import find_spec
from typing import Protocol
from urllib.parse import urlsplit

from anonymizer.delivery.bucket_folder import BucketFolder
from anonymizer.delivery.delivery_changes import Change, delivery_id
from anonymizer.delivery.delivery_log import DeliveryHistory, PutFiles
from anonymizer.delivery.delivery_settings import (
    FileSettings,
    MailSettings,
    S3Settings,
    SftpSettings,
    WebhookSettings,
    is_protected,
)
from anonymizer.delivery.destination_catalogue import Destination
from anonymizer.delivery.file_plan import FilePlan, file_plan, folder_of
from anonymizer.delivery.mail import MailServer
from anonymizer.delivery.mail_words import MailItem, mail_words
from anonymizer.delivery.released_facts import facts_of
from anonymizer.delivery.sftp_folder import SftpFolder
from anonymizer.delivery.trust import trusted
from anonymizer.delivery.undelivered import Undelivered
from anonymizer.delivery.webhook import notice_bytes, now, post, signed_headers, signing_key
from anonymizer.exports.export_files import ExportFiles
from anonymizer.storage.home import Home
from anonymizer.storage.secret_texts import SecretPlace, read_secret


@dataclass(frozen=True)
class Parcel:
    """What is delivered at once: changes of one recipient, for one destination."""

    destination: Destination
    changes: tuple[Change, ...]

    @property
    def id(self) -> str:
        """The same each time that it is tried."""
        return delivery_id(self.destination.name, self.changes)

    @property
    def recipient(self) -> str:
        """The advertiser that it is for, or `_all`."""
        return self.changes[0].export.recipient


@dataclass(frozen=True)
class PreparedParcel:
    """A parcel that can be sent: `files` are digests by name. `send` returns a remark, if any.

    Files that are brought go into `folder` of the account or bucket that `place` identifies.
    """

    files: Mapping[str, str]
    send: Callable[[], str]
    folder: str | None = None
    place: str | None = None


class Sender(Protocol):
    """A destination with its secrets."""

    @property
    def target(self) -> str:
        """Host or bucket, for the log."""

    def prepared(self, parcel: Parcel) -> PreparedParcel:
        """Prove the files of a parcel and make what is sent, which sends nothing.

        Raises Held, and Undelivered where files that have to go are not at this destination.
        """


@dataclass(frozen=True)
class DeliveryGround:
    """What senders work with: the home, its proved files, and what was delivered before."""

    home: Home
    files: ExportFiles
    history: DeliveryHistory
    fetch_from: str = ""

    def secret(self, given: SecretPlace | None, destination: Destination, key: str) -> str:
        """A secret of a destination; empty where it has none. Raises ConfigurationError."""
        return read_secret(given, self.home, f"{destination.place}.{key}") if given else ""

    def put(self, parcel: Parcel) -> list[PutFiles]:
        """Where files are that a parcel calls off, each place once."""
        found = [
            one
            for change in parcel.changes
            if change.event != "released"
            for one in self.history.put(parcel.destination.name, change.key)
        ]
        return list(dict.fromkeys(found))


def _require_package(name: str) -> None:
    """Raise Undelivered where the package of an extra is not installed."""
    if find_spec(name) is None:
        raise Undelivered(f"package: {name} is missing; pip install 'audience[delivery]'")


def sender_of(destination: Destination, ground: DeliveryGround) -> Sender:
    """The sender of a destination. Connects to nothing.

    Raises ConfigurationError for a secret that cannot be read, Undelivered for one that is none.
    """
    given = destination.settings
    if isinstance(given, WebhookSettings):
        return _webhook(destination, given, ground)
    if isinstance(given, MailSettings):
        password = ground.secret(given.password, destination, "password")
        server = MailServer(given, password, trusted(ground.home, given.ca_file))
        return _MailSender(server, ground)
    if isinstance(given, SftpSettings):
        _require_package("asyncssh")
        key = "key" if given.key else "password"
        folder = SftpFolder(given, ground.secret(given.key or given.password, destination, key))
        return _FileSender(f"{given.host}:{given.port}", given, folder.carry_out, ground)
    if isinstance(given, S3Settings):
        bucket = BucketFolder(
            ground.home,
            given,
            ground.secret(given.access_key, destination, "access_key"),
            ground.secret(given.secret_key, destination, "secret_key"),
        )
        return _FileSender(f"s3://{given.bucket}", given, bucket.carry_out, ground)
    raise TypeError(destination.kind)


@dataclass(frozen=True)
class _WebhookSender:
    url: str = field(repr=False)
    key: bytes = field(repr=False)
    ca_file: str | None
    ground: DeliveryGround

    @property
    def target(self) -> str:
        return urlsplit(self.url).hostname or ""

    def prepared(self, parcel: Parcel) -> PreparedParcel:
        _refuse_elsewhere(self.ground.put(parcel))
        (change,) = parcel.changes
        facts = facts_of(change, self.ground.files)
        body = notice_bytes(change, facts, parcel.id, self.ground.fetch_from)
        return PreparedParcel({}, partial(self._send, body, parcel.id))

    def _send(self, body: bytes, delivery: str) -> str:
        headers = signed_headers(body, delivery, self.key, now())
        post(self.url, body, headers, trusted(self.ground.home, self.ca_file))
        return ""


@dataclass(frozen=True)
class _MailSender:
    server: MailServer
    ground: DeliveryGround

    @property
    def target(self) -> str:
        """The server, and the domains of the recipients: no address of a person."""
        given = self.server.settings
        domains = sorted({address.rpartition("@")[2].lower() for address in given.to})
        return f"{given.host} for {', '.join(domains)}"

    def prepared(self, parcel: Parcel) -> PreparedParcel:
        _refuse_elsewhere(self.ground.put(parcel))
        items = [MailItem(one, facts_of(one, self.ground.files)) for one in parcel.changes]
        language = self.server.settings.language
        words = mail_words(items, language, self.ground.fetch_from, parcel.id)
        return PreparedParcel({}, partial(self.server.send, words, parcel.id))


@dataclass(frozen=True)
class _FileSender:
    target: str
    settings: FileSettings
    carry_out: Callable[[FilePlan], None]
    ground: DeliveryGround

    def prepared(self, parcel: Parcel) -> PreparedParcel:
        (change,) = parcel.changes
        present = self.ground.history.files(parcel.destination.name, change.key)
        plan = file_plan(change, self.settings, self.ground.files, present)
        if change.event == "released":
            send, root = partial(self._send, [plan]), self.settings.root
            return PreparedParcel(plan.digests, send, root, self.settings.place)
        put = self.ground.put(parcel)
        _refuse_elsewhere([one for one in put if not self._is_here(one, parcel.destination)])
        roots = {self._root_of(one) for one in put}
        plans = [replace(plan, folder=folder_of(root, change.key)) for root in sorted(roots)]
        return PreparedParcel(plan.digests, partial(self._send, plans or [plan]))

    def _is_here(self, put: PutFiles, destination: Destination) -> bool:
        """Whether files are in the account or bucket of today's settings."""
        is_same = put.place in (None, self.settings.place)
        return is_same and (put.kind, put.target) == (destination.kind, self.target)

    def _root_of(self, put: PutFiles) -> str:
        """In which folder files were put.

        Earlier versions did not log it. It was today's, relative even if it begins with a slash.
        """
        return self.settings.folder.strip("/") if put.folder is None else put.folder

    def _send(self, plans: Sequence[FilePlan]) -> str:
        for plan in plans:
            self.carry_out(plan)
        return ""


def _refuse_elsewhere(put: Sequence[PutFiles]) -> None:
    """Raise Undelivered where files that are called off lie where the settings no longer reach."""
    if put:
        where = ", ".join(sorted({f"{one.kind} {one.target}" for one in put}))
        raise Undelivered(
            f"moved: files that have to be removed were put elsewhere under this name ({where}); "
            "give this name its earlier server, account or bucket again, and the new one a name of "
            "its own"
        )


def _webhook(
    destination: Destination, given: WebhookSettings, ground: DeliveryGround
) -> _WebhookSender:
    _require_package("httpx")
    url = given.url if isinstance(given.url, str) else ground.secret(given.url, destination, "url")
    if not is_protected(url):
        raise Undelivered("url: use https://; http:// is for this machine alone")
    key = signing_key(ground.secret(given.secret, destination, "secret"))
    return _WebhookSender(url, key, given.ca_file, ground)
