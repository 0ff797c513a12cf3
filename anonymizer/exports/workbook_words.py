"""The words of a workbook in both languages."""

from collections.abc import Mapping

from anonymizer.model.dimensions import ALL, NOT_STATED, Text
from anonymizer.model.subjects import Subject, name_of
from anonymizer.release.release import Release

SUMMARY = Text("Summary", "Ringkasan")
FIGURES = Text("Figures", "Angka")
READING = Text("How to read", "Cara membaca")
LABEL = Text("About the data", "Tentang data")

ADVERTISER = Text("Advertiser", "Pengiklan")
PERIOD = Text("Period", "Periode")
PROVIDER = Text("Published by", "Diterbitkan oleh")
RELEASE = Text("Release", "Terbitan")
SUBJECTS: Mapping[str, Text] = {
    "campaign": Text("Campaign", "Kampanye"),
    "audience": Text("Audience", "Audiens"),
    "interest": Text("Interest", "Minat"),
}

MAIN_FIGURES = Text("Main figures", "Angka utama")
PEOPLE_OF = Text("People", "Kelompok orang")
PEOPLE = Text("Number of people", "Jumlah orang")
CHANGE = Text("Change", "Perubahan")
UP = Text("up", "naik")
DOWN = Text("down", "turun")
UNCLEAR = Text("no clear change", "tidak ada perubahan yang jelas")
NOTHING_BEFORE = Text(
    "No figures of the previous period are published for comparison.",
    "Belum ada angka periode sebelumnya untuk dibandingkan.",
)
NO_FIGURE = Text(
    "No figure is published for this period.", "Tidak ada angka yang diterbitkan untuk periode ini."
)

AGE_AND_GENDER = Text("People by age and gender", "Jumlah orang menurut usia dan jenis kelamin")
AGE = Text("Age", "Usia")
MEN = Text("Men", "Pria")
WOMEN = Text("Women", "Wanita")
EVERYONE = Text("All genders", "Semua jenis kelamin")
NO_AGES = Text(
    "No figure by age is published for this period.",
    "Tidak ada angka menurut usia yang diterbitkan untuk periode ini.",
)
EMPTY = Text(
    "An empty cell means not published. It does not mean that no one visited.",
    "Sel kosong berarti tidak ditampilkan, bukan berarti tidak ada orang.",
)

BY_REGION = Text("People by region", "Jumlah orang menurut wilayah")
REGION = Text("Region", "Wilayah")
LEVEL = Text("Kind of region", "Jenis wilayah")
LEVELS: Mapping[str, Text] = {
    "country": Text("country", "negara"),
    "area": Text("group of regions", "gabungan wilayah"),
    "province": Text("province", "provinsi"),
    "regency": Text("regency or city", "kabupaten/kota"),
}
NO_REGIONS = Text(
    "No figure by region is published for this period.",
    "Tidak ada angka menurut wilayah yang diterbitkan untuk periode ini.",
)

UNPUBLISHED = Text("Segments that are not published", "Segmen yang tidak ditampilkan")

SEGMENT = Text("Segment", "Segmen")
STATUS = Text("Status", "Status")
STATUSES: Mapping[str, Text] = {
    "published": Text("published", "ditampilkan"),
    "suppressed": Text("not published", "tidak ditampilkan"),
}
GENDER = Text("Gender", "Jenis kelamin")
REGION_CODE = Text("Region code", "Kode wilayah")
STATEMENT = Text("In a sentence", "Dalam kalimat")
SEGMENT_ID = Text("Segment id", "ID segmen")
GENDER_CODE = Text("Gender code", "Kode jenis kelamin")
AGE_CODE = Text("Age code", "Kode usia")
ROUNDING = Text("Multiples of", "Kelipatan")
IAB_IDS = Text("IAB ids", "ID IAB")
EVERY = Text("all", "semua")
UNSTATED = Text("not stated", "tidak disebutkan")
NO_LIMIT: Mapping[str, Text] = {ALL: EVERY, NOT_STATED: UNSTATED}

FIELD = Text("Field", "Keterangan")
VALUE = Text("Value", "Isi")


def title_of(release: Release, subject: Subject) -> Text:
    """What the first page is about."""
    if release.kind == "audience":
        return Text(f"Audience of {release.provider}", f"Audiens {release.provider}")
    words = name_of(subject)
    if release.kind == "interest":
        return Text(f"Interest in {words.english}", f"Minat pada {words.indonesian}")
    return Text(f"Reach of {words.english}", f"Jangkauan {words.indonesian}")


def error_in_a_sentence(release: Release) -> Text:
    """How far figures are from the truth."""
    if not release.error:
        return Text("Every figure is exact.", "Setiap angka adalah jumlah pasti.")
    return Text(
        f"Each figure is within {release.error} of the true number of people.",
        f"Setiap angka berbeda paling banyak {release.error} dari jumlah orang yang sebenarnya.",
    )


def change_rule(error: int) -> Text:
    """When a change is named; `error` is that of both figures together."""
    if not error:
        return Text("All figures compared are exact.", "Semua angka yang dibandingkan pasti.")
    return Text(
        f"A change is stated only if it is larger than {error}, the combined error of the two "
        "figures.",
        f"Perubahan hanya disebutkan jika lebih dari {error}, yaitu gabungan selisih terbesar "
        "kedua angka.",
    )


def regions_left(number: int) -> Text:
    """Where the regions are that the first page leaves out."""
    return Text(
        f"{number} more regions are in the sheet {FIGURES.english}.",
        f"{number} wilayah lainnya ada di lembar {FIGURES.indonesian}.",
    )
