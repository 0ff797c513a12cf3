"""How to read the figures, in plain words."""

from anonymizer.dimensions import Text
from anonymizer.release import Release
from anonymizer.windows import INTEREST_DAYS


def guide(release: Release) -> tuple[Text, ...]:
    """One rule a line, for a reader who has only the file."""
    return (
        *(_PEOPLE, *_who(release), _floor(release), *_rounding(release)),
        *(_NO_SUMS, _ALL, _days(release), _FINAL, _origin(release)),
    )


_PEOPLE = Text(
    english="A figure counts people, each once a period, however often they came.",
    indonesian="Angka menghitung orang, satu kali per periode, berapa pun kunjungannya.",
)
_NO_SUMS = Text(
    english="Groups overlap, and the same person may count in several periods and for several "
    "campaigns and interests: do not add figures over groups, periods, campaigns or interests.",
    indonesian="Kelompok dapat tumpang tindih, dan orang yang sama dapat terhitung pada beberapa "
    "periode, kampanye, dan minat: jangan menjumlahkan antar kelompok, periode, kampanye, atau "
    "minat.",
)
_WHOLE_PERIOD = Text(
    english="Whoever came on several days of a week or month counts once in it. Visits that were "
    "recorded too late for their day count in their week and month.",
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
    english=f"An interest counts who viewed products of its categories in the {INTEREST_DAYS} days "
    "to the end of the week, and allowed cookies for advertising. One week shares most of these "
    "days with the next.",
    indonesian="Sebuah minat menghitung orang yang melihat produk dari kategorinya dalam "
    f"{INTEREST_DAYS} hari hingga akhir minggu dan mengizinkan kuki iklan. Sebagian besar hari itu "
    "sama dengan minggu berikutnya.",
)
_ALL = Text(
    english="In the columns gender, age and region, all means that the group is not limited there.",
    indonesian="Pada kolom gender, age, dan region, all berarti kelompok tidak dibatasi.",
)
_FINAL = Text(
    english="A released figure never changes. iab_ids are those of the IAB Audience Taxonomy 1.1.",
    indonesian="Angka yang sudah terbit tidak pernah berubah. iab_ids mengikuti IAB Audience "
    "Taxonomy 1.1.",
)


def _who(release: Release) -> tuple[Text, ...]:
    """What the people of these tables have in common, where the statements leave a question."""
    if release.kind == "audience":
        return (_AUDIENCE,)
    if release.kind == "interest":
        return (_INTEREST,)
    return () if release.period.kind == "day" else (_WHOLE_PERIOD,)


def _floor(release: Release) -> Text:
    k = release.promise.k
    return Text(
        english=f"Only groups of at least {k} people are shown. Withheld means that there is no "
        "figure; it does not mean that nobody came, and does not say how many did.",
        indonesian=f"Hanya kelompok dengan sedikitnya {k} orang yang ditampilkan. Status "
        "withheld (ditahan) berarti "
        "tidak ada angka; bukan berarti tidak ada orang, dan tidak menyatakan jumlahnya.",
    )


def _rounding(release: Release) -> tuple[Text, ...]:
    step = release.promise.rounding
    if step == 1:
        return ()
    return (
        Text(
            english=f"Figures are rounded: each is a multiple of {step} and less than {step} away "
            "from the true number, so figures need not add up.",
            indonesian=f"Angka dibulatkan: setiap angka adalah kelipatan {step} dan selisihnya "
            f"kurang dari {step} dari jumlah sebenarnya, sehingga penjumlahan bisa berbeda.",
        ),
    )


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
