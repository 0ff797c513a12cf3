"""`audience user`: the accounts of the portal."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from anonymizer.model.errors import ConfigurationError, Fault
from cli.commands.common import (
    HomeOption,
    JsonOption,
    existing_home,
    parse_word,
    require_extra,
)
from cli.output import say
from pipelines.screen import Listing, show

if TYPE_CHECKING:
    from pathlib import Path

    from portal.account_store import AccountStore

user = typer.Typer(help="The accounts of the portal.", no_args_is_help=True)
LoginArgument = Annotated[str, typer.Argument(help="Login of the account, in small letters.")]
AskOption = Annotated[
    bool,
    typer.Option("--ask", help="Read the password instead of generating one."),
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(user, name="user")


@user.command("add")
def add_user(
    login: LoginArgument,
    role: Annotated[
        str, typer.Option(help="ad_ops, analyst, privacy_officer or data_engineer.")
    ] = "ad_ops",
    advertiser: Annotated[
        list[str] | None,
        typer.Option(help="Id of an advertiser that an ad_ops account reads; may be repeated."),
    ] = None,
    ask: AskOption = False,  # noqa: FBT002  Typer declares flags as boolean parameters
    home: HomeOption = None,
) -> None:
    """Add an account and print its password once."""
    store = _store(home)
    from portal.passwords import hashed  # noqa: PLC0415  an optional extra
    from portal.user_accounts import PORTAL_ROLES, UserAccount  # noqa: PLC0415  an optional extra

    chosen = parse_word("--role", role, PORTAL_ROLES)
    account = UserAccount(login, chosen or "ad_ops", tuple(advertiser or ()))
    if any(known.login == login for known in store.accounts()):
        remedy = "choose another, or remove it with: audience user remove"
        raise ConfigurationError([Fault("login", f"there is an account {login} already", remedy)])
    password = _password(ask=ask)
    store.add(account, hashed(password))
    say(f"Added {login}.")
    _print_once(password, ask=ask)


@user.command("list")
def list_users(
    home: HomeOption = None,
    as_json: JsonOption = False,  # noqa: FBT002  Typer declares flags as boolean parameters
) -> None:
    """List the accounts with their roles and advertisers."""
    rows = [
        (account.login, account.role, ", ".join(account.advertisers) or "every advertiser")
        for account in _store(home).accounts()
    ]
    show(Listing("Accounts", ("login", "role", "reads"), rows), as_json=as_json)


@user.command("remove")
def remove_user(login: LoginArgument, home: HomeOption = None) -> None:
    """Remove an account; its sessions end at once."""
    _store(home).remove(login)
    say(f"Removed {login}.")


@user.command("password")
def change_password(
    login: LoginArgument,
    ask: AskOption = False,  # noqa: FBT002  Typer declares flags as boolean parameters
    home: HomeOption = None,
) -> None:
    """Give an account a new password; its sessions end at once."""
    store = _store(home)
    from portal.passwords import hashed  # noqa: PLC0415  an optional extra

    password = _password(ask=ask)
    store.set_password(login, hashed(password))
    say(f"Changed the password of {login}; its sessions have ended.")
    _print_once(password, ask=ask)


def _store(home: "Path | None") -> "AccountStore":
    require_extra("portal", "argon2", "audience user")
    from portal.account_store import AccountStore  # noqa: PLC0415  an optional extra

    return AccountStore(existing_home(home).portal_accounts)


def _password(*, ask: bool) -> str:
    """A new password, or the one that is typed; from a pipe its first line."""
    from portal.passwords import MIN_LENGTH, new_password  # noqa: PLC0415  an optional extra

    if not ask:
        return new_password()
    if sys.stdin.isatty():
        typed = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        typed = sys.stdin.readline().rstrip("\r\n")
    if len(typed) < MIN_LENGTH:
        problem = f"it has {len(typed)} characters; the fewest are {MIN_LENGTH}"
        raise ConfigurationError([Fault("password", problem, "choose a longer one")])
    return str(typed)


def _print_once(password: str, *, ask: bool) -> None:
    if not ask:
        say(f"Password: {password}")
        say("It is not stored and cannot be shown again. Pass it on through a safe channel.")
