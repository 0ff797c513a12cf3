"""How to read the figures, in plain words."""

from anonymizer.dimensions import Text
from anonymizer.release import Release


def guide(release: Release) -> tuple[Text, ...]:
    """One rule a line, for a reader who has only the file."""
    return (_PEOPLE, _floor(release), *_rounding(release), _NO_SUMS, _ALL, _days(release), _FINAL,
            _origin(release))  # fmt: skip


_PEOPLE = Text(
    english="A figure counts people, each once a period, however often they came.",
    indonesian="Angka menghitung orang, satu kali per periode, berapa pun kunjungannya.",
)
_NO_SUMS = Text(
    english="Groups overlap, and the same person may count on several days and for several "
    "campaigns: do not add figures over groups, days or campaigns.",
    indonesian="Kelompok dapat tumpang tindih, dan orang yang sama dapat terhitung pada beberapa "
    "hari dan kampanye: jangan menjumlahkan antar kelompok, hari, atau kampanye.",
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
