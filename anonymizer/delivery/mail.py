"""A mail by SMTP, under TLS, with the certificate of the server verified.

The id of the delivery is in `Message-ID`, so that a mail that is sent again is known as the same.
"""

import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate

from anonymizer.delivery import delivery_limits
from anonymizer.delivery.delivery_settings import MailSettings
from anonymizer.delivery.mail_words import MailWords
from anonymizer.delivery.undelivered import Undelivered

_READY = 220
_PORTS = {"starttls": 587, "tls": 465, "none": 25}
_SILENCE = "unreachable: the mail server cannot be reached or has closed the connection"


@dataclass(frozen=True)
class MailServer:
    """Where mails are handed over, and as whom."""

    settings: MailSettings
    password: str = field(repr=False)
    trust: ssl.SSLContext

    def send(self, words: MailWords, delivery: str) -> str:
        """Send one mail; returns a remark where the server refused some of the recipients.

        The others have it then, so it is not sent again. Raises Undelivered where it took none.
        """
        message = mail_message(self.settings, words, delivery)
        with _explained(), _deadline() as limited, self._connection(limited) as server:
            refused = server.send_message(message)
        if not refused:
            return ""
        return (
            f"recipients: the server refused {len(refused)} of {len(self.settings.to)} recipients; "
            "correct `to`"
        )

    @contextmanager
    def _connection(self, limited: list[smtplib.SMTP]) -> Iterator[smtplib.SMTP]:
        given = self.settings
        port = given.port or _PORTS[given.security]
        server = (
            smtplib.SMTP_SSL(timeout=delivery_limits.MAIL_SECONDS, context=self.trust)
            if given.security == "tls"
            else smtplib.SMTP(timeout=delivery_limits.MAIL_SECONDS)
        )
        limited.append(server)
        server._host = given.host  # type: ignore[attr-defined]
        code, answer = server.connect(given.host, port)
        if code != _READY:
            server.close()
            raise smtplib.SMTPConnectError(code, answer)
        with server:
            if given.security == "starttls":
                server.starttls(context=self.trust)
            if given.user:
                server.login(given.user, self.password)
            yield server


def mail_message(settings: MailSettings, words: MailWords, delivery: str) -> EmailMessage:
    """The mail with its headers."""
    message = EmailMessage()
    message["Subject"] = words.subject
    message["From"] = Address(addr_spec=settings.sender)
    message["To"] = [Address(addr_spec=one) for one in settings.to]
    message["Date"] = formatdate()
    message["Message-ID"] = f"<{delivery}@{settings.sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message["Content-Language"] = "en" if settings.language == "english" else "id"
    message.set_content(words.body)
    return message


@contextmanager
def _deadline() -> Iterator[list[smtplib.SMTP]]:
    """End the connections of the servers in the list after a while, however they answer.

    The library limits each read, so a server that sends a byte now and then never ends.
    Raises Undelivered where this ended the attempt.
    """
    limited: list[smtplib.SMTP] = []
    is_over, has_ended = threading.Event(), threading.Event()

    def watch() -> None:
        pause = delivery_limits.MAIL_WHOLE_SECONDS
        while not is_over.wait(pause):  # again: the socket changes when TLS begins
            has_ended.set()
            pause = delivery_limits.MAIL_AGAIN_SECONDS
            for server in limited:
                _end(server)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield limited
    except (OSError, smtplib.SMTPException):
        if not has_ended.is_set():
            raise
        raise Undelivered("timeout: the mail server does not answer in time") from None
    finally:
        is_over.set()
        watcher.join()


def _end(server: smtplib.SMTP) -> None:
    """Shut a connection down below TLS, so that nothing more goes out, encrypted or not."""
    if server.sock is not None:
        with suppress(OSError):
            socket.socket.shutdown(server.sock, socket.SHUT_RDWR)


@contextmanager
def _explained() -> Iterator[None]:
    """Failures as codes: what servers say may quote addresses and accounts."""
    try:
        yield
    except ssl.SSLCertVerificationError:
        problem = "certificate: that of the mail server cannot be verified; see `ca_file`"
    except smtplib.SMTPAuthenticationError:
        problem = "credentials: the mail server does not admit the account; correct `password`"
    except smtplib.SMTPNotSupportedError:
        problem = "starttls: the mail server does not offer it; correct `security` or `port`"
    except smtplib.SMTPRecipientsRefused:
        problem = "recipients: the mail server refused every recipient; correct `to`"
    except smtplib.SMTPResponseException as error:
        problem = f"smtp_{error.smtp_code}: the mail server refused the mail; see its log"
    except (OSError, smtplib.SMTPException) as error:
        problem = f"{_SILENCE} ({type(error).__name__})"
    else:
        return
    raise Undelivered(problem)
