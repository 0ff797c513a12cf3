"""How to read the figures, in plain words."""

from collections.abc import Iterator

from anonymizer.model.dimensions import Text
from anonymizer.model.windows import INTEREST_DAYS
from anonymizer.release.release import Release

_TIMES_THRESHOLD = 10  # how large the figure is whose range is worked out


def guide(release: Release) -> tuple[Text, ...]:
    """One rule a line, for a reader who has only the file."""
    return (
        *(_PEOPLE, *_who(release), *_bounds(release)),
        *(_threshold(release), *_precision(release), _NO_ADDITION, _ALL),
        *(_days(release), _FINAL, _origin(release)),
    )


def short_guide(release: Release) -> tuple[Text, ...]:
    """What nobody should do without, for the first page."""
    return _PEOPLE, _threshold(release), _NO_ADDITION, _FINAL_FIGURE


_FINAL_FIGURE = Text(
    english="A released figure never changes. A correction is published as a separate file.",
    indonesian="Angka yang sudah terbit tidak pernah berubah. Koreksi diterbitkan dalam berkas "
    "tersendiri.",
)
_PEOPLE = Text(
    english="A figure counts people. Each person counts once per period, however often they "
    "visited.",
    indonesian="Angka menunjukkan jumlah orang. Setiap orang dihitung satu kali per periode, "
    "berapa kali pun berkunjung.",
)
_NO_ADDITION = Text(
    english="Groups overlap, and the same person may count in several periods and for several "
    "campaigns and interests: do not add up figures across groups, periods, campaigns or "
    "interests.",
    indonesian="Kelompok dapat tumpang tindih, dan orang yang sama dapat terhitung pada beberapa "
    "periode, kampanye, dan minat: jangan menjumlahkan angka antarkelompok, antarperiode, "
    "antarkampanye, atau antarminat.",
)
_WHOLE_PERIOD = Text(
    english="A person who visited on several days of a week or month counts once in it. Visits "
    "that were recorded too late for their day count in their week and month.",
    indonesian="Orang yang datang pada beberapa hari dalam satu minggu atau bulan terhitung satu "
    "kali. Kunjungan yang terlambat dicatat dan tidak masuk angka harian dihitung "
    "pada minggu dan bulannya.",
)
_AUDIENCE = Text(
    english="The audience is everyone who may be counted on the last day of the month, whether "
    "or not they visited during the month.",
    indonesian="Audiens adalah semua orang yang boleh dihitung pada hari terakhir bulan itu, "
    "baik mereka berkunjung pada bulan itu maupun tidak.",
)
_INTEREST = Text(
    english="An interest counts people who viewed products in its categories during the "
    f"{INTEREST_DAYS} days up to the end of the week and who allowed advertising cookies. "
    "Consecutive weeks share most of these days.",
    indonesian="Angka minat adalah jumlah orang yang melihat produk dalam kategorinya selama "
    f"{INTEREST_DAYS} hari hingga akhir minggu dan mengizinkan kuki iklan. Sebagian besar hari "
    "tersebut juga termasuk dalam angka minggu berikutnya.",
)
_SHARED = Text(
    english="A group that hardly differs from one that was released earlier, even for another "
    "campaign or period, can have the figure of that group. An unchanged figure does not mean "
    "that the people are the same.",
    indonesian="Kelompok yang hampir sama dengan kelompok yang terbit sebelumnya, termasuk untuk "
    "kampanye atau periode lain, dapat memiliki angka kelompok itu. Angka yang tidak berubah "
    "tidak berarti orangnya sama.",
)
_ALL = Text(
    english="In the columns gender, age and region, all means that this column does not limit the "
    "group.",
    indonesian="Pada kolom jenis kelamin, usia, dan wilayah, semua berarti kelompok tidak dibatasi "
    "menurut kolom itu. Kode all pada kolom kode memiliki arti yang sama.",
)
_FINAL = Text(
    english="A released figure never changes. IAB ids are those of the IAB Audience Taxonomy 1.1, "
    "region codes those of the Ministry of Home Affairs (Kemendagri), decree 300.2.2-2138 of 2025.",
    indonesian="Angka yang sudah terbit tidak pernah berubah. ID IAB mengikuti IAB Audience "
    "Taxonomy 1.1, kode wilayah mengikuti Kepmendagri Nomor 300.2.2-2138 Tahun 2025.",
)


def _who(release: Release) -> tuple[Text, ...]:
    """What the people of these tables have in common, where the statements leave a question."""
    if release.kind == "audience":
        return (_AUDIENCE,)
    if release.kind == "interest":
        return (_INTEREST,)
    return () if release.period.kind == "day" else (_WHOLE_PERIOD,)


def _bounds(release: Release) -> Iterator[Text]:
    """Whose visits are left out, and for how many campaigns a person counts."""
    promise = release.promise
    if days := promise.min_account_days:
        yield Text(
            english=f"Accounts that have been open for fewer than {days} days are not counted.",
            indonesian=f"Akun yang dibuka kurang dari {days} hari sebelumnya tidak dihitung.",
        )
    if release.kind == "campaign":
        most = promise.campaigns_per_person
        yield Text(
            english="A visit counts for one campaign, and a person counts in at most "
            f"{most} of an advertiser's campaigns in a period.",
            indonesian="Satu kunjungan dihitung untuk satu kampanye, dan satu orang dihitung pada "
            f"paling banyak {most} kampanye dari pengiklan yang sama dalam satu periode.",
        )


def _threshold(release: Release) -> Text:
    k = release.promise.k
    return Text(
        english=f"Only groups of at least {k} people are shown. Not published (suppressed) means "
        "that there is no figure; it does not mean that the group is empty, and does not "
        "reveal its size.",
        indonesian=f"Hanya kelompok dengan sedikitnya {k} orang yang ditampilkan. Tidak "
        "ditampilkan (suppressed) berarti angkanya tidak diterbitkan. Ini tidak "
        "berarti bahwa kelompok itu kosong, dan tidak mengungkapkan jumlahnya.",
    )


def _precision(release: Release) -> Iterator[Text]:
    """How far a figure may be from the true number, and why two figures may be equal."""
    base, error = release.base, release.error
    if not error:
        yield Text(english="Figures are exact.", indonesian="Angka merupakan jumlah pasti.")
        return
    figure = _TIMES_THRESHOLD * release.promise.k // base * base
    least, most = release.range_of(figure)
    english, indonesian = "Figures are approximate: ", "Angka merupakan perkiraan: "
    if base > 1:
        english += f"each is a multiple of {base}, and "
        indonesian += f"setiap angka adalah kelipatan {base}, dan "
    yield Text(
        english=f"{english}the true number of people differs from it by at most {error}. A figure "
        f"of {figure} stands for {least} to {most} people. Therefore, figures may not add "
        "up.",
        indonesian=f"{indonesian}jumlah orang yang sebenarnya berbeda paling banyak {error} dari "
        f"angka itu. Angka {figure} mewakili {least} sampai {most} orang. Karena itu, "
        "jumlah angka bagian bisa berbeda dari totalnya.",
    )
    yield _SHARED


def _days(release: Release) -> Text:
    return Text(
        english=f"Days are calendar days in the time zone {release.timezone}.",
        indonesian=f"Hari adalah hari kalender menurut zona waktu {release.timezone}.",
    )


def _origin(release: Release) -> Text:
    policy = release.policy_digest[:16]
    return Text(
        english=f"Release {release.id}. Policy {policy}.",
        indonesian=f"Terbitan {release.id}. Kebijakan {policy}.",
    )
