"""Sessions and forms of a running portal: what a browser holds is worth nothing to anyone else."""

import json

import pytest
from browsing import Browsing, signed_in
from published_world import PASSWORD, Server

pytestmark = pytest.mark.xdist_group("portal")
SESSION, FORM, DEVICE = "__Host-audience", "__Host-audience-form", "__Host-audience-device"


def log(server: Server) -> list[dict[str, object]]:
    return [json.loads(line) for line in server.home.portal_log.read_text().splitlines()]


@pytest.mark.parametrize(
    "path", ["/", "/figures/campaign/spring", "/figures/campaign/none", "/nowhere", "/files/a/b/c"]
)
def test_without_a_session_every_page_leads_to_the_form(server: Server, path: str) -> None:
    answer = Browsing(server).get(path)
    assert (answer.status, answer.body) == (303, b"")
    assert answer.header("location") == f"/sign-in?next={path}"


def test_every_cookie_is_for_this_origin_alone(server: Server) -> None:
    browsing = Browsing(server)
    form = browsing.get("/sign-in")
    answer = browsing.sign_in("nina")
    cookies = form.cookies | answer.cookies
    assert cookies.keys() == {SESSION, FORM, DEVICE}
    for attributes in cookies.values():
        for wanted in ("Secure", "HttpOnly", "Path=/", "SameSite=lax"):
            assert f"; {wanted}" in attributes
        assert "Domain" not in attributes


def test_signing_in_makes_a_token_that_there_was_not_before(server: Server) -> None:
    browsing = Browsing(server, {SESSION: "fixed-by-an-attacker"})
    browsing.sign_in("nina")
    first = browsing.cookies[SESSION]
    assert first != "fixed-by-an-attacker"
    assert Browsing(server, {SESSION: "fixed-by-an-attacker"}).get("/").status == 303
    again = Browsing(server, dict(browsing.cookies))
    ended = again.post("/sign-out", {"form_token": again.token()})
    assert ended.header("clear-site-data") == '"cache", "storage"'
    again.cookies[SESSION] = first
    assert again.get("/").status == 303, "signing out ended it on the server"


def test_forms_are_taken_from_pages_of_the_portal_alone(server: Server) -> None:
    nina, budi = signed_in(server, "nina"), signed_in(server, "budi")
    token = nina.token()
    refused = [
        nina.post("/sign-out", {}),
        nina.post("/sign-out", {"form_token": ""}),
        nina.post("/sign-out", {"form_token": token[:-1] + "!"}),
        nina.post("/sign-out", {"form_token": budi.token()}),
        nina.post("/sign-out", {"form_token": token}, origin="https://evil.example"),
        nina.post("/sign-out", {"form_token": token}, origin="null"),
        nina.post("/sign-out", {"form_token": token}, origin=""),
        nina.post("/language", {"language": "id"}),
    ]
    assert {answer.status for answer in refused} == {403}
    assert nina.get("/").status == 200
    assert nina.get("/sign-out").status == 404, "no address changes anything by GET"
    assert nina.get("/language").status == 404
    assert log(server)[-1]["event"] == "form_refused"


def test_signing_in_needs_the_form_too(server: Server) -> None:
    fields = {"login": "nina", "password": PASSWORD}
    browsing = Browsing(server)
    assert browsing.post("/sign-in", fields).status == 403
    token = browsing.token("/sign-in")
    other = Browsing(server)
    other.get("/sign-in")
    assert other.post("/sign-in", {**fields, "form_token": token}).status == 403
    assert browsing.post("/sign-in", {**fields, "form_token": token}, "http://evil").status == 403
    assert browsing.post("/sign-in", {**fields, "form_token": token}).status == 303


@pytest.mark.parametrize(
    ("wanted", "leads_to"),
    [
        ("/figures/campaign/spring", "/figures/campaign/spring"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("/a\r\nSet-Cookie: x=y", "/"),
        ("/a?b", "/"),
    ],
)
def test_signing_in_leads_to_a_page_of_the_portal_alone(
    server: Server, wanted: str, leads_to: str
) -> None:
    browsing = Browsing(server)
    fields = {"form_token": browsing.token("/sign-in"), "next": wanted}
    answer = browsing.post("/sign-in", {**fields, "login": "nina", "password": PASSWORD})
    assert answer.header("location") == leads_to


def test_a_wrong_login_is_answered_like_a_wrong_password_and_nothing_typed_is_logged(
    server: Server,
) -> None:
    answers = []
    for login, password in (("nina", "my-secret-typo"), ("my-secret-typo", "my-secret-typo")):
        browsing = Browsing(server, {FORM: "the-same"})
        answer = browsing.sign_in(login, password)
        answers.append((answer.status, answer.lasting, answer.body))
    assert answers[0] == answers[1]
    assert answers[0][0] == 401
    written = server.home.portal_log.read_text()
    assert "my-secret-typo" not in written
    assert PASSWORD not in written
    assert [entry["login"] for entry in log(server)[-2:]] == ["nina", "unknown"]


def test_no_token_is_in_the_log(server: Server) -> None:
    browsing = signed_in(server, "nina")
    form_token = browsing.token()
    browsing.post("/sign-out", {"form_token": form_token})
    written = server.home.portal_log.read_text()
    for token in (*browsing.cookies.values(), form_token):
        assert not token or token not in written


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "a\tb"])
def test_another_host_is_refused(server: Server, host: str) -> None:
    answer = Browsing(server).send("GET", "/sign-in", headers={"Host": host})
    assert answer.status == 400
    assert b"form_token" not in answer.body


def test_a_huge_form_is_refused(server: Server) -> None:
    fields = {"form_token": "x", "password": "x" * 20_000}
    assert Browsing(server).post("/sign-in", fields).status == 413
    many = {f"field{number}": "x" for number in range(100)}
    assert Browsing(server).post("/sign-in", many).status == 413


@pytest.mark.parametrize(
    "path", ["/", "/sign-in", "/nowhere", "/static/portal.css", "/figures/campaign/spring"]
)
def test_every_answer_has_the_fixed_headers(server: Server, path: str) -> None:
    for answer in (signed_in(server, "nina").get(path), Browsing(server).get(path)):
        policy = answer.header("content-security-policy")
        assert policy.startswith("default-src 'none'; style-src 'self'; img-src 'self'; ")
        assert "unsafe" not in policy
        for directive in ("base-uri", "frame-ancestors", "object-src"):
            assert f"{directive} 'none'" in policy
        assert answer.header("x-content-type-options") == "nosniff"
        assert answer.header("cache-control") == "no-store"
        assert answer.header("referrer-policy") == "same-origin"
        assert not answer.header("server")
