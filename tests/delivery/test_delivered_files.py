"""Files by SFTP and in a bucket: real servers, each failure by itself, corrections, withdrawals."""

import errno
import hashlib
import io
import json
import shutil
import signal
import subprocess
import sys
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from correction_world import correct
from destinations import (
    FIRST,
    MAJU,
    NEXT_DAY,
    SECOND,
    become,
    configure,
    delivered,
    exported,
    log_text,
    outcomes,
    private_file,
    sftp_to,
    webhook_to,
)
from interrupted_run import NEXT
from object_server import SECRETS, Bucket, ObjectServer
from pyarrow.fs import FileSelector
from receivers import PASSWORD, SftpReceiver, WebhookReceiver, sftp_receiver
from release_world import SECRET

from anonymizer.delivery.delivery_log import DeliveryLog
from anonymizer.exports.export_check import check_export
from anonymizer.exports.package import check_package
from anonymizer.exports.retirement import retire_exports
from anonymizer.exports.verification import verify_folder
from anonymizer.exports.withdrawal import withdraw
from anonymizer.release.ledger import Ledger
from anonymizer.storage.home import Home


@pytest.fixture(autouse=True)
def _no_home_of_ssh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "nowhere"))


@pytest.fixture
def bucket(object_server: ObjectServer) -> Bucket:
    return object_server.new_folder()


def s3_to(home: Home, bucket: Bucket, identity: str = "sender", **more: Any) -> dict[str, Any]:
    private_file(home.root / "s3.id", f"{identity.upper()}KEY")
    private_file(home.root / "s3.secret", SECRETS[identity])
    name, _, folder = bucket.name.partition("/")
    return {
        **MAJU,
        "bucket": name,
        "folder": folder,
        "endpoint": f"http://127.0.0.1:{bucket.server.port}",
        "access_key": {"file": "s3.id"},
        "secret_key": {"file": "s3.secret"},
        **more,
    }


def objects(bucket: Bucket) -> dict[str, bytes]:
    found = bucket.files.get_file_info(
        FileSelector(bucket.name, recursive=True, allow_not_found=True)
    )
    contents = {}
    for one in found:
        if one.is_file:
            with bucket.files.open_input_file(one.path) as stream:
                contents[one.path.removeprefix(f"{bucket.name}/")] = stream.read()
    return contents


# --- SFTP


def test_sftp_has_the_files_of_its_advertiser_byte_for_byte(home: Home, sftp: SftpReceiver) -> None:
    configure(home, sftp={"inbox": sftp_to(home, sftp)})
    assert [one.outcome for one in delivered(home)] == ["delivered"] * 2
    for release in (FIRST, NEXT_DAY):
        folder = sftp.folder / "incoming" / "maju" / release
        brought = {path.name: path.read_bytes() for path in folder.iterdir()}
        assert brought == exported(home, "maju", release)
        check_export(folder)
    assert {name.split("/")[1] for name in sftp.names()} == {"maju"}
    assert [name for name in sftp.order if "manifest" in name] == [sftp.order[5], sftp.order[11]]
    (line, _) = [one for one in DeliveryLog(home).read().lines if one.step == "delivered"]
    assert line.files == {
        name: hashlib.sha256(content).hexdigest()
        for name, content in exported(home, "maju", FIRST).items()
    }


def test_a_password_does_as_well_as_a_key(home: Home, sftp: SftpReceiver) -> None:
    private_file(home.root / "sftp.password", PASSWORD)
    given = sftp_to(home, sftp, password={"file": "sftp.password"})
    del given["key"]
    configure(home, sftp={"inbox": given})
    assert {one.outcome for one in delivered(home)} == {"delivered"}


def test_chosen_formats_in_one_zip_file_for_each_period(home: Home, sftp: SftpReceiver) -> None:
    configure(home, sftp={"inbox": sftp_to(home, sftp, packed=True, formats=["csv"])})
    delivered(home)
    assert sftp.names() == {
        f"incoming/maju/{FIRST}/maju_2026-11-22.zip",
        f"incoming/maju/{NEXT_DAY}/maju_2026-11-23.zip",
    }
    package = sftp.folder / "incoming" / "maju" / FIRST / "maju_2026-11-22.zip"
    with zipfile.ZipFile(package) as file:
        assert sorted(file.namelist()) == [
            f"{FIRST}/certificate.json",
            f"{FIRST}/manifest.json",
            f"{FIRST}/spring-sale_day-2026-11-22.csv",
        ]
    configure(home, sftp={"whole": sftp_to(home, sftp, packed=True, folder="whole")})
    delivered(home)
    check_package(sftp.folder / "whole" / "maju" / FIRST / "maju_2026-11-22.zip")


@pytest.mark.alternate("called off")
def test_a_folder_that_begins_with_a_slash_is_not_below_that_of_the_login(
    home: Home, sftp: SftpReceiver
) -> None:
    sftp.login_folder = "home/audience"
    (sftp.folder / sftp.login_folder).mkdir(parents=True)
    given = sftp_to(home, sftp, folder="/srv/drop/")
    top = sftp_to(home, sftp, folder="/", series=["campaign-day"], since="2026-11-23")
    configure(home, sftp={"inbox": given, "top": top})
    assert {one.outcome for one in delivered(home)} == {"delivered"}
    assert {name.rpartition("/")[0] for name in sftp.names()} == {
        f"srv/drop/maju/{FIRST}", f"srv/drop/maju/{NEXT_DAY}", f"maju/{NEXT_DAY}",
    }  # fmt: skip
    withdraw(NEXT_DAY, "Visits came twice", home, Ledger.open(home.ledger), SECRET)
    delivered(home)
    assert {name for name in sftp.names() if NEXT_DAY in name} == {
        f"srv/drop/maju/{NEXT_DAY}/WITHDRAWN.json", f"maju/{NEXT_DAY}/WITHDRAWN.json",
    }  # fmt: skip


def test_another_host_key_gets_nothing(home: Home, sftp: SftpReceiver) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
    configure(home, sftp={"inbox": sftp_to(home, sftp, host_keys=[other])})
    (failed,) = delivered(home)
    assert failed.problem.startswith("host_key")
    assert not sftp.names()
    assert not sftp.order


def test_half_an_upload_is_never_seen_under_the_name_of_the_file(
    home: Home, sftp: SftpReceiver
) -> None:
    configure(home, sftp={"inbox": sftp_to(home, sftp)})
    sftp.bytes_before_break = 100
    (failed,) = delivered(home)
    assert failed.problem.startswith("unreachable")
    (half,) = sftp.names()
    assert half == f"incoming/maju/{FIRST}/.spring-sale_day-2026-11-22.csv.part"
    assert (sftp.folder / half).stat().st_size == 100
    sftp.bytes_before_break = None
    assert {one.outcome for one in delivered(home, at_once=True)} == {"delivered"}
    folder = sftp.folder / "incoming" / "maju" / FIRST
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == exported(
        home, "maju", FIRST
    )


def test_a_full_disk_there_and_a_server_that_is_down_are_said_by_a_code(
    home: Home, sftp: SftpReceiver
) -> None:
    configure(
        home,
        sftp={
            "down": sftp_to(home, sftp, port=9),
            "inbox": sftp_to(home, sftp),
            "stranger": sftp_to(home, sftp, user="audience", key={"file": "other.key"}),
        },
    )
    other = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
    private_file(home.root / "other.key", other)
    sftp.is_full = True
    problems = {one.destination: one.problem.partition(":")[0] for one in delivered(home)}
    assert problems["down"] == "unreachable"
    assert problems["inbox"] in ("no_space", "sftp_failure")
    assert problems["stranger"] == "credentials"
    assert "canary" not in log_text(home)
    assert "PRIVATE KEY" not in log_text(home)
    sftp.is_full = False
    found = delivered(home, after=timedelta(minutes=6))
    assert {one.destination for one in found if one.outcome == "delivered"} == {"inbox"}


@pytest.mark.alternate("called off")
def test_of_wrong_figures_the_notice_alone_is_left_once_the_right_ones_are_there(
    home: Home, corrected: Home, sftp: SftpReceiver
) -> None:
    configure(home, sftp={"inbox": sftp_to(home, sftp)})
    delivered(home)
    become(home, corrected)
    sftp.order.clear()
    found = outcomes(delivered(home))
    assert [one[1] for one in found] == [f"released {SECOND}", f"corrected {FIRST}"]
    inbox = sftp.folder / "incoming" / "maju"
    assert {path.name for path in (inbox / FIRST).iterdir()} == {"CORRECTED.json"}
    notice = (home.exports / "maju" / FIRST / "CORRECTED.json").read_bytes()
    assert (inbox / FIRST / "CORRECTED.json").read_bytes() == notice
    check_export(inbox / SECOND)
    first_removed = next(i for i, name in enumerate(sftp.order) if name.startswith("remove"))
    assert f"incoming/maju/{FIRST}/CORRECTED.json" in sftp.order[:first_removed]

    withdraw(SECOND, "Visits came twice", home, Ledger.open(home.ledger), SECRET)
    delivered(home)
    assert {path.name for path in (inbox / SECOND).iterdir()} == {"WITHDRAWN.json"}
    assert delivered(home) == []


@pytest.mark.alternate("called off")
def test_wrong_files_go_after_a_correction_of_retired_exports(
    home: Home, sftp: SftpReceiver
) -> None:
    configure(home, sftp={"inbox": sftp_to(home, sftp)})
    delivered(home)
    retire_exports(home, Ledger.open(home.ledger), SECRET, NEXT, "Nobody needs them")
    assert not (home.exports / "maju" / FIRST).exists()
    correct(home)
    found = outcomes(delivered(home))
    assert [one[1:] for one in found] == [
        (f"released {SECOND}", "delivered"),
        (f"corrected {FIRST}", "delivered"),
    ]
    folder = sftp.folder / "incoming" / "maju" / FIRST
    assert {path.name for path in folder.iterdir()} == {"CORRECTED.json"}
    assert set(exported(home, "maju", FIRST)) == {"CORRECTED.json"}
    assert not verify_folder(home.published).unfinished
    assert delivered(home) == []


@pytest.mark.alternate("called off")
def test_files_are_called_off_in_the_folder_that_has_them(home: Home, sftp: SftpReceiver) -> None:
    configure(home, sftp={"inbox": sftp_to(home, sftp)})
    delivered(home)
    configure(home, sftp={"inbox": sftp_to(home, sftp, folder="incoming/new")})
    withdraw(FIRST, "Visits came twice", home, Ledger.open(home.ledger), SECRET)
    assert [one.outcome for one in delivered(home)] == ["delivered"]
    folder = sftp.folder / "incoming" / "maju" / FIRST
    assert {path.name for path in folder.iterdir()} == {"WITHDRAWN.json"}
    assert not (sftp.folder / "incoming" / "new").exists()


@pytest.mark.alternate("called off")
def test_a_release_that_came_into_two_folders_is_called_off_in_both(
    home: Home, sftp: SftpReceiver
) -> None:
    configure(home, sftp={"inbox": sftp_to(home, sftp)})
    sftp.bytes_before_break = 100
    delivered(home)
    sftp.bytes_before_break = None
    configure(home, sftp={"inbox": sftp_to(home, sftp, folder="new")})
    delivered(home, at_once=True)
    withdraw(FIRST, "Visits came twice", home, Ledger.open(home.ledger), SECRET)
    delivered(home)
    left = {name for name in sftp.names() if FIRST in name}
    assert left == {f"{root}/maju/{FIRST}/WITHDRAWN.json" for root in ("incoming", "new")}


@pytest.mark.alternate("called off")
@pytest.mark.parametrize("now", ["another server", "another account", "a bucket", "a webhook"])
def test_files_that_are_elsewhere_are_a_failure_until_the_name_is_theirs_again(
    home: Home,
    sftp: SftpReceiver,
    bucket: Bucket,
    webhook: WebhookReceiver,
    tmp_path: Path,
    now: str,
) -> None:
    before = sftp_to(home, sftp)
    configure(home, sftp={"inbox": before})
    delivered(home)
    withdraw(FIRST, "Visits came twice", home, Ledger.open(home.ledger), SECRET)
    with sftp_receiver(tmp_path / "other") as other:
        configure(
            home,
            **{
                "another server": {"sftp": {"inbox": {**before, "port": other.port}}},
                "another account": {"sftp": {"inbox": {**before, "user": "other"}}},
                "a bucket": {"s3": {"inbox": s3_to(home, bucket)}},
                "a webhook": {"webhook": {"inbox": webhook_to(home, webhook)}},
            }[now],
        )
        (failed,) = delivered(home)
        assert (failed.outcome, failed.problem.partition(":")[0]) == ("failed", "moved")
        assert f"sftp 127.0.0.1:{sftp.port}" in failed.problem
        assert not other.names()
    assert (objects(bucket), webhook.notices) == ({}, [])
    assert [one.outcome for one in delivered(home)] == ["paused"]
    configure(home, sftp={"inbox": before})
    assert [one.outcome for one in delivered(home, at_once=True)] == ["delivered"]
    folder = sftp.folder / "incoming" / "maju" / FIRST
    assert {path.name for path in folder.iterdir()} == {"WITHDRAWN.json"}


@pytest.mark.alternate("called off")
def test_with_an_absolute_folder_what_an_earlier_version_delivered_is_below_that_of_the_login(
    home: Home, sftp: SftpReceiver
) -> None:
    sftp.login_folder = "home/audience"
    (sftp.folder / sftp.login_folder).mkdir(parents=True)
    configure(home, sftp={"inbox": sftp_to(home, sftp, folder="srv/drop")})
    delivered(home)
    _forget_places(home)
    configure(home, sftp={"inbox": sftp_to(home, sftp, folder="/srv/drop")})
    withdraw(FIRST, "Visits came twice", home, Ledger.open(home.ledger), SECRET)
    delivered(home)
    assert {name for name in sftp.names() if FIRST in name} == {
        f"home/audience/srv/drop/maju/{FIRST}/WITHDRAWN.json"
    }


def _forget_places(home: Home) -> None:
    """The log as earlier versions wrote it."""
    lines = [json.loads(line) for line in log_text(home).splitlines()]
    for line in lines:
        del line["folder"], line["place"]
    home.delivery_log.write_text("".join(f"{json.dumps(line)}\n" for line in lines), "utf-8")


@pytest.mark.alternate("called off")
def test_what_an_earlier_version_delivered_is_called_off_in_the_present_folder(
    home: Home, sftp: SftpReceiver
) -> None:
    configure(home, sftp={"inbox": sftp_to(home, sftp)})
    delivered(home)
    _forget_places(home)
    withdraw(FIRST, "Visits came twice", home, Ledger.open(home.ledger), SECRET)
    assert [one.outcome for one in delivered(home)] == ["delivered"]
    folder = sftp.folder / "incoming" / "maju" / FIRST
    assert {path.name for path in folder.iterdir()} == {"WITHDRAWN.json"}


@pytest.mark.alternate("called off")
def test_what_a_reader_has_moved_away_is_no_fault(home: Home, sftp: SftpReceiver) -> None:
    configure(home, sftp={"inbox": sftp_to(home, sftp)})
    delivered(home)
    shutil.rmtree(sftp.folder / "incoming")
    withdraw(FIRST, "Visits came twice", home, Ledger.open(home.ledger), SECRET)
    assert {one.outcome for one in delivered(home)} == {"delivered"}
    assert sftp.names() == {f"incoming/maju/{FIRST}/WITHDRAWN.json"}


@pytest.mark.alternate("called off")
def test_what_came_half_and_was_withdrawn_goes_again(home: Home, sftp: SftpReceiver) -> None:
    configure(home, sftp={"inbox": sftp_to(home, sftp)})
    broken: list[int] = []

    def break_off_at_the_third() -> None:
        broken.append(1)
        if len(broken) == 3:
            raise OSError(errno.EIO, "")

    sftp.on_write = break_off_at_the_third
    delivered(home)
    assert len(sftp.names()) >= 2
    sftp.on_write = lambda: None
    withdraw(FIRST, "Visits came twice", home, Ledger.open(home.ledger), SECRET)
    delivered(home, at_once=True)
    folder = sftp.folder / "incoming" / "maju" / FIRST
    assert {path.name for path in folder.iterdir()} == {"WITHDRAWN.json"}


@pytest.mark.alternate("called off")
def test_half_a_file_goes_with_a_withdrawal_too(home: Home, sftp: SftpReceiver) -> None:
    configure(home, sftp={"inbox": sftp_to(home, sftp)})
    sftp.bytes_before_break = 100
    delivered(home)
    assert sftp.names() == {f"incoming/maju/{FIRST}/.spring-sale_day-2026-11-22.csv.part"}
    sftp.bytes_before_break = None
    withdraw(FIRST, "Visits came twice", home, Ledger.open(home.ledger), SECRET)
    delivered(home, at_once=True)
    folder = sftp.folder / "incoming" / "maju" / FIRST
    assert {path.name for path in folder.iterdir()} == {"WITHDRAWN.json"}


def test_an_edited_file_is_not_sent(home: Home, sftp: SftpReceiver) -> None:
    configure(home, sftp={"inbox": sftp_to(home, sftp)})
    path = home.exports / "maju" / FIRST / "spring-sale_day-2026-11-22.csv"
    path.write_bytes(path.read_bytes() + b"maju,1\n")
    assert [one.outcome for one in delivered(home)] == ["failed", "delivered"]
    assert not (sftp.folder / "incoming" / "maju" / FIRST).exists()


@pytest.mark.skipif(shutil.which("sftp") is None, reason="the client of OpenSSH is not installed")
def test_the_client_of_openssh_reads_what_was_brought(
    home: Home, sftp: SftpReceiver, tmp_path: Path
) -> None:
    configure(home, sftp={"inbox": sftp_to(home, sftp)})
    delivered(home)
    known, key = tmp_path / "known", tmp_path / "key"
    known.write_text(f"[127.0.0.1]:{sftp.port} {sftp.host_key}\n")
    private_file(key, sftp.client_key)
    name = f"incoming/maju/{FIRST}/manifest.json"
    done = subprocess.run(
        ["sftp", "-F", "none", "-o", f"UserKnownHostsFile={known}", "-i", key, "-b", "-", "-P",
         str(sftp.port), "audience@127.0.0.1"],
        input=f"get {name} {tmp_path}/got\n", capture_output=True, text=True, check=False,
        timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "got").read_bytes() == exported(home, "maju", FIRST)["manifest.json"]


# --- S3


@pytest.mark.alternate("called off")
def test_a_bucket_has_the_files_and_after_a_withdrawal_the_notice(
    home: Home, bucket: Bucket
) -> None:
    configure(home, s3={"lake": s3_to(home, bucket)})
    assert {one.outcome for one in delivered(home)} == {"delivered"}
    assert objects(bucket) == {
        f"maju/{release}/{name}": content
        for release in (FIRST, NEXT_DAY)
        for name, content in exported(home, "maju", release).items()
    }
    withdraw(FIRST, "Visits came twice", home, Ledger.open(home.ledger), SECRET)
    delivered(home)
    left = {name for name in objects(bucket) if name.startswith(f"maju/{FIRST}/")}
    assert left == {f"maju/{FIRST}/WITHDRAWN.json"}
    assert delivered(home) == []


def test_a_corrected_period_in_a_bucket(home: Home, corrected: Home, bucket: Bucket) -> None:
    configure(home, s3={"lake": s3_to(home, bucket, packed=True)})
    delivered(home)
    become(home, corrected)
    delivered(home)
    assert set(objects(bucket)) == {
        f"maju/{FIRST}/CORRECTED.json",
        f"maju/{SECOND}/maju_2026-11-22_edition-2.zip",
        f"maju/{NEXT_DAY}/maju_2026-11-23.zip",
    }
    package = objects(bucket)[f"maju/{SECOND}/maju_2026-11-22_edition-2.zip"]
    with zipfile.ZipFile(io.BytesIO(package)) as file:
        inside = {name.partition("/")[2]: file.read(name) for name in file.namelist()}
    assert inside == exported(home, "maju", SECOND)


@pytest.mark.parametrize("number", [0, 1, 2, 3, 4])
def test_a_kill_leaves_no_manifest_without_its_files(
    number: int, home: Home, bucket: Bucket
) -> None:
    """What a reader of a bucket goes by is put last, and the next delivery completes the rest."""
    configure(home, s3={"lake": s3_to(home, bucket)})
    whole = exported(home, "maju", FIRST)
    assert len(whole) > number
    script = Path(__file__).with_name("interrupted_delivery.py")
    command = [sys.executable, str(script), str(home.root), str(number)]
    done = subprocess.run(command, check=False, capture_output=True, timeout=120)
    assert done.returncode == -signal.SIGKILL, done.stderr
    there = objects(bucket)
    assert len(there) == number
    assert not [name for name in there if name.endswith("manifest.json")]
    assert there.items() <= {f"maju/{FIRST}/{name}": text for name, text in whole.items()}.items()
    delivered(home, after=timedelta(hours=1), at_once=True)
    assert objects(bucket) == {
        f"maju/{release}/{name}": content
        for release in (FIRST, NEXT_DAY)
        for name, content in exported(home, "maju", release).items()
    }


@pytest.mark.parametrize(
    ("more", "identity", "problem"),
    [
        ({}, "reader", "permission"),
        ({"endpoint": "http://127.0.0.1:9"}, "sender", "unreachable"),
        ({"secret_key": {"file": "wrong"}}, "sender", "credentials"),
    ],
    ids=["may not write", "down", "wrong key"],
)
def test_what_a_store_refuses_is_said_by_a_code(
    home: Home, bucket: Bucket, more: dict[str, Any], identity: str, problem: str
) -> None:
    private_file(home.root / "wrong", "canary-key-0f3")
    configure(home, s3={"lake": {**s3_to(home, bucket, identity), **more}})
    (failed,) = delivered(home)
    assert (failed.outcome, failed.problem.partition(":")[0]) == ("failed", problem)
    assert "canary-key-0f3" not in log_text(home)
    assert SECRETS[identity] not in log_text(home)
    assert objects(bucket) == {}
    if problem == "permission":
        for needed in ("PutObject", "GetObject", "DeleteObject", "ListBucket"):
            assert f"s3:{needed}" in failed.problem
