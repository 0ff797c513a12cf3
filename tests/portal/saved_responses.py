"""Everything that the portal answers to each role, as it is sent: pages, errors, files, the API."""

import gzip
import io
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow.parquet as pq
from published_world import PASSWORD
from starlette.testclient import TestClient

from anonymizer.storage.home import Home
from portal.account_store import AccountStore
from portal.application import create_application
from portal.passwords import hashed
from portal.request_limit import RequestLimit
from portal.server import site_of
from portal.user_accounts import UserAccount

ANONYMOUS = "anonymous"
ROLES = (
    UserAccount("of-maju", "ad_ops", ("maju",)),
    UserAccount("of-jaya", "ad_ops", ("jaya",)),
    UserAccount("analyst", "analyst"),
    UserAccount("officer", "privacy_officer"),
    UserAccount("engineer", "data_engineer"),
)
_OPENED = (
    *("/", "/?name=sale", "/?name=zzz", "/audience", "/segment", "/segment-requests", "/nowhere"),
    *("/sign-in", "/figures/campaign/autumn", "/figures/campaign/spring", "/packages/jaya"),
    *("/figures/campaign/spring?every=day&compare=autumn", "/packages/maju?every=day"),
    *(f"/figures/campaign/{one}?every=month" for one in ("spring", "autumn")),
    "/figures/campaign/spring?period=1999-01-01",
    "/files/jaya/campaign-day-2026-11-23/manifest.json",
    *(f"/{kind}/{one}/campaign-day-2026-11-24{end}" for one in ("maju", "jaya")
      for kind, end in (("certificates", ""), ("files", "/manifest.json"))),
    *(f"/segment?subject=campaign:{one}&every={kind}&gender=female&region=73.71"
      for one in ("spring", "autumn") for kind in ("day", "week")),
    "/segment?subject=campaign:spring&every=day&gender=female&age=50-54&region=73.71",
    "/segment?subject=campaign:spring&every=day&gender=female&age=40-44&age=50-54&region=73.71",
)  # fmt: skip
_ASKED = (
    *("/api/v1/openapi.json", "/api/v1/advertisers", "/api/v1/campaigns", "/api/v1/releases"),
    *(f"/api/v1/campaigns/{one}{end}" for one in ("spring", "autumn", "none")
      for end in ("", "/periods")),
    *(f"/api/v1/figures?{asked}" for asked in ("limit=500", "segment=women_makassar", "limit=x")),
    *("/delta-sharing/shares", "/delta-sharing/shares/maju/schemas"),
)  # fmt: skip
_LINK = re.compile(r'(?:href|action)="(/(?!static/|sign-out|language)[^"#]*)"')
_SECRETS = re.compile(
    rb'(?<=name="form_token" value=")[^"]+|\b[0-9a-f]{32,128}\b|\b[A-Za-z0-9+/]{43,}={0,2}'
    rb"|\b\d{4}-\d\d-\d\d \d\d:\d\d\b"  # when a session began and was used
)
_VOLATILE = frozenset({"set-cookie", "date"})


@dataclass(frozen=True)
class SavedResponse:
    """An answer as it was sent: to whom, what was asked, status, headers and body."""

    role: str
    asked: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def is_page(self) -> bool:
        return any(value.startswith("text/html") for name, value in self.headers)

    def parts(self) -> Iterator[tuple[str, bytes]]:
        """What is in the body, unpacked: entries of archives, columns of tables."""
        yield from _unpacked(self.asked.partition("?")[0], self.body)

    def lasting(self) -> "SavedResponse":
        """Without what is random: tokens of forms and sessions, digests and signatures."""
        headers = tuple(
            (name, _SECRETS.sub(b"*", value.encode()).decode())
            for name, value in self.headers
            if name not in _VOLATILE and not self._is_random_size(name)
        )
        body = b"\n".join(
            name.encode() + b":" + _SECRETS.sub(b"*", part) for name, part in self.parts()
        )
        return replace(self, headers=headers, body=body)

    def _is_random_size(self, header: str) -> bool:
        """Compressed digests differ in length by a few bytes."""
        packed = self.body[:2] == b"PK" or self.body[:4] == b"PAR1"
        return header == "content-length" and packed


def save_all(
    home: Home, roles: Sequence[UserAccount] = ROLES
) -> Mapping[str, tuple[SavedResponse, ...]]:
    """What each role is answered, and who has no session."""
    store, password = AccountStore(home.portal_accounts), hashed(PASSWORD)
    for account in roles:
        store.add(account, password)
    logins = (*(one.login for one in roles), ANONYMOUS)
    return {login: tuple(_crawl(home, login)) for login in logins}


def _crawl(home: Home, role: str) -> Iterator[SavedResponse]:
    client = _client(home, role)
    seen, waiting = set[str](), [*_OPENED]
    while waiting:
        path = waiting.pop(0)
        if path in seen:
            continue
        seen.add(path)
        answer = _answer(client, role, "GET", path)
        yield answer
        if not path.startswith("/files/"):
            yield _answer(client, role, "HEAD", path)
        if answer.is_page:
            found = _LINK.findall(answer.body.decode())
            waiting += [link.replace("&amp;", "&") for link in found]
    token = "aud_000000000000_none"
    if role != ANONYMOUS:
        token = AccountStore(home.portal_accounts).tokens.add(role, "test", 30, ())[1]
    for path in _ASKED:
        yield _answer(client, role, "GET", path, {"Authorization": f"Bearer {token}"})


def _client(home: Home, role: str) -> TestClient:
    site = replace(site_of(home), requests=RequestLimit(1_000_000))
    client = TestClient(
        create_application(site), base_url="https://127.0.0.1", follow_redirects=False
    )
    if role != ANONYMOUS:
        token = client.get("/sign-in").text.split('form_token" value="')[1].partition('"')[0]
        fields = {"form_token": token, "login": role, "password": PASSWORD}
        answer = client.post("/sign-in", data=fields, headers={"Origin": "http://127.0.0.1"})
        assert answer.status_code == 303
    return client


def _answer(
    client: TestClient, role: str, method: str, path: str, headers: Mapping[str, str] | None = None
) -> SavedResponse:
    answer = client.request(method, path, headers=headers)
    named = tuple(sorted((name.lower(), value) for name, value in answer.headers.items()))
    return SavedResponse(role, f"{method} {path}", answer.status_code, named, answer.content)


def _unpacked(name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    if content[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for entry in archive.namelist():
                yield from _unpacked(f"{name}!{entry}", archive.read(entry))
    elif content[:4] == b"PAR1":
        file = pq.ParquetFile(io.BytesIO(content))
        yield f"{name}#schema", str(file.schema_arrow.metadata).encode()
        for column in file.read().to_pydict().items():
            yield f"{name}#{column[0]}", repr(column[1]).encode()
    elif content[:2] == b"\x1f\x8b":
        yield name, gzip.decompress(content)
    else:
        yield name, content
