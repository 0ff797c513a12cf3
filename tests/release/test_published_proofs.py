"""What is published can be proved from what is published, and every change is named."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import pytest
from ledgers import Store
from postgresql import Server
from release_world import DAY, SECRET, checked, content, facts, release

from anonymizer.exports.certificate import (
    audit_in_words,
    certificate_bytes,
    promise_in_words,
    three_questions,
)
from anonymizer.exports.export_check import check_export
from anonymizer.exports.export_folders import write_exports
from anonymizer.exports.verification import verify_folder
from anonymizer.model.errors import Held, LedgerBroken, SecretProblem
from anonymizer.model.policy import Promise
from anonymizer.release.chain import FIRST, forge
from anonymizer.release.ledger import Ledger
from anonymizer.release.public_ledger import read_public_ledger
from anonymizer.release.publication import publish
from anonymizer.release.release import Release
from anonymizer.storage.files import canonical_json, sha256
from anonymizer.storage.home import Home
from anonymizer.storage.secret import Secret
from anonymizer.storage.signature import sealed

NEXT = date(2026, 11, 23)
NAME = "campaign-day-2026-11-22"
Harm = Callable[[Path], object]


@pytest.fixture
def published(two_days: Home, tmp_path: Path) -> Path:
    """The published folder alone, somewhere else."""
    return shutil.copytree(two_days.published, tmp_path / "received")


@pytest.fixture
def export(two_days: Home, tmp_path: Path) -> Path:
    """What an advertiser has downloaded, and nothing else."""
    return shutil.copytree(two_days.exports / "maju" / NAME, tmp_path / "downloads")


# --- the published folder


def test_the_published_folder_proves_itself(published: Path) -> None:
    proved = verify_folder(published)
    assert (proved.entries, proved.releases, proved.files) == (4, 2, 32)
    assert verify_folder(published, proved.head[:16]) == proved


@pytest.mark.alternate("published files prove themselves")
def test_an_unfinished_run_does_not_disturb_the_proof(published: Path) -> None:
    (published / ".staging" / "releases").mkdir(parents=True, exist_ok=True)
    (published / ".staging" / "releases" / "half").write_text("")
    assert verify_folder(published).releases == 2


@pytest.mark.alternate("published files prove themselves")
def test_every_single_published_file_is_watched(published: Path) -> None:
    files = {path for path in published.rglob("*") if path.is_file()}
    for path in sorted(files - {published / "segments.duckdb"}):
        whole = path.read_bytes()
        for harm in (whole[:-1], whole + b" ", whole[:100] + b"?" + whole[101:]):
            path.write_bytes(harm)
            with pytest.raises(Held):
                verify_folder(published)
        path.unlink()
        with pytest.raises(Held):
            verify_folder(published)
        path.write_bytes(whole)
    verify_folder(published)


def test_all_faults_are_named_at_once_with_what_to_do(published: Path) -> None:
    (published / "releases" / NAME / "figures.parquet").unlink()
    (published / "exports" / "maju" / NAME / "more.csv").write_text("men,3")
    with (published / "exports" / "jaya" / NAME / "autumn-sale_day-2026-11-22.csv").open(
        "a"
    ) as file:
        file.write("\n")
    with pytest.raises(Held) as refused:
        verify_folder(published)
    words = str(refused.value)
    assert f"releases/{NAME}/figures.parquet is missing" in words
    assert f"exports/maju/{NAME}/more.csv is not in the ledger" in words
    assert (
        f"exports/jaya/{NAME}/autumn-sale_day-2026-11-22.csv differs from what the ledger recorded"
        in words
    )
    assert "audience run" in words


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE figures SET people = 60 WHERE segment_id = 'everyone'", "table figures"),
        ("DELETE FROM figures WHERE subject_id = 'spring'", "table figures"),
        ("CREATE TABLE secrets AS SELECT 33 AS people", "table secrets"),
        ("ALTER TABLE figures ADD COLUMN truth BIGINT", "table figures"),
        ("COMMENT ON TABLE figures IS 'add them up'", "table figures"),
        ("CREATE OR REPLACE MACRO segment(wanted) AS TABLE SELECT 33", "macro segment"),
        ("CREATE VIEW men AS SELECT 33 AS people", "view men"),
    ],
)
def test_an_edited_database_is_named(statement: str, named: str, published: Path) -> None:
    with duckdb.connect(str(published / "segments.duckdb")) as connection:
        connection.execute(statement)
    with pytest.raises(Held, match=f"segments.duckdb: {named}"):
        verify_folder(published)


def lines(published: Path, change: Callable[[list[str]], list[str]]) -> None:
    path = published / "ledger.jsonl"
    path.write_text("".join(change(path.read_text("utf-8").splitlines(keepends=True))), "utf-8")


def forge_whole_chain(published: Path) -> None:
    """A forger who writes the chain anew, so that every link fits."""
    previous, forged = FIRST, []
    for link in read_public_ledger(published / "ledger.jsonl"):
        shown = dict(link.shown or {})
        if shown["kind"] == "release" and shown["subject"] == NAME:
            shown["body"] = {**shown["body"], "policy": "0" * 64}
        made = forge(link.sequence, shown, {}, previous)
        previous = made.hash
        forged.append(canonical_json(made.__dict__) + "\n")
    lines(published, lambda _: forged)


CHAIN_FAULTS: dict[str, tuple[Harm, str]] = {
    "missing": (lambda p: (p / "ledger.jsonl").unlink(), "cannot be read"),
    "not text": (lambda p: (p / "ledger.jsonl").write_bytes(b"\xff\xfe"), "cannot be read"),
    "damaged": (lambda p: lines(p, lambda old: [*old[:1], "{}\n", *old[2:]]), "line 2"),
    "edited": (lambda p: lines(p, lambda o: [x.replace("22", "21") for x in o]), "sequence 1"),
    "first cut off": (lambda p: lines(p, lambda old: old[1:]), "sequence 1"),
    "reordered": (lambda p: lines(p, lambda o: [o[0], o[2], o[1], o[3]]), "sequence 2"),
    "doubled": (lambda p: lines(p, lambda old: [*old, old[-1]]), "sequence 5"),
    "last cut off": (lambda p: lines(p, lambda old: old[:-1]), "is not in the ledger"),
}  # fmt: skip


@pytest.mark.parametrize("fault", CHAIN_FAULTS)
def test_a_public_ledger_that_was_changed_proves_nothing(fault: str, published: Path) -> None:
    harm, message = CHAIN_FAULTS[fault]
    harm(published)
    with pytest.raises(Held, match=message):
        verify_folder(published)


@pytest.mark.alternate("published files prove themselves")
def test_a_chain_that_was_forged_or_cut_back_as_a_whole_lacks_a_hash_noted_before(
    published: Path,
) -> None:
    noted = verify_folder(published).head
    forge_whole_chain(published)
    verify_folder(published)  # consistent in itself: nothing inside can give it away
    with pytest.raises(LedgerBroken, match=noted[:16]):
        verify_folder(published, noted)


def test_the_public_part_holds_neither_rows_nor_inputs_nor_the_audit(two_days: Home) -> None:
    text = two_days.public_ledger.read_text("utf-8")
    for kept in ("rows", "quarantined", "inputs", "visits/", "secret", "audit", "salt", "recorded"):
        assert kept not in text


def test_guessing_the_rows_from_their_public_digest_fails_for_want_of_the_salt(
    two_days: Home,
) -> None:
    bodies = [entry.body for entry in Ledger.open(two_days.ledger).releases()]
    salts = {body["salt"] for body in bodies}
    assert len(salts) == len(bodies)
    assert all(len(bytes.fromhex(salt)) == 32 for salt in salts)


# --- a history that cannot be trusted: nothing more is released


def restored_from_an_older_backup(home: Home) -> None:
    """Ledger and releases of the first day come back together; they agree with each other."""
    backup = home.root.with_name("backup")
    shutil.copytree(home.root, backup)
    release(home, NEXT)
    shutil.copy(backup / "ledger.sqlite", home.ledger)
    shutil.rmtree(home.releases)
    shutil.copytree(backup / "published" / "releases", home.releases)


def replaced_by_another(home: Home) -> None:
    other = Home(home.root.with_name("other"))
    publish(checked(shown=("everyone",)), facts(), other, Ledger.open(other.ledger), SECRET)
    shutil.copy(other.ledger, home.ledger)
    shutil.copytree(other.private, home.private, dirs_exist_ok=True)


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (restored_from_an_older_backup, "older than what was published; restore the newest"),
        (replaced_by_another, "sequence 1 differs from published/ledger.jsonl"),
        (lambda home: home.ledger.unlink(), "ledger is missing.*restore"),
        (lambda home: home.ledger.write_bytes(b""), "ledger is missing.*restore"),
    ],
)
def test_a_restored_or_lost_ledger_holds_everything(
    harm: Callable[[Home], None], message: str, home: Home
) -> None:
    release(home, DAY)
    harm(home)
    before = content(home.published)
    with pytest.raises(LedgerBroken, match=message):
        release(home, date(2026, 11, 24))
    assert content(home.published) == before


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("DELETE FROM ledger", "ledger is missing"),
        ("DELETE FROM ledger WHERE sequence = 2", "older than what was published"),
        ("UPDATE ledger SET kept = replace(kept, 'late', 'gone') WHERE sequence = 1", "edited"),
        ("DROP TABLE ledger", "ledger is missing"),
    ],
)
def test_a_ledger_on_postgresql_holds_everything_just_so(
    statement: str, message: str, home: Home, postgresql: Server
) -> None:
    store = Store(postgresql.url(postgresql.new_database()), postgresql)
    for day in (DAY, NEXT):
        release(home, day, ledger=store.open())
    before = content(home.published)
    store.tamper(statement)
    with pytest.raises(LedgerBroken, match=message):
        release(home, date(2026, 11, 24), ledger=store.open())
    assert content(home.published) == before
    assert not home.ledger.exists()


def test_a_lost_secret_is_asked_for_and_another_one_refused(home: Home) -> None:
    with pytest.raises(SecretProblem, match="restore it from its backup"):
        Secret.load(home.secret)
    release(home, DAY)
    other = Secret(bytes(range(1, 33)))
    with pytest.raises(SecretProblem, match="restore it from its backup"):
        release(home, NEXT, other)
    published = release(home, DAY).release
    write_exports(published, home, Ledger.open(home.ledger), SECRET)
    shutil.rmtree(home.exports)
    with pytest.raises(Held, match="export_lost"):  # sealed by another key it would be another
        write_exports(published, home, Ledger.open(home.ledger), other)


# --- the export folder


def test_an_export_proves_itself_with_nothing_else(export: Path, two_days: Home) -> None:
    checked = check_export(export)
    assert checked.files == 5
    assert checked.certificate["release"] == NAME
    assert check_export(export, checked.key.upper().replace(" ", "")) == checked
    entry = Ledger.open(two_days.ledger).releases()[0]
    assert checked.certificate["release_files"] == entry.body["files"]
    assert checked.certificate["policy_digest"] == entry.body["policy"]


def test_exports_do_not_depend_on_the_form_that_the_rows_were_delivered_in(tmp_path: Path) -> None:
    homes = [Home(tmp_path / name) for name in ("csv", "parquet")]
    for home in homes:
        ledger = Ledger.open(home.ledger)
        terms = replace(facts(), inputs={f"visits/a.{home.root.name}": "1" * 64})
        write_exports(publish(checked(), terms, home, ledger, SECRET).release, home, ledger, SECRET)
    assert content(homes[0].exports) == content(homes[1].exports)
    assert content(homes[0].published) != content(homes[1].published)


STEM = "spring-sale_day-2026-11-22"


def edit(name: str) -> Harm:
    def harm(folder: Path) -> None:
        (folder / name).write_bytes((folder / name).read_bytes() + b" ")

    return harm


def edit_and_mend_the_manifest(folder: Path) -> None:
    edit(f"{STEM}.csv")(folder)
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    manifest["files"][f"{STEM}.csv"]["sha256"] = sha256(folder / f"{STEM}.csv")
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")


def edit_certificate(**changed: object) -> Harm:
    def harm(folder: Path) -> None:
        path = folder / "certificate.json"
        path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | changed), "utf-8")

    return harm


EXPORT_FAULTS: dict[str, tuple[Harm, str]] = {
    **{
        f"{name} edited": (edit(name), f"{name} has been changed")
        for name in (f"{STEM}.csv", f"{STEM}.xlsx", f"{STEM}.parquet", "manifest.json")
    },
    "file and manifest edited": (edit_and_mend_the_manifest, "manifest.json has been changed"),
    "file missing": (lambda folder: (folder / f"{STEM}.csv").unlink(), f"{STEM}.csv is missing"),
    "file added": (lambda folder: (folder / "b.csv").touch(), "b.csv does not belong to it"),
    "no certificate": (lambda folder: (folder / "certificate.json").unlink(), "no certificate"),
    "no JSON": (lambda f: (f / "certificate.json").write_text("[1"), "cannot be read"),
    "something else": (lambda f: (f / "certificate.json").write_text("[1]"), "is not valid"),
    "promise edited": (edit_certificate(promise=["Every figure counts 500 people."]), "seal is"),
    "seal removed": (edit_certificate(seal=None), "seal is not valid"),
    "seal of another": (edit_certificate(seal=sealed({}, SECRET)["seal"]), "seal is not valid"),
}  # fmt: skip


@pytest.mark.parametrize("fault", EXPORT_FAULTS)
def test_a_changed_export_is_refused_and_the_change_named(fault: str, export: Path) -> None:
    harm, message = EXPORT_FAULTS[fault]
    harm(export)
    with pytest.raises(Held, match=message) as refused:
        check_export(export)
    assert "ask the publisher" in str(refused.value)


def test_a_forger_can_seal_but_not_with_the_providers_key(export: Path) -> None:
    key = check_export(export).key
    edit(f"{STEM}.csv")(export)
    path = export / "certificate.json"
    forged = json.loads(path.read_text("utf-8"))
    del forged["seal"]
    forged["files"][f"{STEM}.csv"] = sha256(export / f"{STEM}.csv")
    path.write_text(
        json.dumps(sealed(forged, Secret(b"a forger's key, of 32 bytes, too"))), "utf-8"
    )
    assert check_export(export).key != key
    with pytest.raises(Held, match="sealed with another key"):
        check_export(export, key)


def test_a_seal_says_nothing_of_the_secret_and_is_always_the_same() -> None:
    first, second = (sealed({"a": 1}, SECRET) for _ in range(2))
    assert first == second
    assert SECRET.derive("certificate").hex() not in json.dumps(first)


STRICT = Promise(k=70, k_jitter=0, inference_k=20, rounding=5, near_jitter=0, near_days=90,
                 min_account_days=14, campaigns_per_person=3)  # fmt: skip


@pytest.mark.parametrize(
    ("promise", "said", "unsaid"),
    [
        (STRICT, "at least 70 different people.", "secret offset"),
        (STRICT, "fewer than 20 people", "fewer than 10 people"),
        (STRICT, "Figures are multiples of 5.", "not rounded"),
        (STRICT, "differs from a figure by at most 23, and is at least 70", "exact."),
        (STRICT, "differs by fewer than 20 people from a group", "secret 0 to"),
        (STRICT, "up to 90 days earlier", "400 days"),
        (STRICT, "open for at least 14 days", "30 days"),
        (STRICT, "at most 3 campaigns of one advertiser", "at most 2 campaigns"),
        (Promise(), "secret offset of up to 5 raises this threshold", "exact."),
        (Promise(), "fewer than 10 people (plus a secret 0 to 5, drawn once", "fewer than 20"),
        (Promise(), "differs from a figure by at most 23, and is at least 50", "less than 10 away"),
        (Promise(), "10 or more in the cell", "different numbers in the cell"),
        (Promise(inference_k="k"), "has fewer than 50 people", "fewer than 10 people"),
        (Promise(inference_k=0), "still be provable that a group is small", "no one can prove"),
        (Promise(inference_k=0), "different numbers in the cell", "or more in the cell"),
        (Promise(rounding=1), "differs from a figure by at most 14, and is", "multiples"),
        (Promise(rounding=1), "across campaigns, periods and advertisers", "Rounding depends"),
        (Promise(rounding=1, inference_k=0, near_jitter=0), "Figures are exact.", "differs from a"),
        (Promise(min_account_days=0), "at most 2 campaigns", "accounts have been open"),
    ],
)
def test_a_certificate_promises_what_the_policy_promises(
    promise: Promise, said: str, unsaid: str
) -> None:
    base, error = promise.rounding, promise.error_of((promise.rounding,))
    summary = {"findings": 0, "tables": 1, "figures": 1, "linked_releases": 0}
    words = " ".join(promise_in_words(promise, base, error))
    words += json.dumps(three_questions(promise)) + audit_in_words(summary, promise)["in_words"]
    assert said in words
    assert unsaid not in words
    assert f"at least {promise.k} different people" in words


def test_a_certificate_says_what_is_not_promised() -> None:
    answers = three_questions(Promise())
    assert list(answers) == ["singling_out", "linkability", "inference"]
    for answer in answers.values():
        assert set(answer) == {"question", "answer", "not_promised"}
    assert "not differentially private" in answers["inference"]["not_promised"]
    assert "sometimes with certainty: rounding" in answers["singling_out"]["not_promised"]
    compared = answers["linkability"]["not_promised"]
    for left in ("in a chain of groups", "Advertisers who pool", "repeat campaigns on many days",
                 "are proved in pairs", "threat model"):  # fmt: skip
        assert left in compared
    exact = three_questions(Promise(rounding=1))["singling_out"]["not_promised"]
    assert "exactly can tell whether one more person was counted in a group" in exact


def test_a_certificate_says_what_was_checked_and_no_number_that_depends_on_single_people(
    export: Path, two_days: Home
) -> None:
    audit = check_export(export).certificate["audit"]
    assert {name: audit[name] for name in audit if name != "in_words"} == {
        "findings": 0, "tables": 2, "figures": 14, "linked_releases": 0,
    }  # fmt: skip
    kept = Ledger.open(two_days.ledger).releases()[0].body["audit"]
    assert {"representatives", "links", "witnesses", "suppressed_for_links"} < set(kept)
    assert "shares no code" in audit["in_words"]
    assert "a proof for every cell of every table" in audit["in_words"]


def test_a_release_of_an_earlier_version_gets_no_certificate_of_this_one(
    released: Release, home: Home
) -> None:
    """It did not compare near groups, so a certificate would promise too much."""
    entry = Ledger.open(home.ledger).releases()[0]
    body = {name: entry.body[name] for name in entry.body if name != "near"}
    with pytest.raises(Held, match="released by an earlier version"):
        certificate_bytes(released, replace(entry, body=body), "maju", home.releases, SECRET)
