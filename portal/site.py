"""One installation of the portal, and how it answers a request.

Every page but the one for signing in takes a session. Every form is accepted only from a page of
the portal itself, with the token of the session.
"""

import asyncio
import hashlib
import hmac
import secrets
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from urllib.parse import parse_qs, quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from anonymizer.exports.export_files import ExportFiles
from anonymizer.exports.language import Language, capitalised, grouped, worded
from anonymizer.exports.statements import period_in_words
from anonymizer.model.dimensions import Text
from anonymizer.model.errors import AudienceError
from anonymizer.model.periods import Period
from anonymizer.storage.home import Home
from portal import portal_limits
from portal.access_log import AccessLog, Event, Fact
from portal.account_store import AccountStore, Session
from portal.charts import bar
from portal.file_addresses import FileAddresses
from portal.file_sendings import FileSendings
from portal.identity_provider import IdentityProvider
from portal.portal_words import words_in
from portal.provider_identities import ProviderIdentities
from portal.published_tables import PublishedTables
from portal.request_limit import RequestLimit
from portal.segment_requests import SegmentRequests
from portal.sign_in import SignInLimits
from portal.user_accounts import PORTAL_ROLES, PortalRole

SESSION, FORM, DEVICE = "__Host-audience", "__Host-audience-form", "__Host-audience-device"
_OBJECT_PAGES = ("/figures/", "/certificates/")
_INDONESIAN = ("id", "in")  # codes of browsers


class NotFound(Exception):
    """What was asked for does not exist, or is not for who asks: the answer is the same."""


class FormTooLarge(Exception):
    """A form has more than any form of the portal."""


@dataclass(frozen=True)
class PageRequest:
    """A request with what is known of who sent it."""

    request: Request
    session: Session | None
    language: Language
    form: Mapping[str, str] = field(default_factory=dict)

    @property
    def signed_in(self) -> Session:
        """The session. Raises NotFound without one."""
        if self.session is None:
            raise NotFound
        return self.session

    @property
    def address(self) -> str:
        """Where the request comes from."""
        return self.request.client.host if self.request.client else ""

    @property
    def sender(self) -> str:
        """Whose request it is: a session's, else an address's."""
        if self.session is None:
            return f"address {self.address}"
        return f"session {self.session.form_token}"

    def asked(self, name: str) -> str:
        """A parameter of the address; empty without it."""
        return self.request.query_params.get(name, "")[:200]


Handler = Callable[["Site", PageRequest], Response]


@dataclass(frozen=True)
class Site:
    """What the portal serves: a published folder, with accounts and a log of its own.

    `origin` is where browsers find it, as `https://portal.example`; empty for this machine alone.
    """

    published: Home
    store: AccountStore
    log: AccessLog
    segment_requests: SegmentRequests
    origin: str = ""
    provider: IdentityProvider | None = None
    password_roles: Sequence[PortalRole] = PORTAL_ROLES
    limits: SignInLimits = field(default_factory=SignInLimits)
    requests: RequestLimit = field(default_factory=RequestLimit)
    file_requests: RequestLimit = field(
        default_factory=partial(RequestLimit, portal_limits.FILE_REQUESTS_PER_MINUTE)
    )
    addresses: FileAddresses = field(default_factory=FileAddresses)
    sendings: FileSendings = field(default_factory=FileSendings)

    @property
    def identities(self) -> ProviderIdentities:
        """Links of accounts with users of the provider."""
        return self.store.identities

    @cached_property
    def tables(self) -> PublishedTables:
        """Released figures."""
        return PublishedTables(self.published, self.files)

    @cached_property
    def files(self) -> ExportFiles:
        """Exported files."""
        return ExportFiles(self.published)

    @cached_property
    def _templates(self) -> Environment:
        return _templates()

    @cached_property
    def _form_key(self) -> bytes:
        """Of forms before there is a session; another one whenever the portal starts."""
        return secrets.token_bytes(32)

    # --- pages

    def page(
        self, template: str, asked: PageRequest, status: int = 200, **content: object
    ) -> Response:
        """A page in the language of who asks."""
        language = asked.language
        text = self._templates.get_template(template).render(
            t=words_in(language),
            language=language,
            code="id" if language == "indonesian" else "en",
            session=asked.session,
            say=lambda words: worded(words, language),
            say_first=lambda words: capitalised(worded(words, language)),
            number=lambda people: grouped(people, language),
            span=lambda period: _span(period, language),
            day=lambda day: _span(Period("day", day), language),
            **content,
        )
        return HTMLResponse(text, status)

    def message(self, asked: PageRequest, name: str, status: int, **content: object) -> Response:
        """A page that says one thing. It depends on nothing that was asked for."""
        return self.page("message.html", asked, status, name=name, **content)

    def note(self, event: Event, asked: PageRequest, **facts: Fact) -> None:
        """Record what someone did."""
        login = asked.session.account.login if asked.session else ""
        self.log.write(event, **{"login": login, "address": asked.address, **facts})

    def own_origin(self, asked: PageRequest) -> str:
        """Where the browser has found the portal: on this machine, unless a proxy is set."""
        return self.origin or f"http://{asked.request.headers.get('host', '')}"

    # --- forms before there is a session

    def form_token(self, cookie: str) -> str:
        """The token of a form that belongs to a cookie; only this process can make it."""
        return hmac.new(self._form_key, cookie.encode(), hashlib.sha256).hexdigest()

    def accepts_form(self, asked: PageRequest) -> bool:
        """Whether a form was sent from a page of the portal, with the token that it was given."""
        request, given = asked.request, asked.form.get("form_token", "")
        if request.headers.get("origin", "") != self.own_origin(asked):
            return False
        if asked.session:
            expected = asked.session.form_token
        else:
            cookie = request.cookies.get(FORM, "")
            expected = self.form_token(cookie) if cookie else ""
        return bool(expected) and hmac.compare_digest(given.encode(), expected.encode())

    # --- requests

    def request_of(self, request: Request, form: Mapping[str, str]) -> PageRequest:
        """Who sends a request, found by the session's token."""
        token = request.cookies.get(SESSION, "")
        session = self.store.find_session(token) if token else None
        return PageRequest(request, session, _language(request, session), form)

    def answer(
        self, handler: Handler, request: Request, form: Mapping[str, str], *, public: bool
    ) -> Response:
        """What a handler answers, or the page for what went wrong."""
        asked = PageRequest(request, None, "english", form)
        try:
            asked = self.request_of(request, form)
            return self._refused(asked, public=public) or handler(self, asked)
        except NotFound:
            self._note_not_found(asked)
            return self.message(asked, "not_found", 404)
        except AudienceError as error:
            self.note_fault(error)
            return self.message(asked, "unavailable", 503)
        except Exception as error:  # noqa: BLE001  its message may carry a value: only its type is kept
            self.note_fault(error)
            return self.message(asked, "fault", 500)

    def _note_not_found(self, asked: PageRequest) -> None:
        """Record that someone asked for a page that is not for them, or that there is not.

        Never which: an address may be anything. Files and programs have entries of their own.
        """
        if asked.session is None or not asked.request.url.path.startswith(_OBJECT_PAGES):
            return
        try:
            self.note("page_not_found", asked)
        except AudienceError as error:  # the answer reveals nothing, recorded or not
            self.note_fault(error)

    def _refused(self, asked: PageRequest, *, public: bool) -> Response | None:
        """The answer to a request that no handler gets; None for any other."""
        if wait := self.requests.seconds_to_wait(asked.sender):
            if self.requests.is_news(asked.sender):
                self.note("requests_limited", asked)
            response = self.message(asked, "too_many_requests", 429)
            response.headers["Retry-After"] = str(wait)
            return response
        if asked.session is None and not public:
            return _to_sign_in(asked.request)
        if asked.request.method == "POST" and not self.accepts_form(asked):
            self.note("form_refused", asked)
            return self.message(asked, "form_refused", 403)
        return None

    def note_fault(self, error: Exception) -> None:
        """Record the kind of a fault and where it happened, without its message."""
        frames = traceback.extract_tb(error.__traceback__)
        where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
        kind = type(error).__name__
        reason = getattr(error, "reason", "")
        try:
            self.log.write("fault", kind=kind, where=where, reason=str(reason))
        except AudienceError:  # nothing can be written: the page says that something is wrong
            return


def endpoint(
    site: Site, handler: Handler, *, public: bool = False, at_once: int = 0
) -> Callable[[Request], Awaitable[Response]]:
    """A handler as Starlette calls it. It runs in a thread: reading files waits for disks.

    At most `at_once` of its requests are answered at the same time, if it is given. The others
    wait without a thread, so that they keep nobody else from one.
    """
    turns = turns_of(at_once)

    async def called(request: Request) -> Response:
        try:
            form = await _read_form(request) if request.method == "POST" else {}
        except FormTooLarge:
            return Response(status_code=413)
        async with turns:
            return await run_in_threadpool(site.answer, handler, request, form, public=public)

    return called


def turns_of(at_once: int) -> AbstractAsyncContextManager[None]:
    """What lets so many requests in at the same time; all of them for 0."""
    return asyncio.Semaphore(at_once) if at_once else nullcontext()


def cookie(response: Response, name: str, value: str, seconds: int | None = None) -> None:
    """Set a cookie that scripts and other sites never see; an empty value removes it."""
    age = seconds if value else 0
    response.set_cookie(
        name, value, max_age=age, path="/", secure=True, httponly=True, samesite="lax"
    )


async def _read_form(request: Request) -> dict[str, str]:
    """The fields of a form, each with its last value."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > portal_limits.LARGEST_FORM:
            raise FormTooLarge
    try:
        fields = parse_qs(
            body.decode("utf-8", "replace"),
            keep_blank_values=True,
            max_num_fields=portal_limits.MOST_FIELDS,
        )
    except ValueError:
        raise FormTooLarge from None
    return {name: values[-1] for name, values in fields.items()}


def _to_sign_in(request: Request) -> Response:
    """To the page for signing in, which comes back here."""
    path = request.url.path if request.method in ("GET", "HEAD") else "/"
    return RedirectResponse(f"/sign-in?next={quote(path, safe='/')}", 303)


def _language(request: Request, session: Session | None) -> Language:
    """What the account or the address of the page says, else what the browser prefers."""
    wanted = (session.language if session else "") or request.query_params.get("language", "")
    if not wanted:
        wanted = request.headers.get("accept-language", "")
    first = wanted.strip().lower().partition(",")[0].partition("-")[0].partition(";")[0]
    return "indonesian" if first in _INDONESIAN else "english"


def _span(period: Period, language: Language) -> str:
    """A period in words, without its id."""
    return worded(period_in_words(period), language).partition(" (")[0]


def _templates() -> Environment:
    folder = Path(__file__).parent / "templates"
    found = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals |= {"bar": bar, "Text": Text, "Markup": Markup}
    return found
