"""Real servers of 127.0.0.1 to which the product delivers: HTTPS, SMTP with STARTTLS, and SFTP."""

import asyncio
import base64
import errno
import posixpath
import secrets
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import asyncssh
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from standardwebhooks import Webhook, WebhookVerificationError

PASSWORD = "canary-password-2b7"


class Authority:
    """Issues certificates for this machine."""

    def __init__(self) -> None:
        self._authority = trustme.CA()

    def write(self, path: Path) -> None:
        self._authority.cert_pem.write_to_path(str(path))

    def context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
        return context


# --- webhooks


@dataclass
class WebhookReceiver:
    """Verifies each notice with the library of Standard Webhooks and keeps it with its id.

    `answers` are the statuses of the next answers; 200 after that. `before_answer` is called when a
    notice is there. Of `wrong` notices the signature does not fit.
    """

    port: int = 0
    secret: str = field(
        default_factory=lambda: "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    )
    answers: list[int] = field(default_factory=list)
    notices: list[dict[str, Any]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    wrong: int = 0
    before_answer: Callable[[], None] = lambda: None

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}/hook/canary-path-77"

    def take(self, body: bytes, headers: dict[str, str]) -> None:
        try:
            notice = Webhook(self.secret).verify(body, headers)
        except WebhookVerificationError:
            self.wrong += 1
            return
        self.notices.append(notice)
        self.bodies.append(body)
        self.ids.append(headers["webhook-id"])


@contextmanager
def webhook_receiver(authority: Authority) -> Iterator[WebhookReceiver]:
    receiver = WebhookReceiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            receiver.paths.append(self.path)
            receiver.take(body, {name.lower(): value for name, value in self.headers.items()})
            receiver.before_answer()
            status = receiver.answers.pop(0) if receiver.answers else 200
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", f"https://127.0.0.1:{receiver.port}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # clients that go away
    server.socket = authority.context().wrap_socket(server.socket, server_side=True)
    receiver.port = server.server_address[1]
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


# --- mails


@dataclass
class MailReceiver:
    """Takes mails under STARTTLS and with the right password alone. `refused` are no recipients."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    answers: list[str] = field(default_factory=list)
    passwords: list[object] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802  as the library names it
        self, _server: object, _session: object, envelope: Any, address: str, _options: object
    ) -> str:
        if address in self.refused:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:  # noqa: N802
        if self.answers:
            return self.answers.pop(0)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        self.recipients.append(list(envelope.rcpt_tos))
        return "250 taken"


class _FreePort(Controller):
    """The library wants to know the port before it listens; the system gives a free one."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        super()._trigger_server()


@contextmanager
def mail_receiver(authority: Authority, *, starttls: bool = True) -> Iterator[MailReceiver]:
    receiver = MailReceiver()

    def admit(_: object, __: object, ___: object, mechanism: str, given: Any) -> AuthResult:
        receiver.passwords.append(given)
        fits = isinstance(given, LoginPassword) and given.password == PASSWORD.encode()
        return AuthResult(success=fits, handled=False)

    controller = _FreePort(
        receiver,
        hostname="127.0.0.1",
        port=0,
        tls_context=authority.context() if starttls else None,
        require_starttls=starttls,
        auth_require_tls=starttls,
        authenticator=admit,
        auth_required=starttls,
    )
    controller.start()
    receiver.port = controller.port
    try:
        yield receiver
    finally:
        controller.stop()


# --- SFTP


@dataclass
class SftpReceiver:
    """An SFTP server whose accounts see `folder` alone. It can break off, or be full.

    Relative paths are below `login_folder`. After `bytes_before_break` bytes the connection is
    closed; `on_write` is called at each write.
    """

    folder: Path
    port: int = 0
    host_key: str = ""
    client_key: str = ""
    login_folder: str = ""
    bytes_before_break: int | None = None
    is_full: bool = False
    on_write: Callable[[], None] = lambda: None
    order: list[str] = field(default_factory=list)

    def names(self) -> set[str]:
        return {
            path.relative_to(self.folder).as_posix()
            for path in self.folder.rglob("*")
            if path.is_file()
        }


def _server_of(receiver: SftpReceiver) -> type[asyncssh.SFTPServer]:
    class Served(asyncssh.SFTPServer):
        def __init__(self, channel: "asyncssh.SSHServerChannel[bytes]") -> None:
            super().__init__(channel, chroot=str(receiver.folder).encode())
            self._connection = channel.get_connection()

        def map_path(self, path: bytes) -> bytes:
            return super().map_path(posixpath.join(receiver.login_folder.encode(), path))

        def write(self, file_obj: object, offset: int, data: bytes) -> int:
            receiver.on_write()
            if receiver.is_full:
                raise OSError(errno.ENOSPC, "canary of the server: /srv/secret is full")
            if receiver.bytes_before_break is not None:
                super().write(file_obj, offset, data[: receiver.bytes_before_break])
                self._connection.abort()
                return 0
            return int(super().write(file_obj, offset, data))  # type: ignore[arg-type]

        def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
            receiver.order.append(newpath.decode())
            super().posix_rename(oldpath, newpath)

        def remove(self, path: bytes) -> None:
            receiver.order.append(f"remove {path.decode()}")
            super().remove(path)

    return Served


class _Accounts(asyncssh.SSHServer):
    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == ("audience", PASSWORD)


@contextmanager
def sftp_receiver(folder: Path) -> Iterator[SftpReceiver]:
    folder.mkdir(exist_ok=True)
    host, client = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    receiver = SftpReceiver(
        folder,
        host_key=host.export_public_key().decode().strip(),
        client_key=client.export_private_key().decode(),
    )
    ready, end = Event(), Event()

    async def serve() -> None:
        server = await asyncssh.listen(
            "127.0.0.1",
            0,
            server_factory=_Accounts,
            server_host_keys=[host],
            authorized_client_keys=asyncssh.import_authorized_keys(
                client.export_public_key().decode()
            ),
            sftp_factory=_server_of(receiver),
        )
        receiver.port = server.get_port()
        ready.set()
        while not end.is_set():
            await asyncio.sleep(0.02)
        server.close()

    thread = Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(20)
    try:
        yield receiver
    finally:
        end.set()
        thread.join()


# --- slow ones


@contextmanager
def dripping(beginning: bytes, authority: Authority | None = None) -> Iterator[int]:
    """The port of a server that sends a beginning, then a byte every tenth of a second.

    With an authority it speaks TLS. It goes on for 15 seconds.
    """
    end = Event()

    def serve(listener: socket.socket) -> None:
        while not end.is_set():
            with suppress(OSError):
                connection, _ = listener.accept()
                if authority:
                    connection = authority.context().wrap_socket(connection, server_side=True)
                with connection:
                    connection.sendall(beginning)
                    for _ in range(150):
                        if end.wait(0.1):
                            break
                        connection.sendall(b"x")

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.settimeout(0.2)
        thread = Thread(target=serve, args=(listener,))
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            end.set()
            thread.join()


def wait_until(is_true: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.02)
