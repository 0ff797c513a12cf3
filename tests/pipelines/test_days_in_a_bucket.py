"""Days whose raw files lie in a bucket are released byte for byte as from a folder."""

import shutil
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

import dagster as dg
import pytest
from intake.deliveries import FIRST, make_world
from object_server import SECRETS, Bucket, ObjectServer, relayed
from running import Done, call
from test_landed_days import Sensor, days_of

from anonymizer.release.ledger import Ledger
from anonymizer.storage.home import Home
from anonymizer.storage.object_store import ObjectStore
from anonymizer.storage.secret import Secret

DAYS = [FIRST + timedelta(days=number) for number in range(3)]
DAY = FIRST.isoformat()
DEFAULTS = Path(__file__).parents[2] / "anonymizer" / "defaults"
RUN = ("run", "--from", DAY, "--to", DAY)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Two days and the late visits of the second. Not to be changed: copy it."""
    made = Home(tmp_path_factory.mktemp("bucket") / "home")
    make_world(made.raw, DAYS[:2])
    for path in (made.policy, made.segments):
        shutil.copy(DEFAULTS / path.name, path)
    Secret.create(made.secret)
    return made


@pytest.fixture(scope="module")
def delivered(object_server: ObjectServer, world: Home) -> Bucket:
    """Its raw files. Not to be changed: `bucket` is for that."""
    made = object_server.new_folder()
    made.deliver(world.raw)
    return made


@pytest.fixture
def bucket(object_server: ObjectServer, world: Home) -> Bucket:
    made = object_server.new_folder()
    made.deliver(world.raw)
    return made


@pytest.fixture
def home(world: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """The same key, policy and catalogue, and no raw files."""
    made = Home(tmp_path / "home")
    made.root.mkdir()
    for path in (world.policy, world.segments, world.secret):
        shutil.copy(path, made.root)
    monkeypatch.setenv("AUDIENCE_HOME", str(made.root))
    return made


def published(home: Home) -> dict[str, bytes]:
    return {
        str(path.relative_to(home.published)): path.read_bytes()
        for path in sorted(home.published.rglob("*"))
        if path.is_file() and path != home.database
    }


def inputs(home: Home) -> dict[str, str]:
    """The digests of the raw files, as the ledger recorded them."""
    (entry,) = Ledger.open(home.ledger).releases()
    return dict(entry.body["inputs"])


def everything(home: Home) -> bytes:
    return b"".join(path.read_bytes() for path in home.root.rglob("*") if path.is_file())


@pytest.mark.slow
def test_a_day_from_a_bucket_is_released_as_from_a_folder(
    world: Home, delivered: Bucket, home: Home, tmp_path: Path
) -> None:
    here = Home(shutil.copytree(world.root, tmp_path / "here", symlinks=True))
    assert call(*RUN, "--home", here.root).returncode == 0
    with relayed(delivered.server) as relay:
        done = call(*RUN, environment=delivered.environment(port=relay.port))
    assert done.returncode == 0, done.stderr
    expected = published(here)
    assert published(home) == expected
    assert {name.split("/")[0] for name in expected} == {"releases", "exports", "ledger.jsonl"}
    assert inputs(home) == inputs(here)
    # Each object was downloaded once, and nothing of a key was written down or said.
    fetched = Counter(relay.fetched())
    assert f"visits/day={DAY}/_SUCCESS" not in fetched
    assert set(fetched.values()) == {1}
    assert not (home.root / "raw").exists()
    for word in (SECRETS["reader"], "READERKEY"):
        assert word not in done.stdout + done.stderr
        assert word.encode() not in everything(home)


@pytest.mark.slow
def test_a_released_day_with_other_objects_says_which(bucket: Bucket, home: Home) -> None:
    assert call(*RUN, environment=bucket.environment()).returncode == 0
    before = published(home)
    consents, gone = "consents/consents.csv", f"visits/day={DAYS[1]}/visits.csv"
    bucket.put(consents, bucket.content(consents) + b"\n")
    bucket.remove(gone)
    bucket.put(f"visits/day={DAY}/new.csv", b"visit_id,user_id,occurred_at,url\n")
    done = call(*RUN, environment=bucket.environment())
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stdout.split())
    assert f"new: visits/day={DAY}/new.csv" in said
    assert f"gone: {gone}" in said
    assert f"changed: {consents}" in said
    assert published(home) == before


@pytest.mark.alternate("buckets")
def test_check_input_reads_the_bucket_and_writes_nothing(delivered: Bucket, home: Home) -> None:
    before = everything(home)
    done = call("check-input", "--day", DAY, environment=delivered.environment())
    assert f"Nothing holds {DAY}." in done.stdout, done.stdout
    assert everything(home) == before


@pytest.mark.alternate("buckets")
def test_check_input_copies_objects_to_where_a_run_does(
    delivered: Bucket, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Raw values would lie below the system's temporary folder otherwise."""
    folders = set()
    made = ObjectStore._nameless_file

    def seen(store: ObjectStore) -> BinaryIO:
        folders.add(store._copies)
        return made(store)

    monkeypatch.setattr(ObjectStore, "_nameless_file", seen)
    done = call("check-input", "--day", DAY, environment=delivered.environment())
    assert done.returncode == 0, done.stdout
    assert folders == {home.private}


@pytest.mark.parametrize(
    ("changes", "code", "told"),
    [
        ({"AUDIENCE_RAW": "s3://no-such-bucket"}, 4, "raw_zone: s3://no-such-bucket: there"),
        ({"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1"}, 4, "nothing answers there"),
        ({"AUDIENCE_RAW": "s3://READERKEY:hunter2@landing/raw"}, 2, "contains a name or password"),
    ],
)
def test_commands_say_what_is_wrong_with_the_bucket(
    delivered: Bucket, home: Home, changes: dict[str, str], code: int, told: str
) -> None:
    environment = {**delivered.environment(), **changes}
    for words in (("check-input", "--day", DAY), ("rights", "review"), ("backfill",)):
        done = call(*words, environment=environment)
        said = " ".join((done.stdout + done.stderr).split())
        assert (done.returncode, told in said) == (code, True), (words, said)
        for word in (SECRETS["reader"], "READERKEY", "hunter2"):
            assert word not in said


@pytest.mark.alternate("buckets")
def test_a_run_without_its_bucket_holds_the_day(
    delivered: Bucket, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.run_limits.PAUSES", (0.0,))
    environment = {**delivered.environment(), "AUDIENCE_RAW": "s3://no-such-bucket"}
    done = call(*RUN, environment=environment)
    assert done.returncode == 4
    assert "raw_zone: s3://no-such-bucket: there is no bucket of this name" in " ".join(
        done.stderr.split()
    )


def test_requests_are_filed_in_the_home_and_listed_with_those_of_the_bucket(
    delivered: Bucket, home: Home
) -> None:
    def rights(*words: str) -> Done:
        done = call("rights", *words, environment=delivered.environment())
        assert done.returncode == 0, done.stderr
        return done

    before = rights("list").stdout
    rights("withdraw", "--user", "u00007")
    (filed,) = (home.raw / "requests").iterdir()
    assert "requests/requests.csv" in before
    assert filed.name not in before
    assert filed.name[:30] in rights("list").stdout.replace("\n", "")


def test_the_landing_sensor_sees_the_bucket(
    bucket: Bucket, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = home.policy.read_text()
    for setting, value in (("settle_seconds: 60", "settle_seconds: 0"),
                           ("private_days: 40", "private_days: 3650")):  # fmt: skip
        assert setting in text
        text = text.replace(setting, value)
    home.policy.write_text(text)
    for name, value in bucket.environment().items():
        monkeypatch.setenv(name, value)
    with dg.DagsterInstance.ephemeral() as instance:
        sensor = Sensor(instance)
        (request,) = sensor.look()
        assert days_of(request) == [day.isoformat() for day in DAYS[:2]]
        assert sensor.look() == []
        bucket.put(f"visits/day={DAY}/more.csv", b"visit_id,user_id,occurred_at,url\n")
        (request,) = sensor.look()
        assert days_of(request) == [DAY]


def test_a_sample_world_is_not_written_beside_a_bucket(delivered: Bucket, home: Home) -> None:
    for words in (("sample", "--people", "10"), ("demo",)):
        done = call(*words, environment=delivered.environment())
        assert (done.returncode, "unset it" in done.stderr) == (2, True)
    assert not home.raw.exists()
