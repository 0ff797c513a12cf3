"""Deletion messages of partners: a real one is never lost, a forged one erases nobody."""

import base64
import hashlib
import json
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from intake.raw_world import World, as_csv, profile, visit
from running import call

from anonymizer.intake.objection_review import review
from anonymizer.intake.objections import RowPlace
from anonymizer.model.errors import ConfigurationError, Held
from anonymizer.rights import deletion_messages
from anonymizer.rights.deletion_messages import DeletionInbox, ReceivedMessage
from anonymizer.sources.source_catalogue import parse_sources
from anonymizer.storage.engines.duckdb import DuckDB
from anonymizer.storage.secret import Secret

NOW = datetime(2025, 12, 31, 12, tzinfo=UTC)
SETTINGS = """
deletions:
  audience: audience.example
  identifiers: [{type: user_id, format: plain}]
  issuers:
    publisher.example: {keys: keys/publisher.json}
    vendor.example: {keys: keys/vendor.json}
"""
Claims = dict[str, Any]


@cache
def key(name: str, algorithm: str = "ES256") -> Any:
    """The private key of somebody."""
    if algorithm == "ES256":
        return ec.generate_private_key(ec.SECP256R1())
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(65537, 2048)


def public(name: str, algorithm: str = "ES256", **changes: Any) -> Claims:
    """Its public half as a JWK, named after its owner and algorithm."""
    made = jwt.get_algorithm_by_name(algorithm).to_jwk(key(name, algorithm).public_key())
    return {**json.loads(made), "kid": f"{name} {algorithm}", **changes}


def signed(name: str, claims: Claims, algorithm: str = "ES256", **header: Any) -> str:
    headers = {"kid": f"{name} {algorithm}", **header}
    return jwt.encode(claims, key(name, algorithm), algorithm, headers=headers)


def subject(value: str = "u1", **changes: Any) -> Claims:
    return {
        "identifierValue": value,
        "identifierType": "user_id",
        "identifierFormat": "plain",
        **changes,
    }


def origin(**changes: Any) -> Claims:
    """Of version 1.0, with the identifier of the first party."""
    return {
        "version": "1.0",
        "jti": "origin-1",
        "iss": "publisher.example",
        "sub": subject("known-to-the-publisher"),
        "iat": NOW.timestamp() - 60,
        **changes,
    }


def message(**changes: Any) -> Claims:
    return {
        "version": "1.0",
        "idJWT": signed("publisher", origin()),
        "jti": "request-1",
        "iss": "vendor.example",
        "sub": subject(),
        "iat": NOW.timestamp() - 30,
        **changes,
    }


class Inbox:
    """A home that takes messages, and what became of some."""

    def __init__(self, root: Path) -> None:
        self.world = World(root)
        (self.world.home.raw / "requests/r.csv").unlink()
        self.world.visits(as_csv([visit(), visit("v2", user_id="u2")]))
        people = as_csv([profile("u1"), profile("u2")])
        self.world.put(f"profiles/day={self.world.day}/p.csv", people)
        (root / "keys").mkdir()
        for name in ("publisher", "vendor"):
            self.publish(name, public(name), public(name, "EdDSA"))
        self.settings = SETTINGS
        self.decided: frozenset[RowPlace] = frozenset()

    def publish(self, name: str, *keys: Claims) -> None:
        path = self.world.home.root / f"keys/{name}.json"
        path.write_text(json.dumps({"keys": keys}))

    def receive(self, *texts: str, at: datetime = NOW) -> list[ReceivedMessage]:
        path = self.world.home.root / "inbox.jwt"
        path.write_text("\n".join(texts) + "\n")
        return self.read(path, at=at)

    def read(self, *paths: Path, at: datetime = NOW) -> list[ReceivedMessage]:
        settings = parse_sources(self.settings).deletions
        return list(DeletionInbox.open(self.world.home, settings, at, self.decided).receive(paths))

    def one(self, text: str, at: datetime = NOW) -> tuple[str, str]:
        (found,) = self.receive(text, at=at)
        return found.outcome, found.reason

    def row(self) -> Claims:
        """The only request that is filed."""
        (path,) = (self.world.home.raw / "requests").iterdir()
        return dict(json.loads(path.read_text()))

    def kinds(self) -> list[tuple[str, int]]:
        """The kinds of the requests that a run takes in, and the visits that are left."""
        self.world.take_in()
        kinds = [row["kind"] for row in self.world.rows("requests")]
        return sorted((kind, len(self.world.rows("visits"))) for kind in kinds)


@pytest.fixture
def inbox(tmp_path: Path) -> Inbox:
    return Inbox(tmp_path / "home")


def test_a_signed_message_erases_its_person(inbox: Inbox) -> None:
    assert inbox.one(signed("vendor", message())) == ("filed", "")
    assert inbox.kinds() == [("erase", 1)]
    (row,) = inbox.world.rows("requests")
    assert row["requested_at"] == NOW - timedelta(seconds=30)


@pytest.mark.parametrize(
    "text",
    [
        lambda: signed("vendor", message(), "EdDSA"),
        lambda: signed("publisher", message(iss="publisher.example")),
        lambda: json.dumps({"rqJWT": signed("vendor", message())}),
        lambda: signed("vendor", message(sub=json.dumps(subject(" U1 ")))),
        lambda: signed("vendor", message(aud=["else.example", "audience.example"])),
        lambda: signed("vendor", message(exp=NOW.timestamp() + 1, nbf=NOW.timestamp() - 1)),
        lambda: signed(
            "vendor",
            {
                **{name: value for name, value in message().items() if name != "idJWT"},
                "version": "2.0",
                "orJWT": signed("publisher", {k: v for k, v in origin().items() if k != "sub"}),
            },
        ),
    ],
    ids=["EdDSA", "first party", "object", "sub as text", "audience", "expires", "version 2.0"],
)
def test_every_sound_form_is_filed(inbox: Inbox, text: Callable[[], str]) -> None:
    assert inbox.one(text()) == ("filed", "")
    assert (inbox.row()["kind"], inbox.row()["user_id"].lower()) == ("erase", "u1")


def unsigned(claims: Claims) -> str:
    return jwt.encode(claims, None, "none")


def _unsigned(payload: str, header: str = '{"alg": "ES256"}') -> str:
    """A token of any bytes."""
    parts = [base64.urlsafe_b64encode(each.encode()).decode() for each in (header, payload)]
    return ".".join((*(each.rstrip("=") for each in parts), "AAAA"))


def _with_other_payload(text: str, claims: Claims) -> str:
    head, _, signature = text.split(".")
    return ".".join((head, unsigned(claims).split(".")[1], signature))


FORGED: Mapping[str, tuple[Callable[[], str], str]] = {
    "no token": (lambda: "erase u1 please", "not_a_token"),
    "nothing in it": (lambda: "..", "not_a_token"),
    "deep": (lambda: "{" * 50_000, "not_a_token"),
    "long": (lambda: "a." * 60_000, "too_long"),
    "half a character": (lambda: '{"rqJWT": "\\ud800"}', "not_a_token"),
    "a token in halves": (lambda: '{"rqJWT": "\\ud800.\\udfff.x"}', "not_a_token"),
    "a number": (lambda: '{"rqJWT": 1e999}', "not_a_token"),
    "a huge number": (lambda: '{"rqJWT": ' + "9" * 5_000 + "}", "not_a_token"),
    "nothing said": (lambda: '{"rqJWT": null}', "not_a_token"),
    "a huge claim": (lambda: _unsigned('{"iss": ' + "9" * 5_000 + "}"), "not_a_token"),
    "a deep claim": (lambda: _unsigned('{"iss": ' + "[" * 20_000), "not_a_token"),
    "a list of claims": (lambda: _unsigned("[]"), "not_a_token"),
    "issuers": (lambda: _unsigned('{"iss": {"vendor.example": 1}}'), "unknown_issuer"),
    "algorithms": (
        lambda: _unsigned('{"iss": "vendor.example"}', '{"alg": ["ES256"]}'),
        "algorithm",
    ),
    "a number as algorithm": (
        lambda: _unsigned('{"iss": "vendor.example"}', '{"alg": 1e999}'),
        "algorithm",
    ),
    "names of keys": (
        lambda: _unsigned('{"iss": "vendor.example"}', '{"alg": "ES256", "kid": ["x"]}'),
        "not_a_token",
    ),
    "origin in halves": (lambda: signed("vendor", message(idJWT="\ud800")), "origin_not_a_token"),
    "an origin that is none": (lambda: signed("vendor", message(idJWT={"a": 1})), "no_origin"),
    "a stranger": (lambda: signed("mallory", message(iss="mallory.example")), "unknown_issuer"),
    "no issuer": (lambda: signed("vendor", message(iss="")), "unknown_issuer"),
    "another key": (lambda: signed("mallory", message(), kid="vendor ES256"), "signature"),
    "key of another issuer": (
        lambda: signed("publisher", message(), kid="vendor ES256"),
        "signature",
    ),
    "unknown key": (lambda: signed("vendor", message(), kid="next"), "unknown_key"),
    "unsigned": (lambda: unsigned(message()), "algorithm"),
    "symmetric": (
        lambda: jwt.encode(message(), json.dumps(public("vendor")) * 2, "HS256"),
        "algorithm",
    ),
    "not listed": (lambda: signed("vendor", message(), "RS256"), "unknown_key"),
    "an extension": (lambda: signed("vendor", message(), crit=["x"], x=1), "not_a_token"),
    "other person": (
        lambda: _with_other_payload(signed("vendor", message()), message(sub=subject("u2"))),
        "signature",
    ),
    "no origin": (lambda: signed("vendor", message(idJWT=None)), "no_origin"),
    "two origins": (
        lambda: signed("vendor", message(orJWT=signed("publisher", origin()))),
        "no_origin",
    ),
    "origin of the vendor's own": (
        lambda: signed("vendor", message(idJWT=signed("vendor", origin()))),
        "origin_unknown_key",
    ),
    "origin that is forged": (
        lambda: signed("vendor", message(idJWT=signed("vendor", origin(), kid="publisher ES256"))),
        "origin_signature",
    ),
    "origin of a stranger": (
        lambda: signed("vendor", message(idJWT=signed("vendor", origin(iss="x.example")))),
        "origin_unknown_issuer",
    ),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_message_names_nobody(inbox: Inbox, name: str) -> None:
    make, reason = FORGED[name]
    assert inbox.one(make()) == ("unverified", reason)
    row = inbox.row()
    assert (row["user_id"], row["kind"], row["requested_at"]) == (None, "erase", NOW.isoformat())


def test_no_message_stops_those_after_it(inbox: Inbox) -> None:
    """Whatever is in it: all that are forged or real and not as they should be, then a real one."""
    hostile = [make() for make, _ in FORGED.values()]
    odd = [signed("vendor", make()) for make, _, _ in UNCONFIRMED.values()]
    found = inbox.receive(*hostile, *odd, signed("vendor", message(jti="last", sub=subject("u2"))))
    assert len(found) == len(FORGED) + len(UNCONFIRMED) + 1
    assert found[-1].outcome == "filed"


def test_an_unforeseen_fault_of_a_message_holds_it_alone(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of which a part leads to an error that nobody has thought of, before or after it is
    verified."""
    first, second = signed("vendor", message()), signed("vendor", message(jti="2"))
    user = DeletionInbox._user

    def fail(own: DeletionInbox, claims: Mapping[str, Any]) -> tuple[str | None, str]:
        if claims["jti"] == "request-1":
            raise RecursionError
        return user(own, claims)

    monkeypatch.setattr(DeletionInbox, "_user", fail)
    found = inbox.receive(first, second)
    assert [(each.outcome, each.reason) for each in found] == [
        ("unconfirmed", "claims"),
        ("filed", ""),
    ]
    monkeypatch.undo()
    monkeypatch.setattr(DeletionInbox, "_authentic", lambda own, text: {}[text])
    assert inbox.one("x") == ("unverified", "not_a_token")


def test_two_messages_without_id_or_person_are_two(inbox: Inbox) -> None:
    """Neither is lost, and each sent again is the same."""
    texts = [
        signed("vendor", message(jti=None, sub=None, iat=NOW.timestamp() - 30)),
        signed("vendor", message(jti=None, sub=None, iat=NOW.timestamp() - 31)),
        signed("vendor", message(sub=None, iat=NOW.timestamp() - 30)),
        signed("vendor", message(sub=None, iat=NOW.timestamp() - 31)),
        signed("vendor", message(sub=subject(identifierValue=None), iat=NOW.timestamp() - 32)),
        signed("vendor", message(jti="None")),
        signed("vendor", message(jti=7)),
        signed("vendor", message(jti=8, iat=NOW.timestamp() - 31)),
    ]
    found = inbox.receive(*texts)
    assert [each.outcome for each in found] == ["unconfirmed"] * 5 + ["filed"] + ["unconfirmed"] * 2
    assert len({each.request for each in found}) == len(texts)
    assert {each.outcome for each in inbox.receive(*texts)} == {"already filed"}
    assert len(list((inbox.world.home.raw / "requests").iterdir())) == len(texts)


def test_what_is_decided_is_open_no_longer(inbox: Inbox) -> None:
    """A message sent again does not change the row, so a decision about it stays one."""
    texts = [FORGED["another key"][0](), signed("vendor", message(iat="soon"))]
    assert [each.undecided for each in inbox.receive(*texts)] == [True, True]
    rows = [
        RowPlace(hashlib.sha256(path.read_bytes()).hexdigest(), 1)
        for path in (inbox.world.home.raw / "requests").iterdir()
    ]
    for decided, still_open in ((rows[:0], 2), (rows[:1], 1), (rows, 0)):
        inbox.decided = frozenset(decided)
        again = inbox.receive(*texts, at=NOW + timedelta(days=len(decided)))
        assert {each.outcome for each in again} == {"already filed"}
        assert sum(each.undecided for each in again) == still_open


def test_a_message_says_more_once_it_can_be_read(inbox: Inbox) -> None:
    """As when its identifier is put into the settings: then its person is known."""
    text = signed("vendor", message(version="3.0", sub=subject(identifierType="uid")))
    assert inbox.one(text) == ("unconfirmed", "version")
    assert inbox.row()["user_id"] is None
    inbox.settings = inbox.settings.replace("type: user_id", "type: uid")
    assert inbox.one(text) == ("already filed", "version")
    assert inbox.row()["user_id"] == "u1"


@pytest.mark.parametrize("coding", ["utf-8-sig", "utf-8"])
def test_a_mark_of_the_byte_order_is_no_part_of_a_message(inbox: Inbox, coding: str) -> None:
    path = inbox.world.home.root / "marked.jwt"
    path.write_text(signed("vendor", message()) + "\r\n", encoding=coding)
    assert [each.outcome for each in inbox.read(path)] == ["filed"]


def test_what_is_not_read_is_named(inbox: Inbox, tmp_path: Path) -> None:
    box = tmp_path / "box"
    (box / "done").mkdir(parents=True)
    for name in ("_later.jwt", ".part", "b.jwt.part"):
        (box / name).write_text(signed("vendor", message()))
    (box / "gone.jwt").symlink_to(box / "nowhere")
    os.mkfifo(box / "pipe")
    (box / "z.jwt").write_text(signed("vendor", message()))
    found = inbox.read(box)
    assert [(Path(each.place).name, each.outcome, each.reason) for each in found] == [
        ("z.jwt:1", "filed", ""),
        (".part", "not read", "working_file"),
        ("_later.jwt", "not read", "working_file"),
        ("b.jwt.part", "not read", "working_file"),
        ("done", "not read", "folder"),
        ("gone.jwt", "not read", "not_a_file"),
        ("pipe", "not read", "not_a_file"),
    ]
    assert [each.outcome for each in inbox.read(box / ".part")] == ["already filed"], "it is named"


def test_a_file_that_cannot_be_read_stops_before_anything_is_filed(
    inbox: Inbox, tmp_path: Path
) -> None:
    sound = tmp_path / "a.jwt"
    sound.write_text(signed("vendor", message()))
    with pytest.raises(ConfigurationError, match=r"b\.jwt: there is no such file"):
        inbox.read(sound, tmp_path / "b.jwt")
    assert not list((inbox.world.home.raw / "requests").iterdir())


def test_a_forged_message_holds_until_somebody_decides(inbox: Inbox) -> None:
    inbox.one(FORGED["another key"][0]())
    with pytest.raises(Held, match="objection_unreadable"):
        inbox.world.take_in()
    with DuckDB(memory_megabytes=512, threads=1, spill=None) as engine:
        world = inbox.world
        found = review(world.home.raw, world.policy, world.secret, engine)
    (unread,) = found.unread
    assert (unread.column, unread.person_known) == ("user_id", False)
    inbox.world.take_in(decisions={RowPlace(unread.place.digest, 1): "ignored"})
    assert len(inbox.world.rows("visits")) == 2


def test_a_forged_message_may_be_listed_alone(inbox: Inbox) -> None:
    inbox.settings += "  unverified: list\n"
    for _ in range(2):
        assert inbox.one(FORGED["another key"][0]()) == ("unverified", "signature")
    assert inbox.kinds() == []
    assert len(inbox.world.rows("visits")) == 2


def at(days: float = 0, **more: float) -> float:
    return (NOW + timedelta(days=days, **more)).timestamp()


UNCONFIRMED: Mapping[str, tuple[Callable[[], Claims], str, bool]] = {
    "expired": (lambda: message(exp=at(minutes=-6)), "expired", True),
    "old": (lambda: message(iat=at(-31)), "expired", True),
    "early": (lambda: message(nbf=at(minutes=6)), "not_yet_valid", True),
    "no time": (lambda: message(iat="soon"), "issued_at", True),
    "a truth value": (lambda: message(iat=True), "issued_at", True),
    "an endless time": (lambda: message(iat=1e300), "issued_at", True),
    "a clock ahead": (lambda: message(iat=at(1)), "issued_at", True),
    "no end": (lambda: message(exp="never"), "expired", True),
    "another audience": (lambda: message(aud="else.example"), "audience", True),
    "version": (lambda: message(version="3.0"), "version", True),
    "no jti": (lambda: message(jti=""), "jti", True),
    "old origin": (
        lambda: message(idJWT=signed("publisher", origin(iat=at(-31)))),
        "origin_expired",
        True,
    ),
    "hashed": (lambda: message(sub=subject(identifierFormat="sha256")), "identifier_type", False),
    "an address": (lambda: message(sub=subject(identifierType="email")), "identifier_type", False),
    "nobody": (lambda: message(sub=subject("unknown")), "identifier", False),
    "no value": (lambda: message(sub=subject(identifierValue=None)), "identifier", False),
    "plain text": (lambda: message(sub="u1"), "identifier", False),
    "half a character": (lambda: message(sub=subject("u1\ud800")), "identifier", False),
    "half an id": (lambda: message(jti="\ud800", version="3.0"), "version", True),
    "half a type": (
        lambda: message(sub=subject(identifierType="\ud800")),
        "identifier_type",
        False,
    ),
    "a huge number": (lambda: message(jti=10**4_000), "jti", True),
    "a number as id": (
        lambda: message(sub=subject(identifierValue=10**4_000)),
        "identifier",
        False,
    ),
    "no number": (lambda: message(iat=float("nan")), "issued_at", True),
    "endless": (lambda: message(exp=float("inf")), "expired", True),
    "a list of ids": (lambda: message(jti=["request-1"]), "jti", True),
    "a list of versions": (lambda: message(version=["1.0"]), "version", True),
    "a list of people": (lambda: message(sub=[subject()]), "identifier", False),
    "a deep subject": (lambda: message(sub="[" * 50_000), "identifier", False),
    "a deep type": (
        lambda: message(sub=subject(identifierType=_deep(200))),
        "identifier_type",
        False,
    ),
    "an audience of none": (lambda: message(aud={"audience.example": 1}), "audience", True),
    "a blank id": (lambda: message(jti=" "), "jti", True),
}


def _deep(levels: int) -> list[Any]:
    found: list[Any] = []
    for _ in range(levels):
        found = [found]
    return found


@pytest.mark.parametrize("name", UNCONFIRMED)
def test_a_real_message_that_is_not_as_it_should_be_is_not_lost(inbox: Inbox, name: str) -> None:
    make, reason, person_known = UNCONFIRMED[name]
    text = signed("vendor", make())
    assert inbox.one(text) == ("unconfirmed", reason)
    assert inbox.one(text) == ("already filed", reason)
    row = inbox.row()
    assert (row["user_id"], row["kind"]) == ("u1" if person_known else None, "erase_unconfirmed")


HASHED = SETTINGS.replace(
    "format: plain}]",
    "format: plain}, {type: user_id, format: sha256, hash: sha256},"
    " {type: user_id, format: md5, hash: md5}]",
)


def hashed(text: str, name: str = "sha256") -> Claims:
    value = hashlib.new(name, text.encode()).hexdigest()
    return subject(value, identifierFormat=name)


@pytest.mark.parametrize(
    "make",
    [
        lambda: hashed("u1"),
        lambda: hashed("u1", "md5"),
        lambda: hashed(" U1"),  # as the profiles write it
        lambda: {**hashed("u1"), "identifierValue": hashed("u1")["identifierValue"].upper() + " "},
    ],
)
def test_a_published_hash_of_a_user_id_finds_its_person(
    inbox: Inbox, make: Callable[[], Claims]
) -> None:
    inbox.settings = HASHED
    people = as_csv([profile(" U1"), profile("u2")])
    inbox.world.put(f"profiles/day={inbox.world.day}/p.csv", people)
    assert inbox.one(signed("vendor", message(sub=make()))) == ("filed", "")
    assert inbox.row()["user_id"] == "u1"
    assert inbox.kinds() == [("erase", 1)]


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: hashed("u3"), "hash_unmatched"),
        (lambda: hashed("pepper:u1"), "hash_unmatched"),  # a salt that nobody knows
        (lambda: hashed("u1@shop.example"), "hash_unmatched"),
        (lambda: {**hashed("u1", "md5"), "identifierFormat": "sha256"}, "identifier"),
        (lambda: {**hashed("u1"), "identifierValue": "z" * 64}, "identifier"),
        (lambda: {**hashed("u1"), "identifierValue": "u1"}, "identifier"),
        (lambda: {**hashed("u1"), "identifierValue": None}, "identifier"),
        (lambda: {**hashed("u1"), "identifierFormat": "sha512"}, "identifier_type"),
    ],
)
def test_a_hash_of_nobody_holds_every_release(
    inbox: Inbox, make: Callable[[], Claims], reason: str
) -> None:
    """Its person may be one whom no profile has yet, or of whom the hash is another one."""
    inbox.settings = HASHED
    assert inbox.one(signed("vendor", message(sub=make()))) == ("unconfirmed", reason)
    row = inbox.row()
    assert (row["user_id"], row["kind"]) == (None, "erase_unconfirmed")
    with pytest.raises(Held) as held:
        inbox.world.take_in()
    assert held.value.reason == "objection_unreadable"


def test_a_hash_is_matched_once_the_profile_is_there(inbox: Inbox) -> None:
    inbox.settings = HASHED
    text = signed("vendor", message(sub=hashed("u3")))
    assert inbox.one(text) == ("unconfirmed", "hash_unmatched")
    inbox.world.put(f"profiles/day={inbox.world.day}/more.csv", as_csv([profile("u3")]))
    assert inbox.one(text) == ("filed", "")
    assert inbox.row()["user_id"] == "u3"


def test_a_hash_of_two_people_erases_neither(inbox: Inbox) -> None:
    """One person's id may be what another one's is written as in some file."""
    inbox.settings = HASHED
    with pytest.MonkeyPatch.context() as patch:
        written = {"x": "u1", "u2": "u2", "u1": "u2"}
        patch.setattr(deletion_messages, "written_users", lambda *_: written)
        assert inbox.one(signed("vendor", message(sub=hashed("u1")))) == (
            "unconfirmed",
            "hash_ambiguous",
        )


def test_the_person_of_an_unconfirmed_message_does_not_count(inbox: Inbox) -> None:
    inbox.one(signed("vendor", UNCONFIRMED["expired"][0]()))
    assert inbox.kinds() == [("unread", 2)]
    inbox.one(signed("vendor", UNCONFIRMED["hashed"][0]()))
    with pytest.raises(Held, match="objection_unreadable"):
        inbox.world.take_in()


def test_a_message_that_comes_again_is_filed_once(inbox: Inbox) -> None:
    """Also after its validity, or with another signature: what was filed in time stays."""
    text = signed("vendor", message(exp=at(1)))
    assert inbox.one(text) == ("filed", "")
    assert inbox.one(signed("vendor", message(iat=at(1)))) == ("already filed", "")
    before = {path.name for path in (inbox.world.home.raw / "requests").iterdir()}
    assert inbox.one(text, at=NOW + timedelta(days=400)) == ("already filed", "")
    assert {path.name for path in (inbox.world.home.raw / "requests").iterdir()} == before
    assert inbox.kinds() == [("erase", 1)]


def test_an_id_of_a_message_that_is_used_again_erases_nobody_else(inbox: Inbox) -> None:
    first, second = signed("vendor", message()), signed("vendor", message(sub=subject("u2")))
    found = inbox.receive(first, second)
    assert [each.outcome for each in found] == ["filed", "unconfirmed"]
    assert found[1].reason == "jti_reused"
    assert inbox.kinds() == [("erase", 1), ("unread", 1)]


def test_a_message_whose_key_arrives_later_is_filed_then(inbox: Inbox) -> None:
    text = signed("vendor", message(), "RS256")
    assert inbox.one(text) == ("unverified", "unknown_key")
    assert inbox.one(text) == ("already filed", "unknown_key")
    inbox.publish("vendor", public("vendor", "RS256"))
    assert inbox.one(text) == ("filed", "")
    assert inbox.kinds() == [("erase", 1)], "the row that held the release is gone"


def test_keys_are_also_read_from_a_dsrdelete_file(inbox: Inbox) -> None:
    path = inbox.world.home.root / "keys/vendor.json"
    path.write_text(json.dumps({"endpoint": "x", "publicKey": [public("vendor")]}))
    assert inbox.one(signed("vendor", message())) == ("filed", "")


def _private(name: str) -> Claims:
    return dict(json.loads(jwt.get_algorithm_by_name("ES256").to_jwk(key(name))))


def _short() -> Claims:
    small = rsa.generate_private_key(65537, 1024).public_key()
    return dict(json.loads(jwt.get_algorithm_by_name("RS256").to_jwk(small)))


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        (lambda: [_private("vendor")], "private or symmetric"),
        (lambda: [{"kty": "oct", "k": "c2VjcmV0"}], "private or symmetric"),
        (lambda: [_short()], "fewer than 2048 bits"),
        (lambda: [public("vendor", use="enc")], "not for signatures"),
        (lambda: [public("vendor", x="AAAA")], "damaged"),
        (lambda: [{"kty": "EC", "crv": "secp256k1"}], "no type that is accepted"),
        (list, "it has no key"),
        (lambda: ["x"], "cannot be read as public keys"),
    ],
)
def test_keys_that_prove_nothing_are_refused(
    inbox: Inbox, keys: Callable[[], list[Any]], problem: str
) -> None:
    inbox.publish("vendor", *keys())
    with pytest.raises(ConfigurationError, match=problem):
        inbox.receive("x")


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("keys/vendor.json", "keys/none.json", "FileNotFoundError"),
        ("{keys: keys/vendor.json}", "{keys: k, algorithms: [HS256]}", "algorithms"),
        ("{keys: keys/vendor.json}", "{keys: k, algorithms: [none]}", "algorithms"),
        ("  audience: audience.example\n", "  require_audience: true\n", "needs audience"),
        (
            "format: plain}]",
            "format: plain}, {type: user_id, format: plain, hash: md5}]",
            "both with a hash and without one: type 'user_id' with format 'plain'",
        ),
    ],
)
def test_mistakes_of_the_settings_are_reported(
    inbox: Inbox, old: str, new: str, problem: str
) -> None:
    assert old in inbox.settings
    inbox.settings = inbox.settings.replace(old, new)
    with pytest.raises(ConfigurationError, match=problem):
        inbox.receive("x")


def test_an_audience_may_be_required(inbox: Inbox) -> None:
    inbox.settings += "  require_audience: true\n"
    assert inbox.one(signed("vendor", message())) == ("unconfirmed", "audience")
    assert inbox.one(signed("vendor", message(jti="2", aud="audience.example"))) == ("filed", "")


def test_the_command_files_and_lists_without_a_value(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path / "home")
    home = inbox.world.home
    home.policy.write_text("format: 2\n")
    Secret.create(home.secret)
    moment = datetime.now(UTC).timestamp()
    token = signed("publisher", origin(iat=moment))
    person = "canary-77"
    sound = signed("vendor", message(iat=moment, idJWT=token, sub=subject(person)))
    forged = signed("mallory", message(iat=moment, sub=subject(person)), kid="vendor ES256")
    folder = tmp_path / "box"
    folder.mkdir()
    (folder / "a.jwt").write_text(f"{sound}\n\n{forged}\n")
    words = ("source", "deletions", folder, "--home", home.root)
    done = call(*words)
    assert done.returncode == 2
    assert "the section is missing" in done.stderr
    home.sources.write_text(SETTINGS)
    done = call(*words, "--json")
    assert done.returncode == 4
    assert [(row["message"][-7:], row["outcome"]) for row in json.loads(done.stdout)] == [
        ("a.jwt:1", "filed"),
        ("a.jwt:3", "unverified"),
    ]
    assert "1 message(s) could not be verified or confirmed" in done.stderr
    again = call(*words)
    assert again.returncode == 4, "someone still has to decide"
    assert "1 message(s) could not be verified or confirmed" in again.stderr
    (held,) = (home.raw / "requests").glob("deletion-unverified-*")
    reason = ("--as", "ignored", "--reason", "The sender knows nothing of it.")
    row = f"requests/{held.name}:1"
    review = call("rights", "review", "--decide", row, *reason, "--home", home.root)
    assert review.returncode == 0, review.stderr
    assert call(*words).returncode == 0
    (folder / ".part").write_text("x")
    (folder / "more").mkdir()
    passed = call(*words)
    assert passed.returncode == 4
    assert "2 file(s) or folder(s) were not read" in passed.stderr
    assert "working_file" in passed.stdout
    said = done.stdout + done.stderr + again.stdout + again.stderr
    assert "already filed" in said
    for value in (person, "known-to-the-publisher", "publisher.example", sound[:40]):
        assert value not in said
