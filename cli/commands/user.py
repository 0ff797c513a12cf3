"""`audience user`: the accounts of the portal."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anonymizer.model.alternatives import alternatives
from anonymizer.model.errors import AudienceError, ConfigurationError, Fault
from anonymizer.storage.home import Home
from cli.commands.common import (
    HomeOption,
    JsonOption,
    existing_home,
    parse_word,
    require_extra,
)
from cli.output import say, warn
from pipelines.messages.screen import Listing, show

if TYPE_CHECKING:
    from portal.access_log import Event
    from portal.account_store import AccountStore
    from portal.api_tokens import ApiToken
    from portal.user_accounts import UserAccount

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
    oidc_subject: Annotated[
        str | None,
        typer.Option(help="The user of the provider of sign_in.yaml (claim sub) who signs in."),
    ] = None,
    no_password: Annotated[  # noqa: FBT002  Typer declares flags as boolean parameters
        bool,
        typer.Option("--no-password", help="Sign in with the provider alone."),
    ] = False,
    home: HomeOption = None,
) -> None:
    """Add an account and print its password once."""
    store = _store(home)
    issuer = _issuer(home) if oidc_subject is not None or no_password else ""
    if ask and no_password:
        raise ConfigurationError([Fault("--no-password", "--ask is given too", "use one of them")])
    from portal.passwords import hashed  # noqa: PLC0415  an optional extra
    from portal.user_accounts import PORTAL_ROLES, UserAccount  # noqa: PLC0415  an optional extra

    chosen = parse_word("--role", role, PORTAL_ROLES)
    account = UserAccount(login, chosen or "ad_ops", tuple(advertiser or ()))
    if any(known.login == login for known in store.accounts()):
        remedy = "choose another, or remove it with: audience user remove"
        raise ConfigurationError([Fault("login", f"there is an account {login} already", remedy)])
    password = None if no_password else _password(account, ask=ask)
    store.add(account, "" if password is None else hashed(password))
    if oidc_subject is not None:
        try:
            store.identities.link(login, issuer, oidc_subject)
        except AudienceError:
            store.remove(login)
            raise
    _doubt_advertisers(account.advertisers, existing_home(home))
    say(f"Added {login}.")
    if password is not None:
        _print_once(password, ask=ask)


def _doubt_advertisers(advertisers: Sequence[str], home: Home) -> None:
    """Warn of ids that no export has: of an advertiser to come, or mistyped."""
    from cli.exported_figures import known_advertisers  # noqa: PLC0415  loads Arrow

    known = known_advertisers(home)
    for one in advertisers:
        if one not in {id_ for id_, _ in known}:
            warn(f"{one} has no export yet, so check the id: {alternatives(one, known)}.")


@user.command("list")
def list_users(
    home: HomeOption = None,
    as_json: JsonOption = False,  # noqa: FBT002  Typer declares flags as boolean parameters
) -> None:
    """List the accounts with their roles and advertisers."""
    store = _store(home)
    linked = store.identities.linked() if store.exists else frozenset()
    rows = [
        (
            account.login,
            account.role,
            ", ".join(account.advertisers) or "every advertiser",
            "yes" if store.password_of(account.login) else "no",
            "linked" if account.login in linked else "",
        )
        for account in store.accounts()
    ]
    columns = ("login", "role", "reads", "password", "provider")
    show(Listing("Accounts", columns, rows), as_json=as_json)


@user.command("link")
def link_user(
    login: LoginArgument,
    oidc_subject: Annotated[
        str, typer.Argument(metavar="SUBJECT", help="The claim sub of the user of the provider.")
    ],
    home: HomeOption = None,
) -> None:
    """Let a user of the provider of sign_in.yaml sign in to an account."""
    _store(home).identities.link(login, _issuer(home), oidc_subject)
    say(f"Linked {login} with a user of the provider.")


@user.command("unlink")
def unlink_user(login: LoginArgument, home: HomeOption = None) -> None:
    """End the link of an account with a provider's user; sessions and API tokens end at once."""
    _store(home).identities.unlink(login)
    say(f"Ended the link of {login}; its sessions and API tokens have ended.")


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
    from portal.user_accounts import UserAccount  # noqa: PLC0415  an optional extra

    account = next(
        (one for one in store.accounts() if one.login == login), UserAccount(login, "analyst")
    )
    password = _password(account, ask=ask)
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


def _issuer(home: Path | None) -> str:
    """The provider of the home. Raises ConfigurationError where none is set."""
    from portal.sign_in_settings import load_sign_in_settings  # noqa: PLC0415  an optional extra

    provider = load_sign_in_settings(existing_home(home)).provider
    if provider is None:
        problem, remedy = "no provider is set", "describe one first: docs/portal.md"
        raise ConfigurationError([Fault("sign_in.yaml", problem, remedy)])
    return provider.issuer


def _password(account: "UserAccount", *, ask: bool) -> str:
    """A new password, or the one that is typed; from a pipe its first line."""
    from portal.passwords import (  # noqa: PLC0415  an optional extra
        MAX_LENGTH,
        MIN_LENGTH,
        new_password,
        weakness,
    )

    if not ask:
        return new_password()
    if sys.stdin.isatty():
        typed = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        typed = sys.stdin.readline().rstrip("\r\n")
    problems = {
        "too_short": f"it has {len(typed)} characters; the fewest are {MIN_LENGTH}",
        "too_long": f"it has {len(typed):,} characters; the most are {MAX_LENGTH:,}",
        "guessable": "it is known from leaks, or made of words that are guessed first",
    }
    if wrong := weakness(str(typed), [account.login, *account.advertisers]):
        raise ConfigurationError([Fault("password", problems[wrong], "choose another one")])
    return str(typed)


def _print_once(password: str, *, ask: bool) -> None:
    if not ask:
        say(f"Password: {password}")
        say("It is not stored and cannot be shown again. Pass it on through a safe channel.")
