"""Raw files in a bucket are taken in as the same files in a folder are, and faults are told."""

import gzip
import os
import random
import stat
import time
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from object_server import SECRETS, Bucket, ObjectServer, Relay, relayed
from raw_world import (
    DAY,
    NOW,
    World,
    as_csv,
    as_json_lines,
    profile,
    request_of,
    typed_parquet,
    visit,
)

from anonymizer.intake.file_inspection import broken_files
from anonymizer.intake.landing_zone import survey
from anonymizer.intake.objection_review import review
from anonymizer.intake.person_search import search
from anonymizer.intake.raw_source import Limits, opened
from anonymizer.model.errors import (
    ConfigurationError,
    Held,
    InputRejected,
    InputsRejected,
    NoSpace,
    RawZoneUnreachable,
)
from anonymizer.rights.rights import file_request
from anonymizer.storage.engines.duckdb import DuckDB
from anonymizer.storage.object_store import ObjectStore
from anonymizer.storage.object_tree import (
    AmbiguousListingError,
    ObjectListing,
    ObjectPath,
    ObjectStatus,
)
from anonymizer.storage.raw_zone import RawPath, RawZone, raw_root

VISITS = f"visits/day={DAY}/v.csv"


@pytest.fixture
def bucket(object_server: ObjectServer, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """An empty bucket, from which the raw zone is read."""
    made = object_server.new_folder()
    for name, value in made.environment().items():
        monkeypatch.setenv(name, value)
    return made


@pytest.fixture
def landed(world: World, bucket: Bucket) -> World:
    """The world with its files in the bucket, and none in the home."""
    move(world, bucket)
    return world


@pytest.fixture
def relay(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> Iterator[Relay]:
    with relayed(bucket.server) as made:
        for name, value in bucket.environment(port=made.port).items():
            monkeypatch.setenv(name, value)
        yield made


def move(world: World, bucket: Bucket) -> None:
    bucket.deliver(world.home.raw)
    world.home.raw.rename(world.root / "delivered")


def in_every_format(world: World) -> None:
    """Profiles, consents, requests, campaigns and visits in files of all kinds, hours included."""
    people = [f"p{number}" for number in range(40)]
    world.put(f"profiles/day={DAY}/p.csv", as_csv([profile(user) for user in people[:20]]))
    world.put(
        f"profiles/day={DAY}/q.parquet",
        typed_parquet("profiles", [profile(u) for u in people[20:]]),
    )
    world.put("requests/r.jsonl", as_json_lines([request_of("p1")]))
    rows = [visit(f"v{n}", user_id=user) for n, user in enumerate(people)]
    folder = world.folder()
    (folder / "a.csv.gz").write_bytes(gzip.compress(as_csv(rows[:10])))
    (folder / "b.parquet").write_bytes(typed_parquet("visits", rows[10:20]))
    (folder / "hour=07").mkdir()
    (folder / "hour=07" / "c.jsonl").write_bytes(as_json_lines(rows[20:]))
    (folder / "_SUCCESS").touch()
    (folder / "half.part").write_bytes(b"visit_id")
    world.put("notes.txt", b"for nobody")


@pytest.mark.alternate("buckets")
def test_a_day_in_a_bucket_is_taken_in_as_from_a_folder(
    world: World, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_every_format(world)
    monkeypatch.delenv("AUDIENCE_RAW")
    here, written = world.take_in(), world.written()
    move(world, bucket)
    monkeypatch.setenv("AUDIENCE_RAW", bucket.address)
    assert world.take_in() == here
    assert world.written() == written
    assert here.accounts["visits"].read == 41
    assert "half.part" in " ".join(file.name for file in here.files)


def test_nothing_of_an_object_stays_in_the_home(landed: World) -> None:
    landed.take_in()
    found = {path.name for path in landed.home.private.rglob("*") if path.is_file()}
    assert found == {f"day={DAY}.parquet"}
    assert not list(landed.root.glob("raw*"))


def test_a_copy_has_no_name_and_is_its_owners_alone(landed: World) -> None:
    """Its content would outlive a killed run otherwise."""
    (file,) = survey(raw_root(landed.home), DAY, landed.policy.timing, NOW).of("visits")
    descriptor = file.path.fetch()  # type: ignore[attr-defined]
    status = os.fstat(descriptor)
    os.close(descriptor)
    assert status.st_nlink == 0
    assert stat.S_IMODE(status.st_mode) == 0o600
    assert not list(landed.home.private.iterdir())
    assert stat.S_IMODE(landed.home.private.stat().st_mode) == 0o700


def test_an_object_is_fetched_once_in_a_run(world: World, bucket: Bucket, relay: Relay) -> None:
    later = DAY + timedelta(days=1)
    world.visits(as_csv([visit("late", occurred_at=f"{later}T10:00:00+07:00")]), offset=1)
    world.folder(2)
    (world.folder(2) / "_SUCCESS").touch()
    move(world, bucket)
    zone = RawZone.of(world.home)
    for day in (DAY, later):
        world.day = day
        assert not refused(world, zone.root())
    fetched = relay.fetched()
    assert VISITS in fetched
    assert len(fetched) == len(set(fetched)) == 6


@pytest.mark.alternate("buckets")
def test_large_objects_arrive_whole_and_in_bounded_memory(world: World, bucket: Bucket) -> None:
    """More than a piece of a download; what is held in memory does not grow with the object."""
    draw = random.Random(1)
    filler = "".join(draw.choices("abcdefghij", k=200))
    rows = [visit(f"v{n}", referrer=filler) for n in range(70_000)]
    content = as_csv(rows)
    assert len(content) > 18_000_000
    bucket.put("visits/day=2026-01-01/v.csv", content)
    (file,) = survey(raw_root(world.home), DAY, world.policy.timing, NOW).of("visits")
    tracemalloc.start()
    descriptor = file.path.fetch()  # type: ignore[attr-defined]
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 10_000_000
    with os.fdopen(descriptor, "rb") as copy:
        copy.seek(0)
        assert copy.read() == content


def test_a_folder_in_the_bucket_is_complete_as_on_a_disk(landed: World, bucket: Bucket) -> None:
    now = time.time()
    waits = survey(raw_root(landed.home), DAY, landed.policy.timing, now).waits
    assert {hold.reason for hold in waits} == {"incomplete"}
    assert f"{VISITS} may be incomplete" in waits[-1].detail
    for folder in (f"visits/day={DAY}", f"profiles/day={DAY}", "campaigns", "consents", "requests"):
        bucket.put(f"{folder}/_SUCCESS", b"")
    assert not survey(raw_root(landed.home), DAY, landed.policy.timing, now).waits


def test_what_arrives_during_a_listing_is_not_left_out_of_a_complete_folder(
    landed: World, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Objects are listed by name, and the mark after all of them: it may be the only new one."""
    mark, late = f"visits/day={DAY}/_SUCCESS", f"visits/day={DAY}/a.csv"
    infos, calls = ObjectStore._infos, []

    def before_it_arrived(store: ObjectStore) -> list[Any]:
        found = infos(store)
        calls.append(len(found))
        return [one for one in found if len(calls) > 1 or not one.path.endswith(late)]

    bucket.put(late, as_csv([visit("w1")]))
    bucket.put(mark, b"")
    monkeypatch.setattr(ObjectStore, "_infos", before_it_arrived)
    landing = survey(raw_root(landed.home), DAY, landed.policy.timing, time.time())
    assert [file.name for file in landing.of("visits")] == [late, VISITS]


@pytest.mark.parametrize("name", ["_SUCCESS", "_manifest.json"])
def test_a_mark_that_arrives_during_a_listing_does_not_count_yet(
    landed: World, bucket: Bucket, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    mark = f"visits/day={DAY}/{name}"
    infos, calls = ObjectStore._infos, []

    def then_marked(store: ObjectStore) -> list[Any]:
        found = infos(store)
        calls.append(len(found))
        bucket.put(mark, b'{"files": [{"name": "v.csv"}]}')
        return found

    bucket.put("campaigns/_SUCCESS", b"")
    monkeypatch.setattr(ObjectStore, "_infos", then_marked)
    root = raw_root(landed.home)
    assert len(calls) == 2
    assert (root / "campaigns" / "_SUCCESS").is_file()
    waits = survey(root, DAY, landed.policy.timing, time.time()).waits
    assert f"{VISITS} may be incomplete" in " ".join(hold.detail for hold in waits)


def test_requests_in_a_folder_of_the_home_hold_the_day(landed: World) -> None:
    folder = landed.home.raw / "requests"
    (folder / "november").mkdir(parents=True)
    (folder / "november" / "r.jsonl").write_bytes(as_json_lines([request_of("u1")]))
    (folder / "empty").mkdir()
    (hold,) = survey(raw_root(landed.home), DAY, landed.policy.timing, NOW).waits
    assert hold.reason == "unread_folder"
    assert "requests/november has files" in hold.detail


def test_a_manifest_of_the_home_is_read_there(landed: World, bucket: Bucket) -> None:
    folder = landed.home.raw / "requests"
    folder.mkdir(parents=True)
    (folder / "_manifest.json").write_text('{"files": [{"name": "r.csv"}, {"name": "more.csv"}]}')
    (hold,) = survey(raw_root(landed.home), DAY, landed.policy.timing, NOW).waits
    assert "1 of 2 files of the manifest are missing" in hold.detail


def test_requests_of_the_home_that_are_no_folder_are_refused(landed: World) -> None:
    landed.home.raw.mkdir()
    requests = landed.home.raw / "requests"
    (landed.root / "elsewhere").mkdir()
    for make in (lambda: requests.symlink_to(landed.root / "elsewhere"), requests.touch):
        make()
        with pytest.raises(RawZoneUnreachable, match="raw/requests of the home is not a folder"):
            raw_root(landed.home)
        requests.unlink()


def test_a_manifest_in_the_bucket_is_kept(landed: World, bucket: Bucket) -> None:
    manifest = f"visits/day={DAY}/_manifest.json"
    bucket.put(manifest, b'{"files": [{"name": "v.csv", "sha256": "%s"}]}' % (b"0" * 64))
    assert refused(landed, raw_root(landed.home))[0].endswith("rejected: manifest_digest")
    for content, told in (
        (b'{"files": [{"name": "v.csv"}, {"name": "more.csv"}]}', "1 of 2 files of the manifest"),
        (b"{", "cannot be read; deliver it again"),
    ):
        bucket.put(manifest, content)
        (hold,) = survey(raw_root(landed.home), DAY, landed.policy.timing, NOW).waits
        assert hold.reason == "incomplete"
        assert told in hold.detail


def test_an_empty_bucket_is_a_day_that_is_missing(world: World, bucket: Bucket) -> None:
    with pytest.raises(Held) as held:
        world.take_in()
    assert held.value.reason == "missing_campaigns"
    assert f"raw/visits/day={DAY} is not there" in str(held.value)


@pytest.mark.alternate("buckets")
def test_requests_that_are_filed_here_count_with_those_in_the_bucket(
    landed: World, bucket: Bucket
) -> None:
    filed = file_request(landed.home, "erase", "u1", datetime(2026, 1, 1, tzinfo=UTC))
    intake = landed.take_in()
    assert intake.accounts["requests"].counted == 2
    assert intake.accounts["visits"].excluded == {"erased": 1}
    raw = raw_root(landed.home)
    assert [file.name for file in survey(raw, DAY, landed.policy.timing, NOW).of("requests")] == [
        f"requests/{filed.path.name}",
        "requests/r.csv",
    ]
    assert len(search(raw, "requests", "u1", landed.policy.intake).rows) == 1
    assert len(search(raw, "profiles", "u1", landed.policy.intake).rows) == 1
    with DuckDB(memory_megabytes=500, threads=1, spill=None) as engine:
        assert len(review(raw, landed.policy, landed.secret, engine).requests) == 2
    bucket.put(f"requests/{filed.path.name}", b"")
    with pytest.raises(RawZoneUnreachable, match="in the bucket and in raw/ of the home"):
        raw_root(landed.home)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (
            ["visits/day=2026-01-01", "visits/day=2026-01-01/v.csv"],
            "is both an object and a folder",
        ),
        (
            ["visits/day=2026-01-01/v.csv", "visits/day=2026-01-01"],
            "is both an object and a folder",
        ),
        (["visits//v.csv"], "has an empty part"),
        (["visits/../v.csv"], "has an empty part"),
    ],
)
def test_names_that_are_no_tree_are_refused(tmp_path: Path, names: list[str], told: str) -> None:
    found = [(name, ObjectStatus(stat.S_IFREG, 1, 1)) for name in names]
    with pytest.raises(AmbiguousListingError, match=told):
        ObjectListing.of(found, tmp_path, lambda *_: 0)


# What may go wrong


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"AUDIENCE_RAW": "s3://no-such-bucket/raw"}, "there is no bucket of this name"),
        ({"AWS_ACCESS_KEY_ID": "STRANGERKEY", "AWS_SECRET_ACCESS_KEY": SECRETS["stranger"]},
         "no permission; let the account list the bucket"),
        ({"AWS_SECRET_ACCESS_KEY": "wrong-secret-9876543210"}, "the credentials are wrong"),
        ({"AWS_ACCESS_KEY_ID": "UNKNOWNKEY1234567"}, "the credentials are wrong"),
        ({"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1"}, "nothing answers there"),
        ({"AWS_ENDPOINT_URL_S3": "https://nowhere.invalid"}, "nothing answers there"),
    ],
)  # fmt: skip
def test_a_zone_that_cannot_be_listed_holds_the_day(
    landed: World, monkeypatch: pytest.MonkeyPatch, changes: dict[str, str], told: str
) -> None:
    for name, value in changes.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(RawZoneUnreachable, match=told) as held:
        raw_root(landed.home)
    assert (held.value.reason, held.value.exit_code) == ("raw_zone", 4)
    assert os.environ["AUDIENCE_RAW"] in str(held.value)
    discloses_nothing(str(held.value))
    assert not landed.home.private.exists()


def discloses_nothing(text: str) -> None:
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        assert os.environ[variable] not in text
    assert "STRANGER" not in text.upper()


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("AUDIENCE_RAW", "s3://key:hunter2@bucket/raw", "name or password"),
        ("AUDIENCE_RAW", "/mnt/hunter2", "is not an address of an object store"),
        ("AUDIENCE_RAW", "https://bucket/hunter2", "is not an address of an object store"),
        ("AUDIENCE_RAW", "s3://bucket/raw?secret=hunter2", "does not have the form"),
        ("AUDIENCE_RAW", "s3:///hunter2", "does not have the form"),
        ("AUDIENCE_RAW", "s3://bucket/hunter2/../x", "has an empty part"),
        ("AWS_ENDPOINT_URL_S3", "http://me:hunter2@127.0.0.1:1", "is not the URL of a server"),
        ("AWS_ENDPOINT_URL_S3", "hunter2:80", "is not the URL of a server"),
        ("AWS_ENDPOINT_URL_S3", "http://hunter2:port", "is not a URL"),
    ],
)
def test_a_wrong_address_is_a_mistake_of_the_configuration(
    landed: World, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, told: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError, match=told) as wrong:
        raw_root(landed.home)
    assert variable in str(wrong.value)
    assert "hunter2" not in str(wrong.value)


def refused(world: World, root: RawPath) -> list[str]:
    """What is said of each file that a run would refuse."""
    landing = survey(root, world.day, world.policy.timing, NOW)
    found = broken_files(landing.files, world.policy.intake)
    assert all(one.exit_code == 3 for one in found)
    discloses_nothing(" ".join(map(str, found)))
    return [str(one) for one in found]


def test_a_refused_object_keeps_the_day_from_being_taken_in(landed: World, bucket: Bucket) -> None:
    root = raw_root(landed.home)
    bucket.remove(VISITS)
    with pytest.raises(InputsRejected) as rejected:
        landed.take_in(raw=root)
    assert [one.reason for one in rejected.value.files] == ["unreadable"]
    assert rejected.value.exit_code == 3
    assert not landed.home.working_file("visits", DAY).exists()


def test_an_object_that_is_gone_since_it_was_listed_is_refused(
    landed: World, bucket: Bucket
) -> None:
    root = raw_root(landed.home)
    bucket.remove(VISITS)
    (said,) = refused(landed, root)
    assert said == (
        f"{VISITS} rejected: unreadable; it disappeared after it was listed; deliver it again"
    )


def test_an_object_that_was_replaced_since_it_was_listed_is_refused(
    landed: World, bucket: Bucket
) -> None:
    root = raw_root(landed.home)
    bucket.put(VISITS, as_csv([visit("other", user_id="u12")]))
    (said,) = refused(landed, root)
    assert said == f"{VISITS} rejected: changed; it was replaced after it was listed; run again"
    assert not refused(landed, raw_root(landed.home))


def test_an_object_that_is_replaced_by_one_of_its_size_during_the_download_is_refused(
    landed: World, bucket: Bucket, relay: Relay
) -> None:
    """Also within the second in which it was written: times are told by the second."""
    content = (landed.root / "delivered" / "campaigns" / "c.csv").read_bytes()
    other = content.replace(b"Warung Satu", b"Warung Dua ")
    relay.meanwhile = lambda: bucket.replace("campaigns/c.csv", other)
    (said,) = refused(landed, raw_root(landed.home))
    assert said == (
        "campaigns/c.csv rejected: changed; it was replaced while being read; run again"
    )
    assert len(other) == len(content)


def test_a_kept_copy_is_not_taken_for_a_newer_object(landed: World, bucket: Bucket) -> None:
    zone = RawZone.of(landed.home)
    before = digests(landed, zone.root())
    bucket.put(VISITS, as_csv([visit("w1")]))
    after = digests(landed, zone.root())
    assert {name for name in before if before[name] != after[name]} == {VISITS}


def digests(world: World, root: RawPath) -> dict[str, str]:
    found = {}
    for file in survey(root, world.day, world.policy.timing, NOW).files:
        with opened(file, Limits.of(world.policy.intake)) as source:
            found[file.name] = source.digest
    return found


def test_an_object_that_may_not_be_read_is_refused(
    landed: World, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaigns = raw_root(landed.home) / "campaigns" / "c.csv"
    assert isinstance(campaigns, ObjectPath)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "STRANGERKEY")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRETS["stranger"])
    stranger = RawZone.of(landed.home).store
    assert stranger
    with pytest.raises(InputRejected, match="unreadable; no permission") as rejected:
        stranger.fetch(campaigns.place, campaigns.lstat())
    discloses_nothing(str(rejected.value))


def test_a_download_that_breaks_off_is_refused_and_the_next_one_goes_on(
    landed: World, relay: Relay
) -> None:
    relay.broken.add(VISITS)
    (said,) = refused(landed, raw_root(landed.home))
    assert said == (
        f"{VISITS} rejected: unreadable; the connection to the store was interrupted; run again"
    )
    relay.broken.clear()
    assert not refused(landed, raw_root(landed.home))


def test_an_object_above_the_limit_is_not_fetched(
    landed: World, bucket: Bucket, relay: Relay
) -> None:
    bucket.put(VISITS, b"x" * 1_000_001)
    landed.with_policy("intake", max_file_megabytes=1)
    (said,) = refused(landed, raw_root(landed.home))
    assert said == f"{VISITS} rejected: too_large; the limit is 1 MB"
    assert VISITS not in relay.fetched()


def test_without_room_for_the_copy_nothing_is_read(landed: World) -> None:
    landed.home.private.write_text("a file in the way")
    with pytest.raises(NoSpace):
        refused(landed, raw_root(landed.home))
