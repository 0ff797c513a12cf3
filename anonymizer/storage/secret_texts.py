"""Secrets that are kept outside the settings: in a variable, a private file, or with a command.

Settings name the place and never have the secret. What a command prints is read and never shown, on
either stream, and no error repeats what was read.
"""

import os
import shlex
import subprocess
from functools import cache
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from anonymizer.model.configuration import Settings
from anonymizer.model.errors import ConfigurationError, Fault
from anonymizer.storage import storage_limits
from anonymizer.storage.home import Home

_PRIVATE_MODE = 0o077
_SIGNS_OF_SECRETS = ("://", "@", "\n")


class CommandFailed(Exception):
    """A command printed no secret. The text says why, without what it printed."""


class SecretPlace(Settings):
    """Where a secret is: exactly one of a variable, a file of the home, and a command."""

    variable: str | None = Field(None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    file: str | None = Field(None, min_length=1)
    command: str | None = Field(None, min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _a_place(cls, given: object) -> object:
        if not isinstance(given, dict):
            raise ValueError(
                "a secret is never in this file; name its place: {file: ...}, {variable: ...} or "
                "{command: ...}"
            )
        return given

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if sum(one is not None for one in (self.variable, self.file, self.command)) != 1:
            raise ValueError("exactly one of variable, file and command says where the secret is")
        if self.file and any(sign in self.file for sign in _SIGNS_OF_SECRETS):
            raise ValueError(
                "file is the name of a file, without :// and @; if this is a secret, write it into "
                "a file that nobody else can read, and change it if others read this"
            )
        return self

    @property
    def description(self) -> str:
        """What it is called in messages. Of a command only that it is one: it may have a token."""
        return f"${self.variable}" if self.variable else self.file or "the command"


def read_secret(given: SecretPlace, home: Home, place: str) -> str:
    """The secret; files are named relative to the home. `place` is the setting, for faults.

    Raises ConfigurationError where it is not there or its file can be read by other accounts.
    """
    named = given.description
    if given.variable:
        text = os.environ.get(given.variable, "")
    elif given.file:
        text = private_text(home.root / given.file, place, named)
    else:
        try:
            text = printed_by(given.command or "")
        except CommandFailed as failure:
            problem = f"the command {failure}"
            raise _unfit(place, problem, "run it by hand to see why") from None
    if not text.strip():
        raise _unfit(place, f"{named} is not set or empty", "put the secret there")
    return text.strip()


def private_text(path: Path, place: str, named: str) -> str:
    """The text of a file that its owner alone can read. Raises ConfigurationError."""
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problem = f"{named} cannot be read ({type(error).__name__})"
        raise _unfit(place, problem, "correct the path; it is relative to the home") from None
    if mode & _PRIVATE_MODE:
        raise _unfit(place, f"{named} can be read by others", f"run: chmod 600 {named}")
    return text


@cache
def printed_by(command: str) -> str:
    """What the command prints, asked for once in a process. No shell reads it.

    Raises CommandFailed.
    """
    problem = ""
    try:
        done = subprocess.run(  # noqa: S603  it is the operator's own
            shlex.split(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=storage_limits.PATIENCE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        problem = f"did not end within {storage_limits.PATIENCE_SECONDS} seconds"
    except (OSError, ValueError, IndexError) as error:
        problem = f"cannot be started ({type(error).__name__})"
    else:
        if done.returncode:
            problem = f"ended with exit code {done.returncode}"
        elif len(done.stdout) > storage_limits.PRINTED_BYTES or not done.stdout.isascii():
            problem = "printed something other than a key"
    if problem:
        raise CommandFailed(problem)
    return done.stdout.decode("ascii")


def _unfit(place: str, problem: str, remedy: str) -> ConfigurationError:
    return ConfigurationError([Fault(place, problem, remedy)])
