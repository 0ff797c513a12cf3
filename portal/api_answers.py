"""How the API answers: the token is found, parameters are checked, and what goes wrong is a
problem (RFC 9457) that depends on nothing that was asked for.
"""

import hashlib
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from anonymizer.model.errors import AudienceError
from portal import portal_limits
from portal.access_log import Fact
from portal.api_tokens import ApiToken
from portal.request_limit import RequestLimit
from portal.site import NotFound, Site, turns_of
from portal.user_accounts import UserAccount

PROBLEM_TYPE = "application/problem+json"
_CACHED = {"Cache-Control": "private, no-cache", "Vary": "Authorization"}
_TAG = re.compile(r'(?:W/)?"[^"]*"')
_RANGE = re.compile(r"bytes=(?=\d|-\d)(\d{0,12})-(\d{0,12})")
_NOT_FOUND = "There is no such object, or it is not for this token."
_UNKNOWN_SENDER = "Send a valid token: Authorization: Bearer TOKEN"


class ApiProblem(Exception):
    """An answer that is an error: its status, what is wrong, and more members of the body."""

    def __init__(self, status: int, detail: str, **members: object) -> None:
        super().__init__(detail)
        self.status, self.detail, self.members = status, detail, members
        self.headers: dict[str, str] = {}


class BodyTooLarge(Exception):
    """A body has more than any request of the API."""


@dataclass(frozen=True)
class Parameter:
    """A parameter of an address, as it is checked and as the description states it.

    `words` are all that it can be; `most` makes it a whole number from `least`.
    """

    name: str
    about: str
    words: tuple[str, ...] = ()
    pattern: str = ""
    least: int = 0
    most: int = 0
    standard: int = 0

    @property
    def schema(self) -> dict[str, Any]:
        """As JSON Schema."""
        if self.most:
            limits = {"minimum": self.least, "maximum": self.most, "default": self.standard}
            return {"type": "integer", **limits}
        if self.words:
            return {"type": "string", "enum": list(self.words)}
        limits = {"minLength": 1, "maxLength": portal_limits.LONGEST_PARAMETER}
        return {"type": "string", **limits, **({"pattern": self.pattern} if self.pattern else {})}

    def problem(self, text: str) -> str:
        """What is wrong with a value, without repeating it; empty for one that can be."""
        if self.most:
            number = int(text) if re.fullmatch(r"[0-9]{1,9}", text) else -1
            return (
                ""
                if self.least <= number <= self.most
                else f"is not a whole number from {self.least} to {self.most}"
            )
        if self.words:
            return "" if text in self.words else f"is not one of {', '.join(self.words)}"
        if not 1 <= len(text) <= portal_limits.LONGEST_PARAMETER:
            return f"does not have 1 to {portal_limits.LONGEST_PARAMETER} characters"
        matches = not self.pattern or re.search(self.pattern, text)
        return "" if matches else f"does not match {self.pattern}"


@dataclass(frozen=True)
class ApiRequest:
    """A request with its token, checked parameters, and its body."""

    request: Request
    token: ApiToken
    parameters: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def reader(self) -> UserAccount:
        """Who reads."""
        return self.token.reader

    @property
    def address(self) -> str:
        """Where the request comes from."""
        return address_of(self.request)

    def part(self, name: str) -> str:
        """A part of the path."""
        return str(self.request.path_params[name])

    def number(self, parameter: Parameter) -> int:
        """A parameter that is a number."""
        return int(self.parameters.get(parameter.name, parameter.standard))


ApiHandler = Callable[[Site, ApiRequest], Response]
TokenFinder = Callable[[Site, Request], ApiToken]


def api_endpoint(
    site: Site,
    handler: ApiHandler,
    parameters: Sequence[Parameter] | None = None,
    token_of: TokenFinder | None = None,
    at_once: int = 0,
) -> Callable[[Request], Awaitable[Response]]:
    """A handler as Starlette calls it, in a thread. Without `parameters` none is looked at.

    `token_of` finds the token of a request where it is not in the header. At most `at_once`
    requests are answered at the same time, if it is given; the others wait without a thread.
    """
    turns = turns_of(at_once)
    guarded = _Guarded(site, handler, parameters, token_of or _token)

    async def called(request: Request) -> Response:
        try:
            body = await _read_body(request) if request.method == "POST" else b""
        except BodyTooLarge:
            body = None
        async with turns:
            return await run_in_threadpool(guarded.answer, request, body)

    return called


def open_endpoint(site: Site, response: Response) -> Callable[[Request], Response]:
    """An answer for anyone, within the limit of the address that asks."""

    def called(request: Request) -> Response:
        try:
            limit_requests(site, request, None, site.requests)
        except Exception as error:  # noqa: BLE001  as every answer of the API
            return _problem(site, None, error)
        return response

    return called


def json_answer(
    asked: ApiRequest, content: object, headers: Mapping[str, str] | None = None
) -> Response:
    """An answer with its tag; 304 where the reader has it, 412 where it wants another one."""
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    if shortened := conditional_answer(asked.request, tag):
        return shortened
    stated = {**_CACHED, "ETag": tag, **(headers or {})}
    return Response(body, media_type="application/json", headers=stated)


def conditional_answer(request: Request, tag: str) -> Response | None:
    """What the conditions of a request make of an answer with this tag; None to send it."""
    headers = request.headers
    wanted = headers.get("if-match")
    if wanted is not None and not _has(wanted, tag, weak=False):
        raise ApiProblem(412, "The object has another ETag.")
    known = headers.get("if-none-match")
    if known is not None and _has(known, tag, weak=True):
        return Response(status_code=304, headers={**_CACHED, "ETag": tag})
    return None


def part_answer(request: Request, content: bytes, media_type: str, tag: str) -> Response:
    """A file, or the part that `Range` names: one range of bytes; others are ignored."""
    headers = {**tagged(tag), "Accept-Ranges": "bytes"}
    wanted = _RANGE.fullmatch(request.headers.get("range", "").strip())
    if wanted is None or request.headers.get("if-range", tag) != tag:
        return Response(content, media_type=media_type, headers=headers)
    size, (first, last) = len(content), wanted.groups()
    begin = int(first) if first else max(0, size - int(last))
    end = min(int(last), size - 1) if first and last else size - 1
    if begin > end or begin >= size:
        problem = ApiProblem(416, "The file has no such part.")
        problem.headers["Content-Range"] = f"bytes */{size}"
        raise problem
    headers["Content-Range"] = f"bytes {begin}-{end}/{size}"
    return Response(content[begin : end + 1], 206, headers, media_type)


def tagged(tag: str) -> dict[str, str]:
    """The headers of an answer that a reader may keep and ask for again by its tag."""
    return {**_CACHED, "ETag": tag}


def problem_answer(problem: ApiProblem) -> Response:
    """A problem as it is sent."""
    body: dict[str, object] = {
        "type": "about:blank",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
        **problem.members,
    }
    content = json.dumps(body, ensure_ascii=False).encode()
    return Response(content, problem.status, problem.headers, PROBLEM_TYPE)


def note(site: Site, asked: ApiRequest, status: int) -> None:
    """Record a request that came with a token: what it named, and how it is answered.

    What it named is left out where there was no such thing: it can be a token or an address of
    e-mail in the wrong place.
    """
    route = asked.request.scope.get("route")
    stated: dict[str, Fact] = {
        "login": asked.reader.login,
        "address": asked.address,
        "token": asked.token.id,
        "route": str(getattr(route, "name", "")) or "unknown",
        "status": status,
    }
    named: dict[str, Fact] = {}
    if status < HTTPStatus.BAD_REQUEST:
        parts = asked.request.path_params.items()
        named = {("file" if name == "name" else name): str(part) for name, part in parts}
    site.log.write("api_read", **named | stated)


def address_of(request: Request) -> str:
    """Where a request comes from."""
    return request.client.host if request.client else ""


def limit_requests(
    site: Site, request: Request, token: ApiToken | None, limit: RequestLimit
) -> None:
    """Raise ApiProblem beyond the limit of a token, or of an address without one.

    The log has the first refusal in a minute.
    """
    sender = f"token {token.id}" if token else f"address {address_of(request)}"
    if wait := limit.seconds_to_wait(sender):
        if limit.is_news(sender):
            who = {"login": token.reader.login, "token": token.id} if token else {"login": ""}
            site.log.write("requests_limited", **who, address=address_of(request))
        problem = ApiProblem(429, "Too many requests. Wait as long as Retry-After says.")
        problem.headers["Retry-After"] = str(wait)
        raise problem


def note_refused(site: Site, request: Request) -> None:
    """Record a request without a valid token or signature."""
    site.log.write("token_refused", login="", address=address_of(request))


def not_found() -> ApiProblem:
    """The one answer for what does not exist and for what is not for who asks."""
    return ApiProblem(404, _NOT_FOUND)


@dataclass(frozen=True)
class _Guarded:
    """A handler with what is checked before it and recorded after it."""

    site: Site
    handler: ApiHandler
    parameters: Sequence[Parameter] | None
    token_of: TokenFinder

    def answer(self, request: Request, body: bytes | None) -> Response:
        """What the handler answers, recorded before it is sent, or the problem.

        Without a `body` the request has one that is too large.
        """
        asked = None
        try:
            token = self.token_of(self.site, request)
            asked = ApiRequest(request, token)
            if body is None:
                raise ApiProblem(413, f"The body has more than {portal_limits.LARGEST_BODY} bytes.")
            known = self.parameters
            checked = {} if known is None else _checked(request, known)
            response = self.handler(self.site, ApiRequest(request, token, checked, body))
            note(self.site, asked, response.status_code)
            return response
        except Exception as error:  # noqa: BLE001  its message may carry a value: only its type is kept
            return _problem(self.site, asked, error)


def _problem(site: Site, asked: ApiRequest | None, error: Exception) -> Response:
    if isinstance(error, NotFound):
        error = not_found()
    if not isinstance(error, ApiProblem):
        site.note_fault(error)
        expected = isinstance(error, AudienceError)
        detail = "The published files cannot be read now." if expected else "This is a fault."
        error = ApiProblem(503 if expected else 500, detail)
    if asked is not None:
        try:
            note(site, asked, error.status)
        except AudienceError:  # nothing is sent that was not recorded
            return problem_answer(ApiProblem(503, "The request cannot be recorded now."))
    return problem_answer(error)


def _token(site: Site, request: Request) -> ApiToken:
    """The token of a request. Raises ApiProblem without a valid one, and beyond the limit."""
    scheme, _, written = request.headers.get("authorization", "").partition(" ")
    bearer = scheme.lower() == "bearer"
    token = site.store.tokens.find(written.strip()) if bearer else None
    limit_requests(site, request, token, site.requests)
    if token is None:
        note_refused(site, request)
        problem = ApiProblem(401, _UNKNOWN_SENDER)
        problem.headers["WWW-Authenticate"] = 'Bearer realm="audience"'
        raise problem
    return token


def _checked(request: Request, parameters: Sequence[Parameter]) -> dict[str, str]:
    """The parameters of the address. Raises ApiProblem with the mistakes in them, each once."""
    known = {one.name: one for one in parameters}
    found: dict[str, str] = {}
    mistakes: dict[str, dict[str, str]] = {}
    for name, text in request.query_params.multi_items():
        if name not in known:
            names = ", ".join(known) or "none"
            mistakes[""] = {"detail": f"A parameter is unknown. Known ones: {names}."}
        elif name in found:
            mistakes[name] = {"parameter": name, "detail": f"{name} is given twice."}
        elif problem := known[name].problem(text):
            mistakes[name] = {"parameter": name, "detail": f"{name} {problem}."}
        found[name] = text
    if mistakes:
        raise ApiProblem(400, "The parameters are not valid.", errors=list(mistakes.values()))
    return found


def _has(condition: str, tag: str, *, weak: bool) -> bool:
    """Whether a list of tags has one, or is `*`."""
    if condition.strip() == "*":
        return True
    tags = _TAG.findall(condition)
    return tag in ([one.removeprefix("W/") for one in tags] if weak else tags)


async def _read_body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > portal_limits.LARGEST_BODY:
            raise BodyTooLarge
    return body
