"""One file of an export, checked on its own: what was compared, and every kind of tampering."""

import io
import json
import random
import shutil
import zipfile
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from release_world import DAY, SECRET, release
from typer.testing import CliRunner

from anonymizer.exports.export_check import check_export
from anonymizer.exports.export_folders import write_exports
from anonymizer.exports.file_check import check_file
from anonymizer.exports.file_seal import METADATA
from anonymizer.exports.withdrawal import withdraw
from anonymizer.model.errors import (
    AudienceError,
    ConfigurationError,
    FileChanged,
    FileMisplaced,
    FileRenamed,
    FileUnsealed,
    Held,
)
from anonymizer.release.ledger import Ledger
from anonymizer.storage import storage_limits
from anonymizer.storage.home import Home
from anonymizer.storage.secret import Secret
from anonymizer.storage.signature import sealed
from cli.main import app

STEM = "spring-sale_day-2026-11-22"
NAME = "campaign-day-2026-11-22"
SEALED = (f"{STEM}.xlsx", f"{STEM}_id.xlsx", f"{STEM}.parquet")
FILES = (*SEALED, f"{STEM}.csv")
BEFORE = DAY - timedelta(days=1)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("files") / "home")
    for day in (BEFORE, DAY):
        released = release(home, day).release
        write_exports(released, home, Ledger.open(home.ledger), SECRET)
    return home


@pytest.fixture
def folder(home: Home, tmp_path: Path) -> Path:
    """A copy of the export of spring."""
    return Path(shutil.copytree(home.exports / "maju" / NAME, tmp_path / "received"))


@pytest.fixture
def alone(folder: Path) -> Callable[[str], Path]:
    """A file of the export, in a folder of its own."""

    def copied(name: str) -> Path:
        (folder / "alone").mkdir()
        return Path(shutil.copy(folder / name, folder / "alone" / name))

    return copied


def change_a_cell(path: Path) -> None:
    """Change one figure, and nothing else, by hand."""
    if path.suffix == ".xlsx":
        edit_part(path, "xl/worksheets/sheet2.xml", b"<v>900</v>", b"<v>990</v>")
    elif path.suffix == ".parquet":
        table = pq.read_table(path)
        people = [990 if number == 900 else number for number in table["people"].to_pylist()]
        column = table.schema.get_field_index("people")
        field = table.schema.field("people")
        pq.write_table(table.set_column(column, field, pa.array(people, field.type)), path)
    else:
        path.write_bytes(path.read_bytes().replace(b",900,", b",990,", 1))


def edit_part(path: Path, name: str, old: bytes, new: bytes) -> None:
    with zipfile.ZipFile(path) as parts:
        contents = {part: parts.read(part) for part in parts.namelist()}
    assert old in contents[name]
    contents[name] = contents[name].replace(old, new, 1)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as parts:
        for part, data in contents.items():
            parts.writestr(part, data)
    path.write_bytes(content.getvalue())


@pytest.mark.parametrize("name", FILES)
def test_a_file_with_its_certificate_is_as_released(name: str, folder: Path) -> None:
    checked = check_file(folder / name)
    assert (checked.release, checked.recipient, checked.provider) == (
        NAME, "maju", "Example Company",
    )  # fmt: skip
    assert "certificate" in checked.against
    assert any("withdrawn" in unknown for unknown in checked.unknown)


@pytest.mark.parametrize("name", SEALED)
def test_a_file_alone_is_as_sealed(name: str, alone: Callable[[str], Path], folder: Path) -> None:
    checked = check_file(alone(name))
    assert (checked.file, checked.release, checked.recipient) == (name, NAME, "maju")
    assert "seal inside the file" in checked.against
    assert checked.key == check_file(folder / name).key
    check_file(folder / "alone" / name, checked.key)
    with pytest.raises(Held, match="another key"):
        check_file(folder / "alone" / name, "0000 0000 0000 0000 0000")


def test_a_csv_alone_cannot_be_checked(alone: Callable[[str], Path], folder: Path) -> None:
    path = alone(f"{STEM}.csv")
    with pytest.raises(FileUnsealed, match="no seal inside and no certificate"):
        check_file(path)
    assert check_file(path, certificate=folder / "certificate.json").release == NAME


@pytest.mark.parametrize("with_certificate", [True, False])
@pytest.mark.parametrize("name", FILES)
def test_a_changed_cell_is_found(name: str, with_certificate: bool, folder: Path) -> None:
    change_a_cell(folder / name)
    if not with_certificate:
        (folder / "certificate.json").unlink()
    unsealed = name.endswith(".csv") and not with_certificate
    with pytest.raises(FileUnsealed if unsealed else FileChanged):
        check_file(folder / name)


@pytest.mark.parametrize(
    ("part", "old", "new"),
    [
        ("xl/worksheets/sheet1.xml", b"<v>1240</v>", b"<v>1340</v>"),
        ("xl/sharedStrings.xml", b"within 23 of", b"within 2 of"),
        ("xl/worksheets/sheet3.xml", b"IAB Audience Taxonomy", b"IAC Audience Taxonomy"),
        ("xl/workbook.xml", b"Figures", b"Figurex"),
    ],
)
def test_every_part_of_a_workbook_is_sealed(
    part: str, old: bytes, new: bytes, alone: Callable[[str], Path]
) -> None:
    path = alone(f"{STEM}.xlsx")
    edit_part(path, part, old, new)
    with pytest.raises(FileChanged):
        check_file(path)


def test_a_chart_or_any_other_part_that_is_added_is_found(alone: Callable[[str], Path]) -> None:
    path = alone(f"{STEM}.xlsx")
    with zipfile.ZipFile(path, "a") as parts:
        parts.writestr("xl/media/image1.png", b"x")
    with pytest.raises(FileChanged):
        check_file(path)


def test_a_workbook_that_was_saved_again_is_told(alone: Callable[[str], Path]) -> None:
    path = alone(f"{STEM}.xlsx")
    book = openpyxl.load_workbook(path)
    book.save(path)
    with pytest.raises(FileChanged, match="another program saved it again"):
        check_file(path)


@pytest.mark.parametrize("old", [b"Export release", b"campaign-day-2026-11-22", b">maju<"])
def test_a_seal_that_was_edited_does_not_fit(old: bytes, alone: Callable[[str], Path]) -> None:
    path = alone(f"{STEM}.xlsx")
    edit_part(path, "docProps/custom.xml", old, old.replace(b"a", b"e"))
    with pytest.raises(Held, match="seal is not valid"):
        check_file(path)


def test_the_seal_of_another_file_seals_nothing_here(alone: Callable[[str], Path]) -> None:
    """The seal of the Indonesian workbook in the English one: true, and of something else."""
    path = alone(f"{STEM}.xlsx")
    other = path.parent.parent / f"{STEM}_id.xlsx"
    with zipfile.ZipFile(other) as parts:
        seal = parts.read("docProps/custom.xml")
    with zipfile.ZipFile(path) as parts:
        own = parts.read("docProps/custom.xml")
    edit_part(path, "docProps/custom.xml", own, seal)
    with pytest.raises(FileChanged, match=f"sealed as {STEM}_id.xlsx"):
        check_file(path)


@pytest.mark.parametrize("with_certificate", [True, False])
@pytest.mark.parametrize("name", FILES)
def test_a_renamed_file_is_told_with_its_name(
    name: str, with_certificate: bool, folder: Path
) -> None:
    path = (folder / name).rename(folder / f"copy{Path(name).suffix}")
    if not with_certificate:
        (folder / "certificate.json").unlink()
    if name.endswith(".csv") and not with_certificate:
        with pytest.raises(FileUnsealed):
            check_file(path)
        return
    with pytest.raises(FileRenamed, match=f"is {name} of {NAME}, unchanged"):
        check_file(path)


@pytest.mark.parametrize("keeps_its_name", [True, False])
@pytest.mark.parametrize("name", FILES)
def test_a_file_of_another_release_is_told(
    name: str, keeps_its_name: bool, home: Home, folder: Path
) -> None:
    other = name.replace(str(DAY), str(BEFORE))
    source = home.exports / "maju" / f"campaign-day-{BEFORE}" / other
    path = Path(shutil.copy(source, folder / (other if keeps_its_name else name)))
    with pytest.raises(FileMisplaced, match=f"campaign-day-{BEFORE} for maju"):
        check_file(path)


@pytest.mark.parametrize("ending", [".csv", ".xlsx", ".parquet"])
def test_a_file_of_another_advertiser_is_told(ending: str, home: Home, folder: Path) -> None:
    source = home.exports / "jaya" / NAME / f"autumn-sale_day-{DAY}{ending}"
    path = Path(shutil.copy(source, folder / f"{STEM}{ending}"))
    with pytest.raises(FileMisplaced, match="for jaya"):
        check_file(path)


@pytest.mark.parametrize(
    ("name", "content"),
    [("x.xlsx", b"PK none"), ("x.parquet", b"PAR1"), ("x.xlsx", b""), ("x.parquet", b"")],
)
def test_a_file_that_is_none_is_told(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(Held, match="cannot be read"):
        check_file(tmp_path / name)


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["check", str(tmp_path / "none.xlsx")])
    assert isinstance(done.exception, ConfigurationError)
    assert "no such folder or file" in str(done.exception)


def test_what_has_no_seal_is_told(tmp_path: Path) -> None:
    openpyxl.Workbook().save(tmp_path / "x.xlsx")
    with pytest.raises(FileUnsealed):
        check_file(tmp_path / "x.xlsx")


def test_a_forger_can_seal_but_not_with_the_providers_key(
    folder: Path, alone: Callable[[str], Path]
) -> None:
    key = check_file(folder / f"{STEM}.parquet").key
    path = alone(f"{STEM}.parquet")
    table = pq.read_table(path)
    document = json.loads(table.schema.metadata[METADATA])
    statement = {name: value for name, value in document.items() if name != "seal"}
    forged = json.dumps(sealed({**statement, "provider": "x"}, Secret(bytes(32))))
    pq.write_table(table.replace_schema_metadata({METADATA: forged}), path)
    assert check_file(path).provider == "x"
    with pytest.raises(Held, match="another key"):
        check_file(path, key)


def test_columns_that_are_added_are_found(alone: Callable[[str], Path]) -> None:
    path = alone(f"{STEM}.parquet")
    table = pq.read_table(path)
    more = table.append_column("true_people", table["people"])
    pq.write_table(more.replace_schema_metadata(table.schema.metadata), path)
    with pytest.raises(FileChanged):
        check_file(path)


def test_a_notice_with_the_file_is_heeded(home: Home, folder: Path, tmp_path: Path) -> None:
    copy = Home(tmp_path / "copy")
    shutil.copytree(home.root, copy.root)
    withdraw(NAME, "It was a test.", copy, Ledger.open(copy.ledger), SECRET)
    shutil.copy(copy.exports / "maju" / NAME / "WITHDRAWN.json", folder)
    with pytest.raises(Held, match="withdrawn"):
        check_file(folder / f"{STEM}.xlsx")


def test_a_release_of_an_earlier_format_is_checked_by_its_certificate(folder: Path) -> None:
    """Earlier files have no seal inside, and were named after their campaigns."""
    path = folder / "spring.csv"
    (folder / f"{STEM}.csv").rename(path)
    certificate = json.loads((folder / "certificate.json").read_text("utf-8"))
    files = {"spring.csv": certificate["files"][f"{STEM}.csv"]}
    statement = {name: value for name, value in certificate.items() if name != "seal"}
    old = sealed({**statement, "format": 3, "files": files}, SECRET)
    (folder / "certificate.json").write_text(json.dumps(old), "utf-8")
    assert check_file(path).release == NAME


def test_a_notice_about_another_release_condemns_nothing(
    home: Home, folder: Path, tmp_path: Path
) -> None:
    """Neither one that fits nor one that is damaged; one that cannot be read is told."""
    copy = Home(tmp_path / "copy")
    shutil.copytree(home.root, copy.root)
    other = f"campaign-day-{BEFORE}"
    withdraw(other, "It was a test.", copy, Ledger.open(copy.ledger), SECRET)
    notice = folder / "WITHDRAWN.json"
    shutil.copy(copy.exports / "maju" / other / notice.name, notice)
    for text in (notice.read_text("utf-8"), notice.read_text("utf-8").replace("a test", "no test")):
        notice.write_text(text, "utf-8")
        assert check_file(folder / f"{STEM}.xlsx").release == NAME
    notice.write_text("{", "utf-8")
    assert any(notice.name in line for line in check_file(folder / f"{STEM}.csv").unknown)


def test_a_csv_alone_is_withdrawn_by_the_notice_of_its_period(
    home: Home, alone: Callable[[str], Path], tmp_path: Path
) -> None:
    path, copy = alone(f"{STEM}.csv"), Home(tmp_path / "copy")
    shutil.copytree(home.root, copy.root)
    withdraw(NAME, "It was a test.", copy, Ledger.open(copy.ledger), SECRET)
    notice = Path(shutil.copy(copy.exports / "maju" / NAME / "WITHDRAWN.json", path.parent))
    for one in (path, notice):
        with pytest.raises(Held, match="was withdrawn by"):
            check_file(one)


def notice_of(kind: str, key: Secret, release_id: str = NAME) -> str:
    facts = {"provider": "Example Company", "recipient": "maju", "release": release_id}
    more = {"corrected_by": f"{NAME}-edition-2"} if kind == "CORRECTED.json" else {}
    return json.dumps(sealed({**facts, **more, "reason": "It was wrong."}, key))


@pytest.mark.parametrize("kind", ["WITHDRAWN.json", "CORRECTED.json"])
@pytest.mark.parametrize("with_certificate", [True, False])
def test_a_notice_of_somebody_else_is_not_believed(
    kind: str, with_certificate: bool, folder: Path
) -> None:
    """Sealed, and with another key than the file."""
    (folder / kind).write_text(notice_of(kind, Secret(bytes(32))), "utf-8")
    if not with_certificate:
        (folder / "certificate.json").unlink()
    with pytest.raises(Held, match="another key"):
        check_file(folder / f"{STEM}.parquet")
    if with_certificate:
        with pytest.raises(Held, match="another key"):
            check_export(folder)
        if kind == "CORRECTED.json":
            with pytest.raises(Held, match="another key"):
                check_file(folder / kind)


@pytest.mark.parametrize("with_certificate", [True, False])
def test_the_notice_of_a_correction_is_told_in_a_sentence(
    with_certificate: bool, folder: Path
) -> None:
    path = folder / "CORRECTED.json"
    path.write_text(notice_of(path.name, SECRET), "utf-8")
    key = check_file(folder / f"{STEM}.csv").key
    if not with_certificate:
        (folder / "certificate.json").unlink()
    checked = check_file(path)
    assert (checked.release, checked.recipient, checked.key) == (NAME, "maju", key)
    assert "was corrected by" in checked.correction
    assert check_file(folder / f"{STEM}.parquet").correction == checked.correction
    path.write_text(notice_of(path.name, SECRET, "campaign-day-2026-01-01"), "utf-8")
    if with_certificate:
        with pytest.raises(FileMisplaced):
            check_file(path)


def test_a_certificate_is_compared_with_the_one_that_is_named(home: Home, folder: Path) -> None:
    own = folder / "certificate.json"
    assert check_file(own).release == NAME
    assert check_file(own, certificate=home.exports / "maju" / NAME / own.name).release == NAME
    for other in (home.exports / "jaya" / NAME, home.exports / "maju" / f"campaign-day-{BEFORE}"):
        with pytest.raises(FileMisplaced):
            check_file(own, certificate=other / own.name)
    own.write_text(own.read_text("utf-8").replace("Example Company", "Example Compeny"), "utf-8")
    with pytest.raises(FileChanged):
        check_file(own, certificate=home.exports / "maju" / NAME / own.name)


@pytest.mark.parametrize("name", SEALED)
def test_endings_in_capitals_are_the_same_endings(name: str, folder: Path) -> None:
    (folder / "certificate.json").unlink()
    path = (folder / name).rename(folder / name.upper())
    with pytest.raises(FileRenamed):
        check_file(path)


def test_a_parquet_file_in_capitals_is_measured_before_it_is_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = (folder / f"{STEM}.parquet").rename(folder / "X.PARQUET")
    monkeypatch.setattr(storage_limits, "MOST_MEGABYTES", 1)
    with pytest.raises(Held, match="takes too much memory"):
        check_file(path)


@pytest.mark.parametrize("ending", ["xlsx", "parquet"])
@pytest.mark.parametrize("with_certificate", [True, False])
def test_a_flipped_bit_is_found_or_changes_nothing(
    ending: str, with_certificate: bool, folder: Path
) -> None:
    path, chance, outcomes = folder / f"{STEM}.{ending}", random.Random(7), Counter[int]()
    if not with_certificate:
        (folder / "certificate.json").unlink()
    content = path.read_bytes()
    for _ in range(200):
        place = chance.randrange(len(content))
        flipped = content[place] ^ (1 << chance.randrange(8))
        path.write_bytes(content[:place] + bytes([flipped]) + content[place + 1 :])
        try:
            check_file(path)
            outcomes[0] += 1
        except (Held, AudienceError) as error:
            outcomes[error.exit_code] += 1
    assert outcomes.keys() <= {0, 4, 8, 11}, outcomes
    assert outcomes[4] + outcomes[8] >= 150 or not with_certificate
    assert not (with_certificate and outcomes[0])


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_damaged_stream_of_any_compression_is_told(method: int, tmp_path: Path) -> None:
    path = tmp_path / "x.xlsx"
    with zipfile.ZipFile(path, "w", method) as parts:
        parts.writestr("docProps/custom.xml", bytes(range(256)) * 40)
    content = bytearray(path.read_bytes())
    content[70:90] = bytes(20)
    path.write_bytes(content)
    with pytest.raises(Held, match="cannot be read"):
        check_file(path)


@pytest.mark.parametrize(
    ("column", "old", "new"),
    [
        ("subject", "Spring Sale", "Spring\u200b Sale"),
        ("subject", "Spring Sale", "\u202eSpring Sale"),
        ("subject", "Spring Sale", "Spring\tSale"),
        ("iab_ids", "", None),
        ("statement_english", None, "'"),
    ],
)
def test_the_seal_is_over_each_value_as_it_is(
    column: str, old: str | None, new: str | None, alone: Callable[[str], Path]
) -> None:
    path = alone(f"{STEM}.parquet")
    table = pq.read_table(path)
    values = table[column].to_pylist()
    if old is None:
        changed = [f"{new}{value}" for value in values]
    else:
        assert old in values
        changed = [new if value == old else value for value in values]
    place = table.schema.get_field_index(column)
    field = table.schema.field(column)
    pq.write_table(table.set_column(place, field, pa.array(changed, field.type)), path)
    with pytest.raises(FileChanged):
        check_file(path)


CASES: dict[str, tuple[str, type[AudienceError] | None, int, str]] = {
    "as released": (f"{STEM}.xlsx", None, 0, "Not known from this file"),
    "changed": (f"{STEM}.xlsx", FileChanged, 8, "changed"),
    "renamed": (f"{STEM}.xlsx", FileRenamed, 9, "rename it to"),
    "other release": (f"{STEM}.xlsx", FileMisplaced, 10, "certificate of its own export"),
    "no seal": (f"{STEM}.csv", FileUnsealed, 11, "--certificate"),
}


@pytest.mark.parametrize("case", CASES)
def test_each_outcome_has_an_exit_code(case: str, home: Home, folder: Path) -> None:
    name, error, code, message = CASES[case]
    path = folder / name
    if case == "changed":
        change_a_cell(path)
    elif case == "renamed":
        path = path.rename(folder / "x.xlsx")
    elif case == "other release":
        other = f"spring-sale_day-{BEFORE}.xlsx"
        shutil.copy(home.exports / "maju" / f"campaign-day-{BEFORE}" / other, path)
    elif case == "no seal":
        (folder / "certificate.json").unlink()
    done = CliRunner().invoke(app, ["check", str(path)])
    if error is None:
        assert done.exit_code == code
        assert message in done.output
    else:
        assert isinstance(done.exception, error)
        assert done.exception.exit_code == code
        assert message in str(done.exception)
        assert not str(done.exception).startswith("held")
    stated = CliRunner().invoke(app, ["check", str(path), "--json"])
    assert stated.exit_code == code
    found = json.loads(stated.output)
    assert (found["valid"], found["exit_code"]) == (error is None, code)
    if error is None:
        (one,) = found["checked"]
        assert (one["file"], one["release"]) == (name, NAME)
        assert one["recipient"] == check_file(path).recipient
    else:
        assert message in found["message"]
        assert found["reason"] == done.exception.reason  # type: ignore[union-attr]


def test_an_export_and_what_there_is_not_as_json(folder: Path) -> None:
    done = CliRunner().invoke(app, ["check", str(folder), "--json"])
    found = json.loads(done.output)
    certificate = json.loads((folder / "certificate.json").read_text("utf-8"))
    assert (done.exit_code, found["valid"]) == (0, True)
    (one,) = found["checked"]
    assert one["files"] == len(list(folder.iterdir())) - 1
    assert one["key"]
    assert one["certificate"].items() <= {**certificate, **one["certificate"]}.items()
    done = CliRunner().invoke(app, ["check", str(folder / "none.csv"), "--json"])
    assert done.exit_code == 2
    assert json.loads(done.output)["reason"] is None
