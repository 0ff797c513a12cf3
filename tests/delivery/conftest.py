"""A small home with releases of two advertisers, and real servers that take deliveries."""

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "release"))

from correction_world import correct, release_wrong
from interrupted_run import NEXT, run
from receivers import (
    Authority,
    MailReceiver,
    SftpReceiver,
    WebhookReceiver,
    mail_receiver,
    sftp_receiver,
    webhook_receiver,
)
from release_world import SECRET, release_longer

from anonymizer.exports.export_folders import write_exports
from anonymizer.release.ledger import Ledger
from anonymizer.release.publication import load_releases
from anonymizer.storage.home import Home

Once = Callable[[str, Callable[[Path], object]], Path]


def _build(folder: Path) -> None:
    """22 November of maju and jaya, later found wrong, and 23 November."""
    home = Home(folder / "home")
    home.root.mkdir()
    home.policy.write_text("{}\n", encoding="utf-8")
    release_wrong(home)
    run(home, NEXT)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture(scope="session")
def released(once: Once) -> Home:
    """Not to be changed: copy it."""
    return Home(once("deliveries", _build) / "home")


@pytest.fixture(scope="session")
def corrected(once: Once, released: Home) -> Home:
    """The same after the correction of 22 November. Not to be changed: copy it."""

    def build(folder: Path) -> None:
        correct(Home(shutil.copytree(released.root, folder / "home")))

    return Home(once("corrected deliveries", build) / "home")


@pytest.fixture(scope="session")
def longer(once: Once, released: Home) -> Home:
    """The same with the week and the months around it, interests and the audience."""

    def build(folder: Path) -> None:
        home = Home(shutil.copytree(released.root, folder / "home"))
        release_longer(home)
        ledger = Ledger.open(home.ledger)
        for one in load_releases(home, ledger):
            write_exports(one, home, ledger, SECRET)

    return Home(once("longer deliveries", build) / "home")


@pytest.fixture
def home(released: Home, tmp_path: Path) -> Home:
    """A copy to change."""
    return Home(shutil.copytree(released.root, tmp_path / "home"))


@pytest.fixture
def authority(home: Home) -> Authority:
    """An authority of this test alone; its certificate is `ca.pem` of the home."""
    made = Authority()
    made.write(home.root / "ca.pem")
    return made


@pytest.fixture
def webhook(authority: Authority) -> Iterator[WebhookReceiver]:
    with webhook_receiver(authority) as running:
        yield running


@pytest.fixture
def mailbox(authority: Authority) -> Iterator[MailReceiver]:
    with mail_receiver(authority) as running:
        yield running


@pytest.fixture
def sftp(tmp_path: Path) -> Iterator[SftpReceiver]:
    with sftp_receiver(tmp_path / "inbox") as running:
        yield running
