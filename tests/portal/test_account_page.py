"""Readers change their password and end their sessions, with the current password alone."""

import json
from collections.abc import Iterator

import pytest
from browsing import Browsing, signed_in
from cheap_passwords import CHEAP, USUAL
from published_world import PASSWORD, Server, serving

from anonymizer.storage.home import Home
from portal.account_store import AccountStore
from portal.passwords import GUESSED_FIRST, MAX_LENGTH, hashed, is_outdated, new_password, weakness

CHOSEN = "quiet lanterns over 7 rivers"


@pytest.fixture
def own(portal_home: Home) -> Iterator[Server]:
    """A portal whose accounts may be changed."""
    with serving(portal_home) as running:
        yield running


def changed(browsing: Browsing, current: str, chosen: str, again: str | None = None) -> int:
    fields = {"form_token": browsing.token("/account"), "current": current, "chosen": chosen}
    again = chosen if again is None else again
    return browsing.post("/account/password", {**fields, "again": again}).status


@pytest.mark.alternate("own passwords and sessions")
def test_a_new_password_takes_the_current_one_and_ends_all_sessions(own: Server) -> None:
    nina, elsewhere, budi = (signed_in(own, login) for login in ("nina", "nina", "budi"))
    assert changed(nina, "a horse that is wrong", CHOSEN) == 403
    assert changed(nina, "", CHOSEN) == 403
    assert changed(nina, PASSWORD, CHOSEN, "another one, typed") == 422
    assert elsewhere.get("/").status == 200, "nothing has changed so far"
    assert changed(nina, PASSWORD, CHOSEN) == 303
    for ended in (nina, elsewhere):
        assert ended.get("/").status == 303
    assert budi.get("/").status == 200
    assert Browsing(own).sign_in("nina").status == 401
    assert Browsing(own).sign_in("nina", CHOSEN).status == 303
    log = own.home.portal_log.read_text()
    assert [json.loads(line)["event"] for line in log.splitlines()].count("password_changed") == 1
    for secret in (PASSWORD, CHOSEN):
        assert secret not in log


@pytest.mark.alternate("own passwords and sessions")
def test_guessing_the_current_password_is_limited_as_signing_in_is(own: Server) -> None:
    nina = signed_in(own, "nina")
    outcomes = [changed(nina, f"wrong {number}", CHOSEN) for number in range(11)]
    assert outcomes == [403] * 10 + [429]
    assert changed(nina, PASSWORD, CHOSEN) == 429


@pytest.mark.alternate("own passwords and sessions")
def test_sessions_are_seen_and_ended_with_the_password(own: Server) -> None:
    nina, elsewhere, budi = (signed_in(own, login) for login in ("nina", "nina", "budi"))
    page = nina.get("/account").text
    assert page.count("<tr><td>") == 2
    assert page.count("<td>this browser</td>") == 1
    fields = {"form_token": nina.token("/account")}
    assert nina.post("/account/sessions", {**fields, "current": "wrong"}).status == 403
    assert elsewhere.get("/").status == 200
    assert nina.post("/account/sessions", {**fields, "current": PASSWORD}).status == 200
    assert elsewhere.get("/").status == 303
    assert nina.get("/account").text.count("<tr><td>") == 1
    assert budi.get("/").status == 200


@pytest.mark.xdist_group("portal")
def test_a_form_of_another_page_changes_nothing(server: Server) -> None:
    nina = signed_in(server, "nina")
    fields = {"current": PASSWORD, "chosen": CHOSEN, "again": CHOSEN}
    for path in ("/account/password", "/account/sessions"):
        assert nina.post(path, fields).status == 403
        token = {"form_token": nina.token("/account")}
        assert nina.post(path, {**fields, **token}, "https://evil.example").status == 403
        assert nina.get(path).status == 404, "no address changes anything by GET"
        assert Browsing(server).post(path, fields).status == 303
    assert AccountStore(server.home.portal_accounts).sessions_of("nina")
    assert Browsing(server).sign_in("nina").status == 303


@pytest.mark.parametrize(
    ("password", "found"),
    [
        ("x" * 11, "too_short"),
        ("x" * (MAX_LENGTH + 1), "too_long"),
        *((one, "guessable") for one in ("password1234", "qwertyuiop12", "passwordpassword")),
        *((one, "guessable") for one in ("123456789012", "aaaaaaaaaaaa", "unbelievable")),
        *((one, "guessable") for one in ("ninanina2026", "audience2026!", "kampanyejakarta")),
        (CHOSEN, None),
        ("\u4e00\u4e8c horse \U0001f40e battery", None),
        ("alllowercaselettersbutmanyofthem", None),
        (CHOSEN * 30, None),
    ],
)
def test_what_is_leaked_or_guessed_first_is_refused_whatever_characters_it_has(
    password: str, found: str | None
) -> None:
    assert weakness(password, ["nina", "maju"]) == found
    assert "kampanye" in GUESSED_FIRST


def test_a_generated_password_passes() -> None:
    assert weakness(new_password(), ["nina"]) is None


def test_a_hash_takes_64_mib_and_three_passes_and_a_cheaper_one_is_renewed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("portal.passwords._HASHER", USUAL)
    stored = hashed(CHOSEN)
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert not is_outdated(stored)
    assert is_outdated(CHEAP.hash(CHOSEN))
