"""Messages of the IAB Tech Lab's Data Deletion Request Framework become requests for erasure.

A message (rqJWT) is signed by its requester and carries a token of the first party to whom the
person spoke (idJWT in version 1.0, orJWT in 2.0), with a signature of its own. Nobody is erased by
a message that somebody made up, and none that is real is lost:

    both signatures valid, and it says what it has to      an erasure is filed
    both valid, but expired, with a hash of nobody, ...    `unconfirmed`: its person counts in no
                                                           release until somebody decides; without
                                                           a user id every release is held
    a signature not valid                                  `unverified`: nothing happens to the
                                                           person; every release is held until
                                                           somebody decides, or it is only listed

A message is judged once, when it is received: what is filed in `raw/requests` stays, so that an
erasure does not end with the validity of its message. No value of a message is ever shown.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from string import hexdigits
from typing import Any, Literal

from anonymizer.intake.normalisation import BLANKS
from anonymizer.intake.objections import RowPlace
from anonymizer.intake.person_search import canonical_user, written_users
from anonymizer.model.errors import ConfigurationError, Fault, why_unreadable
from anonymizer.model.policy import IntakeLimits, Policy
from anonymizer.sources.file_layout import is_working_file
from anonymizer.sources.source_settings import DeletionSettings, IssuerSettings
from anonymizer.sources.source_zone import source_root
from anonymizer.storage.files import write_bytes
from anonymizer.storage.home import Home

Outcome = Literal["filed", "already filed", "unconfirmed", "unverified", "not read"]
# What no claim may lead to; a message that does is held, and those after it are read.
_MESSAGE_FAULTS = (
    *(ValueError, TypeError, LookupError, ArithmeticError),
    *(AttributeError, RecursionError),
)
_UNCONFIRMED_KIND = "erase_unconfirmed"  # no word of the contract, so the row is unread
_VERSIONS = ("1.0", "2.0")
_ORIGINS = ("idJWT", "orJWT")
_PLACE = "sources.yaml deletions"
_LEEWAY = timedelta(minutes=5)  # clocks differ
_LONGEST = 100_000  # characters of a message
_SMALLEST_RSA = 2_048
_PRIVATE_PARTS = frozenset({"d", "p", "q", "k"})
# Which key an algorithm needs: its type and curve. What is not here is never accepted.
_KEYS = {
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "EdDSA": ("OKP", "Ed25519"),
    **dict.fromkeys(("PS256", "PS384", "PS512", "RS256", "RS384", "RS512"), ("RSA", None)),
}


@dataclass(frozen=True)
class ReceivedMessage:
    """What became of a message: where it is, and as which request it was filed, if it was.

    `undecided`: somebody still has to decide about it. A file or folder that was not read is
    listed like a message.
    """

    place: str
    outcome: Outcome
    reason: str = ""
    request: str = ""
    undecided: bool = False


@dataclass(frozen=True)
class DeletionInbox:
    """Who may send messages, by which keys. `now` is when they are received.

    `decided` are the rows of `raw/requests` about which somebody has decided.
    """

    home: Home
    settings: DeletionSettings
    keys: Mapping[str, tuple[Mapping[str, Any], ...]] = field(repr=False)
    now: datetime
    decided: Set[RowPlace] = frozenset()

    @classmethod
    def open(
        cls,
        home: Home,
        settings: DeletionSettings | None,
        now: datetime,
        decided: Set[RowPlace] = frozenset(),
    ) -> "DeletionInbox":
        """With the keys of all issuers. Raises ConfigurationError with everything that is wrong."""
        if settings is None:
            remedy = "describe who may send messages; docs/operations.md has an example"
            raise ConfigurationError([Fault(_PLACE, "the section is missing", remedy)])
        faults: list[Fault] = []
        keys = {
            issuer: tuple(_read_keys(home, issuer, given, faults))
            for issuer, given in settings.issuers.items()
        }
        if faults:
            raise ConfigurationError(faults)
        return cls(home, settings, keys, now, decided)

    def receive(self, paths: Sequence[Path]) -> tuple[ReceivedMessage, ...]:
        """File the messages in these files and folders: one a line. Lists what was not read.

        Raises ConfigurationError for a file that cannot be read, before anything is filed; NoSpace.
        """
        files, passed_over = _files(paths)
        if any(each.hash for each in self.settings.identifiers):
            _ = self._hashed  # a raw zone that cannot be read stops before anything is filed
        messages = [
            (f"{path}:{number}", text) for path in files for number, text in _messages(path)
        ]
        filed = [self._file(place, text) for place, text in messages]
        return (
            *filed,
            *(ReceivedMessage(str(path), "not read", reason) for path, reason in passed_over),
        )

    def _file(self, place: str, text: str) -> ReceivedMessage:
        waiting = self._path(f"unverified-{_digest(text)}")
        try:
            request = self._verified(text)
        except _UnverifiedError as error:
            if self.settings.unverified == "list":
                return ReceivedMessage(place, "unverified", error.reason, undecided=True)
            known = waiting.exists()
            if not known:
                self._write(waiting, None, "erase", self.now)
            return self._held(
                place, "already filed" if known else "unverified", error.reason, waiting
            )
        try:
            filed = self._file_authentic(place, text, request)
        except _MESSAGE_FAULTS:
            filed = self._file_unconfirmed(place, self._path(_digest(text)), None, "claims")
        waiting.unlink(missing_ok=True)  # it could not be verified before
        return filed

    def _file_authentic(self, place: str, text: str, request: "_SignedRequest") -> ReceivedMessage:
        """File what a partner says. Sent again it has the same id and subject, if other bytes."""
        name, path = self._named(text, request)
        if _filed(path).get("kind") == "erase":
            return ReceivedMessage(place, "already filed", "", path.name)
        user, reason = self._user(request.claims)
        others = [other for other in path.parent.glob(f"deletion-{name}-*") if other != path]
        reason = self._flaw(request) or ("jti_reused" if others else "") or reason
        at = _moment(request.claims.get("iat")) or self.now
        if reason:
            return self._file_unconfirmed(place, path, user, reason, at)
        self._write(path, user, "erase", at)
        return ReceivedMessage(place, "filed", "", path.name)

    def _named(self, text: str, request: "_SignedRequest") -> tuple[str, Path]:
        """The name of a message's id, and its path. Two messages without one are two."""
        name = _digest(f"{request.issuer}\n{_identity(request.claims) or text}")
        subject = request.claims.get("sub")
        named = json.dumps(subject, sort_keys=True) if _has_identifier(subject) else text
        return name, self._path(f"{name}-{_digest(named)}")

    def _file_unconfirmed(
        self, place: str, path: Path, user: str | None, reason: str, at: datetime | None = None
    ) -> ReceivedMessage:
        """File a row that nobody can read. One that says the same stays as it was decided about."""
        before = _filed(path)
        if (before.get("kind"), before.get("user_id")) != (_UNCONFIRMED_KIND, user):
            self._write(path, user, _UNCONFIRMED_KIND, at or self.now)
        return self._held(place, "already filed" if before else "unconfirmed", reason, path)

    def _held(self, place: str, outcome: Outcome, reason: str, path: Path) -> ReceivedMessage:
        """What waits for a decision, unless there is one about the file as it is."""
        row = RowPlace(hashlib.sha256(path.read_bytes()).hexdigest(), 1)
        return ReceivedMessage(place, outcome, reason, path.name, row not in self.decided)

    def _path(self, name: str) -> Path:
        return self.home.raw / "requests" / f"deletion-{name}.jsonl"

    def _write(self, path: Path, user: str | None, kind: str, at: datetime) -> None:
        row = {
            "request_id": path.stem,
            "user_id": user,
            "kind": kind,
            "requested_at": at.isoformat(),
        }
        write_bytes((json.dumps(row, ensure_ascii=False) + "\n").encode(), path)

    def _verified(self, text: str) -> "_SignedRequest":
        """Its claims, and those of the first party. Raises _UnverifiedError."""
        try:
            return self._authentic(text)
        except _MESSAGE_FAULTS:
            raise _UnverifiedError("not_a_token") from None

    def _authentic(self, text: str) -> "_SignedRequest":
        claims = self._claims(text)
        embedded = [claims[name] for name in _ORIGINS if name in claims]
        if len(embedded) != 1 or not isinstance(embedded[0], str):
            raise _UnverifiedError("no_origin")
        try:
            origin = self._claims(embedded[0])
        except _UnverifiedError as error:
            raise _UnverifiedError(f"origin_{error.reason}") from None
        return _SignedRequest(str(claims["iss"]), claims, origin)

    def _claims(self, text: str) -> Mapping[str, Any]:
        """The claims of a token whose signature is valid, whatever they say."""
        import jwt  # noqa: PLC0415  an extra

        if len(text) > _LONGEST:
            raise _UnverifiedError("too_long")
        try:
            header = jwt.get_unverified_header(text)
            issuer = jwt.decode(text, options={"verify_signature": False}).get("iss")
        except (jwt.PyJWTError, ValueError, RecursionError):
            raise _UnverifiedError("not_a_token") from None
        if not isinstance(issuer, str) or issuer not in self.settings.issuers:
            raise _UnverifiedError("unknown_issuer")
        algorithm = header.get("alg")
        if algorithm not in self.settings.issuers[issuer].algorithms:
            raise _UnverifiedError("algorithm")
        fitting = [key for key in self.keys[issuer] if _fits(key, algorithm, header.get("kid"))]
        if not fitting:
            raise _UnverifiedError("unknown_key")
        for key in fitting:
            try:
                public = jwt.PyJWK(dict(key), algorithm=algorithm).key
                verified: Mapping[str, Any] = jwt.decode(
                    text, public, algorithms=[algorithm], options=_SIGNATURE_ALONE
                )
            except (jwt.PyJWTError, ValueError, TypeError):
                continue
            return verified
        raise _UnverifiedError("signature")

    def _flaw(self, request: "_SignedRequest") -> str:
        """What an authentic message does not say as it has to; empty when it does."""
        for claims, prefix in ((request.claims, ""), (request.origin, "origin_")):
            if reason := self._untimely(claims):
                return prefix + reason
            if claims.get("version") not in _VERSIONS:
                return f"{prefix}version"
            if not _identity(claims):
                return f"{prefix}jti"
        return self._misdirected(request.claims)

    def _untimely(self, claims: Mapping[str, Any]) -> str:
        issued = _moment(claims.get("iat"))
        if issued is None or issued > self.now + _LEEWAY:
            return "issued_at"
        if issued < self.now - timedelta(days=self.settings.valid_days):
            return "expired"
        for name, early in (("exp", "expired"), ("nbf", "not_yet_valid")):
            if name not in claims:
                continue
            moment = _moment(claims[name])
            late = moment is not None and name == "exp" and moment <= self.now - _LEEWAY
            soon = moment is not None and name == "nbf" and moment > self.now + _LEEWAY
            if moment is None or late or soon:
                return early
        return ""

    def _misdirected(self, claims: Mapping[str, Any]) -> str:
        """The framework names no audience; where a message does, it has to be this one."""
        named = claims.get("aud", [])
        audiences = named if isinstance(named, list) else [named]
        if not audiences and not self.settings.require_audience:
            return ""
        return "" if self.settings.audience in audiences else "audience"

    def _user(self, claims: Mapping[str, Any]) -> tuple[str | None, str]:
        """The user id, or the reason why there is none."""
        try:
            subject = _subject(claims.get("sub"))
        except (ValueError, RecursionError):
            return None, "identifier"
        if not isinstance(subject, Mapping):
            return None, "identifier"
        kind = tuple(str(subject.get(f"identifier{part}", "")) for part in ("Type", "Format"))
        fitting = [each for each in self.settings.identifiers if (each.type, each.format) == kind]
        if not fitting:
            return None, "identifier_type"
        value = subject.get("identifierValue")
        if functions := {each.hash for each in fitting if each.hash}:
            return self._hashed_user(value, functions)
        try:
            canonical_user(value if isinstance(value, str) else "")
            str(value).encode()
        except (ConfigurationError, UnicodeEncodeError):
            return None, "identifier"
        return str(value).strip(BLANKS), ""

    def _hashed_user(self, value: object, functions: Set[str]) -> tuple[str | None, str]:
        """The one user id with this digest. Without one the message waits for somebody."""
        digest = value.strip(BLANKS).lower() if isinstance(value, str) else ""
        sizes = {2 * hashlib.new(name).digest_size for name in functions}
        if len(digest) not in sizes or set(digest) - set(hexdigits):
            return None, "identifier"
        users = {user for name in functions for user in self._hashed[name].get(digest, ())}
        if len(users) > 1:
            return None, "hash_ambiguous"
        return (users.pop(), "") if users else (None, "hash_unmatched")

    @cached_property
    def _hashed(self) -> Mapping[str, Mapping[str, frozenset[str]]]:
        """By function and digest the user ids of all profiles, in memory alone.

        An id counts in its one form and as it is written: a sender knows the one or the other.
        """
        limits = Policy.load(self.home.policy).intake if self.home.policy.exists() else None
        raw = source_root(self.home)
        written = written_users(raw, "profiles", limits or IntakeLimits())
        found: dict[str, dict[str, frozenset[str]]] = {}
        for name in {each.hash for each in self.settings.identifiers if each.hash}:
            of_name = found.setdefault(name, {})
            for user in written.values():
                of_name.setdefault(_hex(name, user), frozenset((user,)))
            for text, user in written.items():
                digest = _hex(name, text)
                of_name[digest] = of_name.get(digest, frozenset()) | {user}
        return found


_SIGNATURE_ALONE: Any = {
    f"verify_{claim}": False for claim in ("exp", "nbf", "iat", "aud", "iss", "sub", "jti")
}


@dataclass(frozen=True)
class _SignedRequest:
    """The claims of a message and of the token of its first party; both are authentic."""

    issuer: str
    claims: Mapping[str, Any] = field(repr=False)
    origin: Mapping[str, Any] = field(repr=False)


class _UnverifiedError(Exception):
    """Nobody is known to have signed this message."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def _hex(name: str, text: str) -> str:
    """The digest of a text, as a message has it."""
    return hashlib.new(name, text.encode(), usedforsecurity=False).hexdigest()


def _digest(text: str) -> str:
    """Of any text that JSON can have, half a character (a lone surrogate) included."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _identity(claims: Mapping[str, Any]) -> str:
    """The id that a sender gave to a message; empty if there is none."""
    given = claims.get("jti")
    return given if isinstance(given, str) and given.strip() else ""


def _subject(claim: object) -> object:
    """What `sub` says; version 1.0 has it as JSON in a text. Raises ValueError, RecursionError."""
    return json.loads(claim) if isinstance(claim, str) else claim


def _has_identifier(claim: object) -> bool:
    """Whether a `sub` has the value of an identifier."""
    try:
        subject = _subject(claim)
    except (ValueError, RecursionError):
        return False
    value = subject.get("identifierValue") if isinstance(subject, Mapping) else None
    return isinstance(value, str) and bool(value.strip())


def _moment(value: object) -> datetime | None:
    """A NumericDate of a claim."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def _filed(path: Path) -> Mapping[str, Any]:
    """The request in a file; empty before it was filed."""
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, RecursionError):
        return {}


def _fits(key: Mapping[str, Any], algorithm: str, name: object) -> bool:
    """Whether a key is of the algorithm and, where the token names one, has its name."""
    kind, curve = _KEYS[algorithm]
    return (
        key.get("kty") == kind
        and (curve is None or key.get("crv") == curve)
        and key.get("alg", algorithm) == algorithm
        and (name is None or key.get("kid") == name)
    )


def _read_keys(
    home: Home, issuer: str, given: IssuerSettings, faults: list[Fault]
) -> Iterator[Mapping[str, Any]]:
    """The keys in a file: a JWKS, or `publicKey` of a dsrdelete.json; adds what is wrong."""
    place = f"{_PLACE}.issuers.{issuer}.keys"
    try:
        content = json.loads((home.root / given.keys).read_text(encoding="utf-8"))
        listed = content["keys"] if "keys" in content else content["publicKey"]
        keys = [dict(key) for key in listed]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        problem = f"{given.keys} cannot be read as public keys ({type(error).__name__})"
        remedy = 'put the issuer\'s JWKS there, {"keys": [...]}, or its dsrdelete.json'
        faults.append(Fault(place, problem, remedy))
        return
    problems = {problem for key in keys if (problem := _unusable(key))}
    problems |= set() if keys else {"it has no key"}
    faults += [
        Fault(place, f"{given.keys}: {problem}", "ask the issuer for its public keys")
        for problem in sorted(problems)
    ]
    yield from keys


def _unusable(key: Mapping[str, Any]) -> str:
    """Why a key can verify nothing; empty when it can."""
    import jwt  # noqa: PLC0415  an extra

    if _PRIVATE_PARTS & key.keys() or key.get("kty") == "oct":
        return "a key is private or symmetric: whoever has it can sign in the issuer's name"
    if key.get("use", "sig") != "sig":
        return "a key is not for signatures"
    for algorithm in _KEYS:
        if not _fits(key, algorithm, None):
            continue
        try:
            public = jwt.PyJWK(dict(key), algorithm=algorithm).key
        except (jwt.PyJWTError, ValueError, TypeError):
            break
        if key.get("kty") == "RSA" and public.key_size < _SMALLEST_RSA:
            return f"an RSA key has fewer than {_SMALLEST_RSA} bits"
        return ""
    return "a key is damaged, or of no type that is accepted (EC, OKP Ed25519, RSA)"


def _files(paths: Sequence[Path]) -> tuple[list[Path], list[tuple[Path, str]]]:
    """Files as they are named and those in folders, by name; and what is not read, and why."""
    files: list[Path] = []
    passed_over: list[tuple[Path, str]] = []
    for path in paths:
        if not path.is_dir():
            files.append(path)
            continue
        for each in sorted(path.iterdir()):
            reason = "folder" if each.is_dir() else "" if each.is_file() else "not_a_file"
            reason = reason or ("working_file" if is_working_file(each.name) else "")
            if reason:
                passed_over.append((each, reason))
            else:
                files.append(each)
    return files, passed_over


def _messages(path: Path) -> Iterator[tuple[int, str]]:
    """The messages of a file with their lines: a token, or {"rqJWT": token}."""
    try:
        lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    except OSError as error:
        raise ConfigurationError([Fault(str(path), why_unreadable(error))]) from None
    for number, line in enumerate(lines, start=1):
        if text := line.strip():
            yield number, _token(text)


def _token(text: str) -> str:
    if not text.startswith("{"):
        return text
    try:
        found = json.loads(text).get("rqJWT")
    except (ValueError, RecursionError):
        return text
    return found if isinstance(found, str) else text
