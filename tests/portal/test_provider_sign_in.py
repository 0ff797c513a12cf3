"""Signing in with a provider that runs: what is right begins a session, whatever is wrong none."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from browsing import Browsing, signed_in
from local_provider import CLIENT_SECRET
from provider_world import (
    BROWSER,
    CALLBACK,
    Provider,
    World,
    parameters,
    providing,
    without_tokens,
    world_of,
)

from anonymizer.storage.home import Home

pytestmark = [
    pytest.mark.xdist_group("provider"),
    pytest.mark.alternate("sign-in with a provider"),
]
SESSION = "__Host-audience"
FAULTS = (
    *("nonce", "no_nonce", "audience", "audiences", "authorized_party", "issuer"),
    *("issuer_with_slash", "expired", "no_expiry", "expiry_no_number", "future", "access_token"),
    *("no_subject", "empty_subject", "none", "hs256", "hs256_kid", "other_key", "unknown_kid"),
    *("embedded_key", "changed"),
)


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with providing() as running:
        yield running


@pytest.fixture(scope="module")
def shared(
    portal_world: Home, provider: Provider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    copy = shutil.copytree(portal_world.root, tmp_path_factory.mktemp("provider") / "home")
    with world_of(Home(copy), provider) as running:
        yield running


@pytest.fixture
def world(shared: World) -> World:
    """With a provider that does what is right."""
    shared.provider.behave()
    return shared


def is_refused(world: World, browsing: Browsing, path: str) -> bool:
    """The same page for whatever is wrong, and no session."""
    answer = browsing.get(path)
    assert answer.status == 401
    assert "This sign-in was not completed." in answer.text
    assert SESSION not in answer.cookies
    return browsing.get("/").status == 303


def test_the_form_offers_the_provider_and_a_linked_account_signs_in(world: World) -> None:
    browsing = Browsing(world.server)
    page = browsing.get("/sign-in?next=/figures/campaign/spring").text
    assert "Sign in with Company login" in page
    assert 'href="/sign-in/provider?next=/figures/campaign/spring"' in page
    answer = world.sign_in("sub-nina", browsing, "/figures/campaign/spring")
    assert answer.status == 303
    assert answer.header("location") == "/figures/campaign/spring"
    assert '<a href="/account">nina</a>' in browsing.get("/").text
    entry = world.log()[-1]
    assert (entry["event"], entry["login"], entry["method"]) == ("sign_in", "nina", "provider")


def test_what_is_sent_has_pkce_state_and_nonce_new_each_time(world: World) -> None:
    first, second = (parameters(world.begin(Browsing(world.server))) for _ in range(2))
    assert first["response_type"] == "code"
    assert first["code_challenge_method"] == "S256"
    assert first["scope"] == "openid"
    assert first["redirect_uri"] == f"{world.server.origin}{CALLBACK}"
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name]) >= 43
        assert first[name] != second[name]
    assert world.sign_in("sub-nina").status == 303
    sent = world.provider.seen()["token_requests"][-1]
    assert len(sent["code_verifier"]) >= 43
    assert "client_secret" not in sent, "the secret is in the header alone"


def test_a_session_of_the_provider_is_like_any_other(world: World) -> None:
    browsing = Browsing(world.server, {SESSION: "fixed-by-an-attacker"})
    answer = world.sign_in("sub-nina", browsing)
    for attribute in ("Secure", "HttpOnly", "Path=/", "SameSite=lax"):
        assert f"; {attribute}" in answer.cookies[SESSION]
        assert f"; {attribute}" in browsing_cookie(world)
    assert browsing.cookies[SESSION] != "fixed-by-an-attacker"
    assert browsing.post("/sign-out", {}).status == 403, "a form needs the token of the session"
    again = Browsing(world.server, dict(browsing.cookies))
    browsing.post("/sign-out", {"form_token": browsing.token()})
    assert again.get("/").status == 303, "signing out ended it on the server"


def browsing_cookie(world: World) -> str:
    return Browsing(world.server).get("/sign-in/provider").cookies[BROWSER]


def test_a_session_of_the_browser_before_ends(world: World) -> None:
    browsing = signed_in(world.server, "wira")
    before = Browsing(world.server, dict(browsing.cookies))
    other = Browsing(world.server, {**browsing.cookies, SESSION: ""})
    location = world.provider.sign_in(world.begin(other), "sub-nina")
    browsing.cookies[BROWSER] = other.cookies[BROWSER]
    assert world.come_back(browsing, location).status == 303
    assert before.get("/").status == 303


@pytest.mark.parametrize("fault", FAULTS)
def test_a_false_id_token_begins_no_session(world: World, fault: str) -> None:
    world.provider.behave(fault)
    browsing = Browsing(world.server)
    location = urlsplit(world.provider.sign_in(world.begin(browsing), "sub-nina"))
    assert is_refused(world, browsing, f"{location.path}?{location.query}")
    world.provider.behave()
    assert world.sign_in("sub-nina").status == 303, "the same without the fault"


def test_a_key_that_the_provider_has_changed_is_read_again_but_not_at_once(world: World) -> None:
    """Otherwise each false token would cause a request."""
    read = len(world.provider.seen()["keys_read"])
    world.provider.behave("unknown_kid")
    for _ in range(3):
        assert world.sign_in("sub-nina").status == 401
    assert len(world.provider.seen()["keys_read"]) <= read + 1


def test_a_state_is_taken_once_and_so_is_a_code(world: World) -> None:
    browsing = Browsing(world.server)
    location = world.provider.sign_in(world.begin(browsing), "sub-nina")
    kept = browsing.cookies[BROWSER]
    assert world.come_back(browsing, location).status == 303
    again = Browsing(world.server, {BROWSER: kept})
    split = urlsplit(location)
    assert is_refused(world, again, f"{split.path}?{split.query}"), "the state is replayed"
    # The code with a state of the attacker's own: PKCE and the provider refuse it.
    mine = Browsing(world.server)
    state = parameters(world.begin(mine))["state"]
    code = parameters(location)["code"]
    assert is_refused(world, mine, f"{CALLBACK}?{urlencode({'code': code, 'state': state})}")


def test_a_code_that_was_not_used_is_worth_nothing_in_another_sign_in(world: World) -> None:
    """Code injection: the code is fresh, but belongs to the verifier of another sign-in."""
    victim = Browsing(world.server)
    code = parameters(world.provider.sign_in(world.begin(victim), "sub-wira"))["code"]
    attacker = Browsing(world.server)
    state = parameters(world.begin(attacker))["state"]
    assert is_refused(world, attacker, f"{CALLBACK}?{urlencode({'code': code, 'state': state})}")
    assert world.log()[-1]["reason"] == "code"


def test_an_answer_is_taken_from_the_browser_that_began_alone(world: World) -> None:
    """Otherwise an attacker signs a victim in to the attacker's account."""
    attacker = Browsing(world.server)
    split = urlsplit(world.provider.sign_in(world.begin(attacker), "sub-nina"))
    path = f"{split.path}?{split.query}"
    assert is_refused(world, Browsing(world.server), path)
    other = Browsing(world.server)
    world.begin(other)
    assert is_refused(world, other, path)
    assert world.log()[-1]["reason"] == "state"
    assert attacker.get(path).status == 303, "the browser that began still can"


@pytest.mark.parametrize(
    "change",
    [
        {"state": ""},
        {"state": "x"},
        {"code": ""},
        {"code": "x" * 5000},
        {"code": "made up"},
        {"error": "access_denied"},
        {"iss": "https://evil.example"},
    ],
    ids=str,
)
def test_an_answer_that_is_not_the_right_one_is_refused(
    world: World, change: dict[str, str]
) -> None:
    browsing = Browsing(world.server)
    answer = parameters(world.provider.sign_in(world.begin(browsing), "sub-nina"))
    assert is_refused(world, browsing, f"{CALLBACK}?{urlencode({**answer, **change})}")


def test_doubled_parameters_are_refused(world: World) -> None:
    browsing = Browsing(world.server)
    answer = parameters(world.provider.sign_in(world.begin(browsing), "sub-nina"))
    assert is_refused(world, browsing, f"{CALLBACK}?{urlencode(answer)}&code=other")


def test_who_refuses_at_the_provider_gets_the_form_again(world: World) -> None:
    browsing = Browsing(world.server)
    split = urlsplit(world.provider.sign_in(world.begin(browsing), "nobody"))
    assert "error=access_denied" in split.query
    assert is_refused(world, browsing, f"{split.path}?{split.query}")


def test_who_has_no_account_is_answered_like_a_false_token(world: World) -> None:
    """Nor is an account made."""
    before = world.store.accounts()
    unknown = world.sign_in("sub-of-nobody-here")
    world.provider.behave("expired")
    false = world.sign_in("sub-nina")
    assert without_tokens(unknown) == without_tokens(false)
    assert unknown.status == 401
    assert world.store.accounts() == before


def test_the_login_of_an_account_is_no_subject(world: World) -> None:
    """Who may choose a name at the provider does not become the account of that name."""
    world.provider.behave(users={"x": {"preferred_username": "nina", "email": "nina"}})
    for user in ("nina", "wira", "x"):
        assert world.sign_in(user).status == 401


def test_nothing_secret_is_logged_or_kept(world: World) -> None:
    browsing = Browsing(world.server)
    address = world.begin(browsing)
    location = world.provider.sign_in(address, "sub-nina")
    assert world.come_back(browsing, location).status == 303
    verifier = world.provider.seen()["token_requests"][-1]["code_verifier"]
    sent, answered = parameters(address), parameters(location)
    secret = [CLIENT_SECRET, verifier, sent["state"], sent["nonce"], answered["code"]]
    written = world.server.home.portal_log.read_text()
    kept = world.server.home.portal_accounts.read_bytes()
    for one in (*secret, *filter(None, browsing.cookies.values()), "sub-nina"):
        assert one not in written
    for one in (sent["state"], answered["code"], CLIENT_SECRET, browsing.cookies[SESSION]):
        assert one.encode() not in kept


def test_another_site_cannot_send_a_browser_to_sign_in(world: World) -> None:
    answer = Browsing(world.server).get("/sign-in/provider", Sec_Fetch_Site="cross-site")
    assert answer.status == 200
    assert BROWSER not in answer.cookies


@pytest.mark.parametrize(
    "wanted", ["//evil.example", "https://evil.example", "/\\evil.example", "/a\r\nX: y"]
)
def test_it_leads_to_a_page_of_the_portal_alone(world: World, wanted: str) -> None:
    browsing = Browsing(world.server)
    begun = browsing.get(f"/sign-in/provider?{urlencode({'next': wanted})}")
    location = world.provider.sign_in(begun.header("location"), "sub-nina")
    assert world.come_back(browsing, location).header("location") == "/"


def test_the_end_of_a_link_ends_its_sessions(world: World) -> None:
    browsing = Browsing(world.server)
    assert world.sign_in("sub-wira", browsing).status == 303
    world.store.identities.unlink("wira")
    try:
        assert browsing.get("/").status == 303
        assert world.sign_in("sub-wira").status == 401
    finally:
        world.store.identities.link("wira", world.provider.issuer, "sub-wira")


def test_guessing_passwords_does_not_keep_the_owner_from_the_provider(world: World) -> None:
    """And a sign-in with the provider forgets no failure."""
    for _ in range(10):
        Browsing(world.server).sign_in("nina", "wrong")
    assert Browsing(world.server).sign_in("nina").status == 429
    assert world.sign_in("sub-nina").status == 303
    assert Browsing(world.server).sign_in("nina").status == 429


def test_passwords_can_be_switched_off_by_role(portal_home: Home, provider: Provider) -> None:
    provider.behave()
    with world_of(portal_home, provider, below="passwords_off_for: [ad_ops]\n") as world:
        page = Browsing(world.server).get("/sign-in").text
        assert 'name="password"' in page
        refused = Browsing(world.server).sign_in("nina")
        wrong = Browsing(world.server).sign_in("nina", "wrong")
        unknown = Browsing(world.server).sign_in("not-there", "wrong")
        assert without_tokens(refused) == without_tokens(wrong) == without_tokens(unknown)
        assert refused.status == 401
        assert signed_in(world.server, "wira")
        assert world.sign_in("sub-nina").status == 303
        for _ in range(8):
            Browsing(world.server).sign_in("nina")
        assert Browsing(world.server).sign_in("nina").status == 429, "it counts as a failure"


def test_passwords_can_be_switched_off_for_everyone(portal_home: Home, provider: Provider) -> None:
    provider.behave()
    with world_of(portal_home, provider, below="passwords_off_for: everyone\n") as world:
        browsing = Browsing(world.server)
        page = browsing.get("/sign-in").text
        assert 'name="password"' not in page
        assert "Sign in with Company login" in page
        assert world.sign_in("sub-wira", browsing).status == 303


def test_verified_mail_is_matched_and_other_mail_is_not(
    portal_home: Home, provider: Provider
) -> None:
    from portal.account_store import AccountStore  # noqa: PLC0415
    from portal.user_accounts import UserAccount  # noqa: PLC0415

    AccountStore(portal_home.portal_accounts).add(
        UserAccount("dewi@maju.example", "ad_ops", ("maju",)), ""
    )
    users = {
        "right": {"email": "Dewi@maju.example", "email_verified": True},
        "not": {"email": "dewi@maju.example", "email_verified": False},
        "word": {"email": "dewi@maju.example", "email_verified": "true"},
        "silent": {"email": "dewi@maju.example"},
        "none": {"email_verified": True},
        "letters": {"email": "d\u0435wi@maju.example", "email_verified": True},  # Cyrillic
        "kelvin": {"email": "dewi@maju.example\u212a", "email_verified": True},
    }
    with world_of(portal_home, provider, more="  account: verified_mail\n") as world:
        provider.behave(users=users)
        outcomes = {user: world.sign_in(user).status for user in users}
        assert outcomes == {user: 303 if user == "right" else 401 for user in users}
        assert world.sign_in("sub-nina").status == 401, "links are not read"
        assert Browsing(world.server).sign_in("dewi@maju.example", "").status == 401


def test_how_someone_signed_in_at_the_provider_can_be_demanded(
    portal_home: Home, provider: Provider
) -> None:
    with world_of(portal_home, provider, more="  required_acr: [phr]\n") as world:
        assert parameters(world.begin(Browsing(world.server)))["acr_values"] == "phr"
        outcomes = []
        for acr in ("", "pwd", "phr"):
            provider.behave(acr=acr)
            outcomes.append(world.sign_in("sub-nina").status)
        assert outcomes == [401, 401, 303]


def test_a_provider_that_states_its_issuer_has_to_state_it_each_time(
    portal_home: Home, provider: Provider
) -> None:
    provider.behave(states_issuer=True)
    with world_of(portal_home, provider) as world:
        assert world.sign_in("sub-nina").status == 401
        assert world.log()[-1]["reason"] == "issuer_of_answer"
        provider.behave(states_issuer=True, stated_issuer=provider.issuer)
        assert world.sign_in("sub-nina").status == 303
        provider.behave(states_issuer=True, stated_issuer="https://evil.example")
        assert world.sign_in("sub-nina").status == 401


def test_a_key_that_is_published_later_is_found(portal_home: Home, provider: Provider) -> None:
    provider.behave("next_key")
    with world_of(portal_home, provider) as world:
        assert world.sign_in("sub-nina").status == 303


def test_without_the_provider_passwords_go_on(portal_home: Home) -> None:
    with providing() as gone:
        pass
    with world_of(portal_home, gone) as world:
        browsing = Browsing(world.server)
        answer = browsing.get("/sign-in/provider")
        assert answer.status == 503
        assert "The sign-in service cannot be reached" in answer.text
        assert signed_in(world.server, "nina")


@pytest.mark.slow
def test_a_provider_that_calls_itself_by_another_name_is_not_used(
    portal_home: Home, provider: Provider
) -> None:
    provider.behave("discovery")
    with world_of(portal_home, provider) as world:
        assert Browsing(world.server).get("/sign-in/provider").status == 503


def test_a_redirect_of_the_provider_is_not_followed(portal_home: Home, provider: Provider) -> None:
    provider.behave("moved")
    with world_of(portal_home, provider) as world:
        assert Browsing(world.server).get("/sign-in/provider").status == 503
        provider.behave()
        assert world.sign_in("sub-nina").status == 303


def test_without_settings_there_is_no_such_address(portal_home: Home, tmp_path: Path) -> None:
    from published_world import serving  # noqa: PLC0415

    with serving(portal_home) as server:
        for path in ("/sign-in/provider", CALLBACK, f"{CALLBACK}?code=a&state=b"):
            assert Browsing(server).get(path).status == 404
        assert "/sign-in/provider" not in Browsing(server).get("/sign-in").text


@pytest.mark.slow
@pytest.mark.needs("chromium")
def test_in_a_browser_without_a_script_from_one_site_to_the_other_and_back(world: World) -> None:
    from playwright.sync_api import sync_playwright  # noqa: PLC0415
    from system_packages import PACKAGES  # noqa: PLC0415

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=PACKAGES["chromium"].path, args=["--no-sandbox"]
        )
        context = browser.new_context(java_script_enabled=False)
        page, complaints = context.new_page(), list[str]()
        page.on("console", lambda message: complaints.append(message.text))
        page.goto(f"{world.server.origin}/figures/campaign/spring")
        page.click("text=Sign in with Company login")
        assert page.url.startswith(f"{world.provider.issuer}/authorize?")
        page.fill("input[name=user]", "sub-nina")
        page.click("text=Continue")
        assert page.url == f"{world.server.origin}/figures/campaign/spring"
        assert "Spring Sale" in page.locator("h1").inner_text()
        cookies = {one["name"]: one for one in context.cookies()}
        assert cookies[SESSION]["httpOnly"]
        assert BROWSER not in cookies
        page.click("text=Sign out")
        assert page.url == f"{world.server.origin}/sign-in"
        page.wait_for_load_state("networkidle")  # the browser also clears what it kept of the site
        page.go_back()
        page.reload()
        assert page.url.startswith(f"{world.server.origin}/sign-in"), "nothing is kept"
        page.goto(f"{world.server.origin}/sign-in")
        page.click("text=Sign in with Company login")
        page.fill("input[name=user]", "sub-of-nobody-here")
        page.click("text=Continue")
        assert "This sign-in was not completed." in page.locator("#problem").inner_text()
        told = ("Failed to load resource", "Clear-Site-Data")
        assert not [one for one in complaints if not any(word in one for word in told)]
        browser.close()
