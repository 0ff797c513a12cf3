"""A log that nobody rewrote: its rows count as those of the contract would, bad ones included."""

import json
import os
import shutil

import pyarrow as pa
import pytest
from intake.raw_world import DAY, as_csv, as_parquet, consent, request_of, visit
from log_world import LogWorld
from object_server import ObjectServer

from anonymizer.intake.person_search import search
from anonymizer.model.errors import ConfigurationError, Held, InputsRejected
from anonymizer.sources.source_zone import SourceZone, source_root

WEB = """
    visits:
      web:
        location: logs
        files: "akses-{day}.csv"
        format: csv
        delimiter: ";"
        columns:
          visit_id: {compose: [id_pengguna, waktu, halaman]}
          user_id: {path: id_pengguna, blank: "-"}
          occurred_at: {path: waktu, time: "%d/%m/%Y %H:%M:%S", zone: Asia/Jakarta}
          url: {join: [{constant: "https://shop.example"}, halaman]}
        keep: {jenis: lihat}
"""
HEAD = "waktu;id_pengguna;halaman;jenis;nama\n"
ROWS = [
    "01/01/2026 10:00:00;u1;/promo;lihat;Budi",
    "01/01/2026 10:00:00;u1;/promo;lihat;Budi",  # the same again
    "2026-01-01 10:00;u1;/promo;lihat;Budi",  # another format
    '01/01/2026 11:00:00;-;"/promo?a=1;2";lihat;Siti',  # a guest; the delimiter in a field
    "01/01/2026 12:00:00;u1;/promo;klik;Budi",  # no visit
    '01/01/2026 12:00:00;u1;/pr"omo;lihat;Budi',  # a stray quotation mark
    "01/01/2026 13:00:00;u1;/promo;lihat",  # a field too few
    "02/01/2026 00:30:00;u1;/promo;lihat;Budi",  # after the day of its file
    "31/12/2025 23:30:00;u1;/promo;lihat;Budi",  # the day before
]
TODAY, TOMORROW = f"logs/akses-{DAY}.csv", "logs/akses-2026-01-02.csv"
LATER = HEAD + "02/01/2026 10:00:00;u2;/promo;lihat;Budi\n"
FILE = f"visits/day={DAY}/web:akses-{DAY}.csv"


def deliver(world: LogWorld) -> None:
    world.describe(WEB)
    world.deliver({TODAY: HEAD + "\n".join(ROWS) + "\n", TOMORROW: LATER})


@pytest.mark.alternate("mapped logs")
def test_every_row_is_accounted_for(world: LogWorld) -> None:
    deliver(world)
    taken = world.take()
    account = taken.accounts["visits"]
    assert account.read == len(ROWS) - 1 + 1, "all but the filtered one, and one of tomorrow"
    assert (account.counted, account.duplicates) == (2, 1)
    assert account.excluded == {"other_day": 2}
    assert account.quarantined == {
        "bad_time": 1,
        "bad_quoting": 1,
        "field_count": 1,
        "time_range": 1,
    }
    filtered = [warned for warned in taken.warnings if warned.code == "filtered"]
    assert [(warned.file, warned.count) for warned in filtered] == [(FILE, 1)]


@pytest.mark.alternate("mapped logs")
def test_bad_rows_are_found_by_file_and_number(world: LogWorld) -> None:
    deliver(world)
    world.take()
    assert world.pointers() == [
        (FILE, 3, "occurred_at", "bad_time"),
        (FILE, 6, "", "bad_quoting"),
        (FILE, 7, "", "field_count"),
        (FILE, 8, "occurred_at", "time_range"),
    ]


@pytest.mark.alternate("mapped logs")
def test_a_local_time_is_of_its_zone(world: LogWorld) -> None:
    """Between midnight and 7:00 in Jakarta it is still the day before in UTC."""
    world.describe(WEB)
    early = HEAD + "01/01/2026 00:00:01;u1;/promo;lihat;x\n01/01/2026 23:59:59;u1;/a;lihat;x\n"
    world.deliver({TODAY: early, TOMORROW: LATER})
    assert world.take().accounts["visits"].counted == 2
    world.describe(WEB.replace("Asia/Jakarta", "Asia/Tokyo"))  # two hours ahead
    assert world.take().accounts["visits"].counted == 1


@pytest.mark.alternate("mapped logs")
def test_the_same_visits_give_the_same_bytes_in_every_layout(world: LogWorld) -> None:
    """As a file of the contract, and as CSV, nested JSON lines and Parquet of other columns."""
    users = [f"u{number}" for number in range(40)]
    seconds = [1_767_232_800 + 60 * number for number in range(40)]
    plain = [
        visit(
            f"v{number}",
            user_id=user,
            occurred_at=f"2026-01-01T{9 + number // 60:02d}:{number % 60:02d}:00+07:00",
        )
        for number, user in enumerate(users)
    ]
    layouts = {
        "contract": (f"visits/day={DAY}/v.csv", as_csv(plain), ""),
        "csv": (
            f"logs/{DAY}/log.tsv.csv",
            "".join(
                f'v{n}\t{user}\t{seconds[n]}\t"q"\thttps://shop.example/promo\n'
                for n, user in enumerate(users)
            ).encode(),
            """
            format: csv
            delimiter: tab
            quoting: none
            header: [id, who, at, note, page]
            columns:
              visit_id: id
              user_id: who
              occurred_at: {path: at, time: epoch_s}
              url: page
              user_agent: {constant: Mozilla/5.0}
            """,
        ),
        "json": (
            f"logs/{DAY}/log.jsonl",
            b"".join(
                json.dumps(
                    {
                        "event": {"id": f"v{n}", "ms": seconds[n] * 1000},
                        "user": None if n > 50 else {"id": user, "email": "x@y.example"},
                        "props": [{"k": "x", "v": "1"}, {"k": "page", "v": plain[n]["url"]}],
                    }
                ).encode()
                + b"\n"
                for n, user in enumerate(users)
            ),
            """
            format: json
            columns:
              visit_id: event.id
              user_id: user.id
              occurred_at: {path: event.ms, time: epoch_ms}
              url: "props[k=page].v"
              user_agent: {constant: Mozilla/5.0}
            """,
        ),
        "parquet": (
            f"logs/{DAY}/log.parquet",
            as_parquet(
                [
                    {
                        "n": f"v{n}",
                        "who": {"id": user},
                        "at": seconds[n] * 1_000_000,
                        "ps": [{"k": "page", "v": {"s": plain[n]["url"]}}, {"k": "z", "v": None}],
                    }
                    for n, user in enumerate(users)
                ],
                {
                    "who": pa.struct([("id", pa.string())]),
                    "at": pa.timestamp("us", "UTC"),
                    "ps": pa.list_(
                        pa.struct([("k", pa.string()), ("v", pa.struct([("s", pa.string())]))])
                    ),
                },
            ),
            """
            format: parquet
            columns:
              visit_id: n
              user_id: who.id
              occurred_at: at
              url: "ps[k=page].v.s"
              user_agent: {constant: Mozilla/5.0}
            """,
        ),
    }
    written = {}
    for layout, (name, content, settings) in layouts.items():
        fresh = LogWorld(world.root.parent / layout)
        if settings:
            body = "\n".join("    " + line for line in settings.splitlines() if line.strip())
            body = body.replace("                ", "    ")
            fresh.describe(f"visits:\n  log:\n    location: logs\n    files: '{{day}}/*'\n{body}\n")
            fresh.deliver({"logs/2026-01-02/_SUCCESS": b""})
        else:
            fresh.deliver({"visits/day=2026-01-02/_SUCCESS": b""})
        fresh.deliver({name: content})
        fresh.take()
        written[layout] = fresh.home.working_file("visits", DAY).read_bytes()
    assert len(set(written.values())) == 1, {k: len(v) for k, v in written.items()}


@pytest.mark.alternate("mapped logs")
def test_a_source_that_has_not_delivered_holds_the_day(world: LogWorld) -> None:
    app = WEB.replace("      web:", "      app:").replace("logs", "app").partition("visits:\n")[2]
    world.describe(WEB + app)
    world.deliver({TODAY: HEAD + ROWS[0] + "\n", TOMORROW: LATER})
    with pytest.raises(Held) as held:
        world.take()
    assert held.value.reason == "incomplete"
    assert "files of source app" in str(held.value)
    world.deliver({TODAY.replace("logs", "app"): HEAD + ROWS[3] + "\n"})
    with pytest.raises(Held, match="incomplete"):
        world.take()
    world.deliver({TOMORROW.replace("logs", "app"): LATER})
    assert world.take().accounts["visits"].counted == 2


@pytest.mark.alternate("mapped logs")
def test_a_day_before_a_source_began_needs_only_the_others(world: LogWorld) -> None:
    app = WEB.replace("      web:", "      app:").replace("logs", "app").partition("visits:\n")[2]
    app = app.replace("        format", "        from_day: 2026-01-02\n        format")
    world.describe(WEB + app)
    world.deliver(
        {TODAY: HEAD + ROWS[0] + "\n", TOMORROW: LATER, "app/akses-2026-01-02.csv": LATER}
    )
    assert world.take().accounts["visits"].counted == 1


@pytest.mark.alternate("mapped logs")
def test_a_day_of_which_only_a_working_file_is_there_has_not_been_delivered(
    world: LogWorld,
) -> None:
    """Neither this day nor a later one, nor the first from which the source delivers."""
    app = WEB.replace("      web:", "      app:").replace("logs", "app").partition("visits:\n")[2]
    world.describe(WEB.replace("akses-{day}.csv", "akses-{day}*") + app)
    own = {TODAY: HEAD + ROWS[0] + "\n", f"{TOMORROW}.tmp": LATER}
    world.deliver({**own, "app/akses-2026-01-02.csv": LATER, "app/akses-2026-01-01.csv.part": HEAD})
    with pytest.raises(Held) as held:
        world.take()
    assert "visits/day=2026-01-02: 1 of 1 files of the manifest are missing" in str(held.value)
    assert "files of source web" in str(held.value)
    assert "files of source app" not in str(held.value)
    (world.home.raw / f"{TOMORROW}.tmp").rename(world.home.raw / TOMORROW)
    assert world.take().accounts["visits"].counted == 1


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "byte-order mark"])
@pytest.mark.parametrize("size", [1, 8_192, 300_000])
def test_a_file_without_header_may_have_any_size(world: LogWorld, size: int, mark: bytes) -> None:
    """The header that is put before it counts as read from it, whatever is read at a time."""
    world.describe(
        """
        visits:
          log:
            location: logs
            files: "{day}.csv"
            format: csv
            delimiter: ";"
            header: [id, who, at, page, note]
            columns: {visit_id: id, user_id: who, occurred_at: at, url: page}
        """
    )
    row = "v{};u{};2026-01-01T10:00:00+07:00;https://shop.example/promo;a,b\n"
    rows = [row.format(number, number % 40) for number in range(max(1, size // 66))]
    for day, text in (("01", "".join(rows)), ("02", row.format("late", 1))):
        world.deliver({f"logs/2026-01-{day}.csv": mark + text.encode()})
    account = world.take().accounts["visits"]
    assert (account.counted, account.duplicates) == (len(rows) + 1, 0)
    assert not account.quarantined


@pytest.mark.alternate("mapped logs")
def test_what_a_file_lacks_is_named(world: LogWorld) -> None:
    deliver(world)
    world.deliver({TODAY: "waktu;id;halaman;jenis\n01/01/2026 10:00:00;u1;/promo;lihat\n"})
    with pytest.raises(InputsRejected) as refused:
        world.take()
    assert refused.value.files[0].reason == "schema_missing:id_pengguna"
    assert "source web" in str(refused.value)


def test_an_id_as_a_floating_point_number_is_refused(world: LogWorld) -> None:
    world.describe(
        """
        visits:
          log:
            location: logs
            files: "{day}.parquet"
            format: parquet
            columns: {visit_id: v, user_id: u, occurred_at: t, url: p}
        """
    )
    rows = [{"v": "a", "u": 7001.0, "t": "2026-01-01T10:00:00+07:00", "p": "https://x.example/"}]
    for day in ("01", "02"):
        content = as_parquet(rows, {"u": pa.float64()})
        world.deliver({f"logs/2026-01-{day}.parquet": content})
    with pytest.raises(InputsRejected, match="schema_type:u"):
        world.take()


@pytest.mark.alternate("mapped logs")
def test_unmapped_files_are_listed_and_not_read(world: LogWorld) -> None:
    deliver(world)
    world.deliver({"logs/readme.txt": "x", "logs/.part": "x"})
    ignored = [w.file for w in world.take().warnings if w.code == "ignored:not_in_contract"]
    assert ignored == ["web:readme.txt"]


@pytest.mark.alternate("mapped logs")
def test_marks_of_a_folder_say_that_it_is_complete(world: LogWorld) -> None:
    world.describe(WEB.replace("akses-{day}.csv", "{year}/{month}/{date}/h{hour}-*.csv"))
    body = HEAD + ROWS[0] + "\n"
    world.deliver({"logs/2026/01/01/h09-a.csv": body, "logs/2026/01/02/_SUCCESS": ""})
    place = world.home.raw / "logs/2026/01/01"
    manifest = {"files": [{"name": "h09-a.csv"}, {"name": "h10-b.csv"}]}
    (place / "_manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(Held, match="1 of 2 files of the manifest are missing"):
        world.take()
    (place / "_manifest.json").unlink()
    assert world.take().accounts["visits"].counted == 1


def test_an_objection_in_a_source_is_never_lost(world: LogWorld) -> None:
    """Filtered by an event, a request that cannot be read acts; one that can is a request."""
    world.deliver({f"visits/day={DAY}/v.csv": as_csv([visit()])})
    world.deliver({"visits/day=2026-01-02/_SUCCESS": b""})
    world.describe(
        """
        requests:
          desk:
            location: desk
            files: "*.jsonl"
            format: json
            keep: {topic: privacy}
            columns:
              request_id: id
              user_id: person.id
              kind: {path: what, values: {"1": erase, "2": access}}
              requested_at: {path: at, time: epoch_s}
        """
    )
    rows = [
        {"id": "1", "person": {"id": "u1"}, "what": "1", "at": 1_700_000_000, "topic": "privacy"},
        {"id": "2", "person": {"id": "u2"}, "what": "2", "at": "soon", "topic": "privacy"},
        {"id": "3", "person": {"id": "u3"}, "what": "1", "at": 1_700_000_000, "topic": "billing"},
        {"id": "4", "person": {"id": "u4"}, "what": "9", "at": 1_700_000_000, "topic": "privacy"},
    ]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    lines += (
        '{"id": "5", "person": {"id": "u5"}, "what": "1", "what": "2", "at": 1, "topic": "x"}\n'
    )
    world.deliver({"desk/a.jsonl": lines})
    taken = world.take()
    assert {(row.place.row, row.column, row.reason) for row in taken.unread} == {
        (2, "requested_at", "bad_time"),
        (4, "kind", "not_in_domain"),
        (5, "what", "duplicate_key"),
    }
    assert all(row.person_known for row in taken.unread)
    assert taken.accounts["requests"].counted == 2, "one of a file of the contract"


@pytest.mark.alternate("mapped logs")
def test_purposes_of_one_row_become_rows(world: LogWorld) -> None:
    deliver(world)
    world.describe(
        WEB
        + """
    consents:
      cmp:
        location: cmp
        files: "*.csv"
        format: csv
        columns:
          user_id: uid
          decided_at: {path: at, time: iso, zone: Asia/Jakarta}
        purposes:
          use: {path: fungsional, values: {"Y": "true", "T": "false"}}
          disclosure: {consent_mode: {paths: [ad_storage, ad_user_data]}}
    """
    )
    head = "uid,at,fungsional,ad_storage,ad_user_data\n"
    rows = ["u1,2025-06-01 10:00,Y,granted,granted", "u2,2025-06-01 10:00,T,granted,denied",
            "u3,2025-06-01 10:00,Y,granted,", "u4,2025-06-01 10:00,,GRANTED, granted"]  # fmt: skip
    world.deliver({"cmp/a.csv": head + "\n".join(rows) + "\n"})
    (world.home.raw / "consents" / "c.csv").unlink()
    taken = world.take()
    assert taken.accounts["consents"].read == 6
    found = sorted((row["purpose"], row["granted"]) for row in world.rows("consents"))
    assert found == sorted(
        [
            *(("use", granted) for granted in (True, False, True, False)),
            *(("disclosure", False) for _ in ("u2", "u3")),
        ]
    )


def test_a_home_without_sources_is_as_it_was(world: LogWorld) -> None:
    assert source_root(world.home) == world.home.raw
    world.home.sources.write_text("# nothing yet\n")
    assert source_root(world.home) == world.home.raw


def test_rewritten_days_need_late_days(world: LogWorld) -> None:
    world.home.policy.write_text("timing:\n  late_days: 2\n")
    world.describe(WEB.replace("        format", "        late_days: 3\n        format"))
    with pytest.raises(ConfigurationError, match=r"set timing\.late_days of policy\.yaml to 3"):
        SourceZone.of(world.home)
    world.home.policy.write_text("timing:\n  late_days: 3\n")
    SourceZone.of(world.home)


def test_one_file_is_of_one_source(world: LogWorld) -> None:
    twice = WEB.replace("      web:", "      other:").partition("visits:\n")[2]
    world.describe(WEB + twice)
    world.deliver({TODAY: HEAD + ROWS[0] + "\n", TOMORROW: LATER})
    with pytest.raises(ConfigurationError, match="is a file of the sources web and other"):
        world.take()


@pytest.mark.alternate("mapped logs")
def test_consents_of_the_contract_stay(world: LogWorld) -> None:
    deliver(world)
    world.put("consents/more.csv", as_csv([consent("u9")]))
    world.put("requests/more.csv", as_csv([request_of("u9", request_id="r9")]))
    taken = world.take()
    assert taken.accounts["consents"].read == 2
    assert taken.accounts["requests"].read == 2


@pytest.mark.alternate("mapped logs")
def test_what_intake_does_not_need_is_read_for_requests_of_access_alone(world: LogWorld) -> None:
    """A file may even lack it: names and addresses are of no use for figures."""
    deliver(world)
    text = WEB.replace("        keep:", "          ip: alamat_ip\n        keep:")
    world.describe(text)
    assert world.take().accounts["visits"].counted == 2
    world.deliver({TODAY: HEAD.replace("nama", "alamat_ip") + ROWS[0] + "\n"})
    assert world.take().accounts["visits"].counted == 1
    found = search(source_root(world.home), "visits", "u1", world.policy.intake)
    assert [row["ip"] for row in found.rows] == ["Budi"]
    file = "visits/day=2026-01-02/web:akses-2026-01-02.csv"
    assert found.unsearched == (f"{file}: schema_missing:alamat_ip",)


@pytest.mark.alternate("mapped logs")
def test_sources_of_a_bucket_give_the_same_bytes(
    world: LogWorld, object_server: ObjectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Below the address of the raw zone, and at an address of their own."""
    deliver(world)
    world.take()
    expected = world.written()["visits/day=2026-01-01.parquet"]
    bucket = object_server.new_folder()
    for name, value in bucket.environment().items():
        monkeypatch.setenv(name, value)
    bucket.deliver(world.home.raw)
    address = os.environ["AUDIENCE_RAW"]
    shutil.rmtree(world.home.raw)
    world.take()
    assert world.written()["visits/day=2026-01-01.parquet"] == expected
    world.describe(WEB.replace("location: logs", f"location: {address}/logs"))
    world.take()
    assert world.written()["visits/day=2026-01-01.parquet"] == expected
