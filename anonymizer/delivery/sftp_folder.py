"""Files on an SFTP server, whose host key is pinned.

A file is written under a temporary name and renamed when all of it is there, so that nobody reads
half of one. What a broken connection leaves has the temporary name. The next attempt writes over
it, and what removes a file removes it, too.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from anonymizer.delivery import delivery_limits
from anonymizer.delivery.delivery_settings import SftpSettings
from anonymizer.delivery.file_plan import FilePlan
from anonymizer.delivery.undelivered import Undelivered

if TYPE_CHECKING:
    from asyncssh import SFTPClient, SSHKey

_NO_SPACE = "no_space: the SFTP server has no room left; let its owner free some"
_ANSWERS = {
    "HostKeyNotVerifiable": (
        "host_key: the server has another key than `host_keys`; ask its owner whether the key was "
        "changed before you change it here"
    ),
    "PermissionDenied": (
        "credentials: the server does not admit the account; correct it, or its key or password"
    ),
    "SFTPNoSpaceOnFilesystem": _NO_SPACE,
    "SFTPQuotaExceeded": _NO_SPACE,
    "SFTPPermissionDenied": (
        "permission: the account may not write there; correct `folder` or its rights"
    ),
    "SFTPConnectionLost": "unreachable: the connection to the SFTP server broke off",
    "SFTPFailure": "sftp_failure: the server could not write a file; its disk may be full",
}


@dataclass(frozen=True)
class SftpFolder:
    """An account of a server; `credential` is a private key or a password."""

    settings: SftpSettings
    credential: str = field(repr=False)

    def carry_out(self, plan: FilePlan) -> None:
        """Put and remove files. Raises Undelivered where the server does not do all of it."""
        import asyncssh  # noqa: PLC0415  an extra

        try:
            asyncio.run(asyncio.wait_for(self._carry_out(plan), delivery_limits.SFTP_WHOLE_SECONDS))
        except (OSError, TimeoutError, asyncssh.Error) as error:
            problem = _explained(error)
        else:
            return
        raise Undelivered(problem)

    async def _carry_out(self, plan: FilePlan) -> None:
        async with self._session() as sftp:
            await sftp.makedirs(plan.folder, exist_ok=True)
            for name, content in plan.put.items():
                await _put(sftp, plan.folder, name, content)
            for name in plan.remove:
                await _remove(sftp, f"{plan.folder}/{name}")
                await _remove(sftp, _temporary(plan.folder, name))

    @asynccontextmanager
    async def _session(self) -> "AsyncIterator[SFTPClient]":
        import asyncssh  # noqa: PLC0415  an extra

        logging.getLogger("asyncssh").setLevel(logging.WARNING)  # it logs accounts
        given = self.settings
        keys = [_host_key(key) for key in given.host_keys]
        async with (
            asyncssh.connect(
                given.host,
                given.port,
                config=(),  # nothing of ~/.ssh
                known_hosts=(keys, [], []),
                username=given.user,
                client_keys=[_private_key(self.credential)] if given.key else (),
                password=None if given.key else self.credential,
                agent_path=None,
                connect_timeout=delivery_limits.SFTP_CONNECT_SECONDS,
                login_timeout=delivery_limits.SFTP_CONNECT_SECONDS,
                keepalive_interval=delivery_limits.SFTP_SILENT_SECONDS,
            ) as connection,
            connection.start_sftp_client() as sftp,
        ):
            yield sftp


async def _put(sftp: "SFTPClient", folder: str, name: str, content: bytes) -> None:
    """Write a file beside its place, and rename it once the server has all of it."""
    temporary, target = _temporary(folder, name), f"{folder}/{name}"
    async with sftp.open(temporary, "wb") as file:
        await file.write(content)
    if (await sftp.stat(temporary)).size != len(content):
        raise Undelivered("incomplete: the server has not the whole of a file; see its log")
    await _rename(sftp, temporary, target)


def _temporary(folder: str, name: str) -> str:
    return f"{folder}/.{name}.part"


async def _rename(sftp: "SFTPClient", temporary: str, target: str) -> None:
    """In one step where the server can; else what is there goes first, and comes at once."""
    import asyncssh  # noqa: PLC0415  an extra

    try:
        await sftp.posix_rename(temporary, target)
    except asyncssh.SFTPOpUnsupported:
        await _remove(sftp, target)
        await sftp.rename(temporary, target)


async def _remove(sftp: "SFTPClient", path: str) -> None:
    """Remove a file; one that the owner of the server has moved away is no fault."""
    import asyncssh  # noqa: PLC0415  an extra

    try:
        await sftp.remove(path)
    except asyncssh.SFTPNoSuchFile:
        return


def _explained(error: Exception) -> str:
    """A failure as a code, without what the server said."""
    kind = type(error).__name__
    unreachable = f"unreachable: the SFTP server cannot be reached ({kind})"
    if kind.startswith("SFTP"):
        return _ANSWERS.get(kind, f"sftp: the server refused a file ({kind})")
    return _ANSWERS.get(kind, unreachable)


def _host_key(text: str) -> "SSHKey":
    import asyncssh  # noqa: PLC0415  an extra

    try:
        return asyncssh.import_public_key(text)
    except asyncssh.KeyImportError:
        problem = "host_keys: this is not a public key; give it as ssh-keyscan prints it"
    raise Undelivered(problem)


def _private_key(text: str) -> "SSHKey":
    import asyncssh  # noqa: PLC0415  an extra

    try:
        return asyncssh.import_private_key(f"{text}\n")
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError):
        problem = "key: this is not a private key without a passphrase, as ssh-keygen writes it"
    raise Undelivered(problem)
