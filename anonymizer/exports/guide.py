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
    english="A released figure never changes. A correction is published as a file of its own.",
    indonesian="Angka yang sudah terbit tidak pernah berubah. Koreksi diterbitkan dalam berkas "
    "tersendiri.",
)
_PEOPLE = Text(
    english="A figure counts people, each once a period, however often they came.",
    indonesian="Angka menghitung orang, satu kali per periode, berapa pun kunjungannya.",
)
_NO_ADDITION = Text(
    english="Groups overlap, and the same person may count in several periods and for several "
    "campaigns and interests: do not add figures over groups, periods, campaigns or interests.",
    indonesian="Kelompok dapat tumpang tindih, dan orang yang sama dapat terhitung pada beberapa "
    "periode, kampanye, dan minat: jangan menjumlahkan antar kelompok, periode, kampanye, atau "
    "minat.",
)
_WHOLE_PERIOD = Text(
    english="A person who came on several days of a week or month counts once in it. Visits that "
    "were recorded too late for their day count in their week and month.",
    indonesian="Orang yang datang pada beberapa hari dalam satu minggu atau bulan terhitung satu "
    "kali. Kunjungan yang terlambat tercatat untuk harinya dihitung pada minggu dan bulannya.",
)
_AUDIENCE = Text(
    english="The audience is everybody who may be counted on the last day of the month, whether "
    "they came in it or not.",
    indonesian="Audiens adalah semua orang yang boleh dihitung pada hari terakhir bulan itu, baik "
    "mereka berkunjung maupun tidak.",
)
_INTEREST = Text(
    english="An interest counts people who viewed products of its categories in the "
    f"{INTEREST_DAYS} days to the end of the week and allowed cookies for advertising. One week "
    "shares most of these days with the next.",
    indonesian="Sebuah minat menghitung orang yang melihat produk dari kategorinya dalam "
    f"{INTEREST_DAYS} hari hingga akhir minggu dan mengizinkan kuki iklan. Sebagian besar hari itu "
    "sama dengan minggu berikutnya.",
)
_SHARED = Text(
    english="A group that hardly differs from one that was released before it, also for another "
    "campaign or period, can have the figure of that group: a figure that stays the same does not "
    "mean that the people stayed the same.",
    indonesian="Kelompok yang hampir sama dengan kelompok yang terbit sebelumnya, juga untuk "
    "kampanye atau periode lain, dapat memiliki angka kelompok itu: angka yang tetap tidak berarti "
    "orangnya tetap.",
)
_ALL = Text(
    english="In the columns gender, age and region, all means that the group is not limited there.",
    indonesian="Pada kolom jenis kelamin, usia, dan wilayah, semua berarti kelompok tidak "
    "dibatasi. Kode all pada kolom kode berarti sama.",
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
            english=f"Accounts that have been open for less than {days} days are not counted.",
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
        "that there is no figure; it does not mean that nobody came, and does not say how many "
        "did.",
        indonesian=f"Hanya kelompok dengan sedikitnya {k} orang yang ditampilkan. Tidak "
        "ditampilkan (suppressed) berarti tidak ada angka; bukan berarti tidak ada orang, dan "
        "tidak menyatakan jumlahnya.",
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
        f"of {figure} stands for {least} to {most} people. So figures need not add up.",
        indonesian=f"{indonesian}jumlah orang yang sebenarnya berbeda paling banyak {error} dari "
        f"angka itu. Angka {figure} berarti {least} sampai {most} orang. Karena itu penjumlahan "
        "bisa berbeda.",
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
