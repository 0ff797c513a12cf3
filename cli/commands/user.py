"""`audience user`: the accounts of the portal."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anonymizer.model.errors import AudienceError, ConfigurationError, Fault
from cli.commands.common import (
    HomeOption,
    JsonOption,
    existing_home,
    parse_word,
    require_extra,
)
from cli.output import say, warn
from cli.selection import alternatives
from pipelines.screen import Listing, show

if TYPE_CHECKING:
    from portal.access_log import Event
    from portal.account_store import AccountStore
    from portal.api_tokens import ApiToken

user = typer.Typer(help="The accounts of the portal.", no_args_is_help=True)
token = typer.Typer(help="Tokens for programs that read the API.", no_args_is_help=True)
user.add_typer(token, name="token")
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
    from cli.exported_figures import known_advertisers  # noqa: PLC0415  loads Arrow
    from portal.passwords import hashed  # noqa: PLC0415  an optional extra
    from portal.user_accounts import PORTAL_ROLES, UserAccount  # noqa: PLC0415  an optional extra

    chosen = parse_word("--role", role, PORTAL_ROLES)
    account = UserAccount(login, chosen or "ad_ops", tuple(advertiser or ()))
    if any(known.login == login for known in store.accounts()):
        remedy = "choose another, or remove it with: audience user remove"
        raise ConfigurationError([Fault("login", f"there is an account {login} already", remedy)])
    password = _password(ask=ask)
    store.add(account, hashed(password))
    known = known_advertisers(existing_home(home))
    for one in account.advertisers:
        if one not in {id_ for id_, _ in known}:
            warn(f"{one} has no export yet, so check the id: {alternatives(one, known)}.")
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
    """Remove an account; its sessions and API tokens end at once."""
    _store(home).remove(login)
    say(f"Removed {login}.")


@user.command("password")
def change_password(
    login: LoginArgument,
    ask: AskOption = False,  # noqa: FBT002  Typer declares flags as boolean parameters
    home: HomeOption = None,
) -> None:
    """Give an account a new password; its sessions and API tokens end at once."""
    store = _store(home)
    from portal.passwords import hashed  # noqa: PLC0415  an optional extra

    password = _password(ask=ask)
    store.set_password(login, hashed(password))
    say(f"Changed the password of {login}; its sessions and API tokens have ended.")
    _print_once(password, ask=ask)


@token.command("add")
def add_token(
    login: LoginArgument,
    name: Annotated[str, typer.Option(help="What the token is for, as lists show it.")] = "api",
    advertiser: Annotated[
        list[str] | None,
        typer.Option(help="Id of an advertiser to which the token is limited; may be repeated."),
    ] = None,
    days: Annotated[int, typer.Option(help="Days until it expires, at most 366.")] = 90,
    profile: Annotated[
        Path | None,
        typer.Option(help="New file for the profile of a Delta Sharing client, with the token."),
    ] = None,
    origin: Annotated[
        str, typer.Option(help="Address of the portal that the profile names.")
    ] = "http://127.0.0.1:8100",
    home: HomeOption = None,
) -> None:
    """Add an API token to an account and print it once, or write it into a profile."""
    store = _store(home)
    from portal.share_profile import require_new, write_profile  # noqa: PLC0415  an extra

    if profile is not None:
        require_new(profile, origin)
    added, written = store.tokens.add(login, name, days, tuple(advertiser or ()))
    try:
        _note("token_added", added, home)
        if profile is not None:
            write_profile(profile, origin, written, added.expires)
    except AudienceError:
        store.tokens.revoke(added.id)
        raise
    say(f"Added token {added.id} of {login}; it expires on {added.expires:%Y-%m-%d}.")
    say(f"{profile} has it, readable by you alone." if profile else f"Token: {written}")
    say("It is not stored and cannot be shown again. Pass it on through a safe channel.")


@token.command("list")
def list_tokens(
    home: HomeOption = None,
    as_json: JsonOption = False,  # noqa: FBT002  Typer declares flags as boolean parameters
) -> None:
    """List the API tokens with what they read, until when, and their last use."""
    rows = [
        (
            one.id,
            one.reader.login,
            one.name,
            ", ".join(one.reader.advertisers) or "every advertiser",
            f"{one.expires:%Y-%m-%d %H:%M}Z",
            f"{one.used:%Y-%m-%d %H:%M}Z" if one.used else "never",
        )
        for one in _store(home).tokens.all()
    ]
    columns = ("token", "login", "name", "reads", "expires", "used")
    show(Listing("API tokens", columns, rows), as_json=as_json)


@token.command("revoke")
def revoke_token(
    id_: Annotated[str, typer.Argument(metavar="TOKEN", help="Id of the token, as listed.")],
    home: HomeOption = None,
) -> None:
    """End an API token at once."""
    revoked = _store(home).tokens.revoke(id_)
    _note("token_revoked", revoked, home)
    say(f"Revoked token {revoked.id} of {revoked.reader.login}.")


def _note(event: "Event", token_: "ApiToken", home: Path | None) -> None:
    """Record in the access log what became of a token."""
    from portal.access_log import AccessLog  # noqa: PLC0415  an extra

    log = AccessLog(existing_home(home).portal_log)
    log.write(event, login=token_.reader.login, token=token_.id)


def _store(home: Path | None) -> "AccountStore":
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
