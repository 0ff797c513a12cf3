"""The data label: what the data are, in the fields of the IAB Tech Lab's standard.

The fields follow the Data Transparency Standard 1.1, for a provider that publishes counts: there
are no ids to activate, nobody is added by modelling, and no onboarder takes part. What
differs from row to row (segment, geography, count) is in the columns that the label names. The
manifest has the values, a workbook has them in words.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from anonymizer.exports.statements import period_in_words
from anonymizer.model.dimensions import REGION_REFERENCE, Text
from anonymizer.model.tables import SubjectKind
from anonymizer.model.windows import INTEREST_DAYS
from anonymizer.release.release import Release, Segment

_STANDARD = "IAB Tech Lab Data Transparency Standard 1.1"
_TAXONOMY = {"name": "IAB Audience Taxonomy 1.1", "segtax": 4}
_CADENCE: Mapping[str, Text] = {
    "day": Text("daily", "harian"),
    "week": Text("weekly", "mingguan"),
    "month": Text("monthly", "bulanan"),
}
_LOOKBACK: Mapping[str, Text] = {
    "day": Text("1 day", "1 hari"),
    "week": Text("7 days", "7 hari"),
    "month": Text("1 calendar month", "1 bulan kalender"),
}
_WEB = Text("web usage", "penggunaan situs web")
_PROFILES = Text("registered profiles", "profil terdaftar")
_DECLARED = {"gender, age, region": "declared"}
_DECLARED_WORDS = Text(
    "gender, age and region: declared by the person",
    "jenis kelamin, usia, dan wilayah: dinyatakan oleh orang itu sendiri",
)
# Which columns of the files hold the label's fields that differ from row to row.
_COLUMNS = {
    "segment_id": "segment_id",
    "name": "segment",
    "taxonomy_ids": "iab_ids, joined with ;",
    "geography": "region_code, region",
    "count": "people, empty where suppressed",
    "count_rounding": "rounding",
}
_COLUMNS_IN_INDONESIAN = {
    **_COLUMNS,
    "taxonomy_ids": "iab_ids, dipisahkan dengan ;",
    "count": "people, kosong jika tidak ditampilkan",
}
_REGION_CODES = Text(
    f"{REGION_REFERENCE.authority}; {REGION_REFERENCE.edition}",
    "Kementerian Dalam Negeri (Kemendagri); Kepmendagri Nomor 300.2.2-2138 Tahun 2025",
)
_NOT_STATED = Text(
    "not stated by the provider; ask the sender of the file",
    "tidak disebutkan oleh penerbit; tanyakan kepada pengirim berkas",
)
_NO = Text("no", "tidak")
_PRECISION = Text(
    "individuals, disclosed as aggregates only", "perorangan, hanya diterbitkan sebagai agregat"
)
_NO_IDS = Text(
    "none: the files have no ids of people or devices",
    "tidak ada: berkas tidak memuat ID orang atau perangkat",
)
_NO_ONBOARDER = Text(
    "none: the data come from the provider's own service",
    "tidak ada: data berasal dari layanan penerbit sendiri",
)
_COMPLIANCE = Text(
    "Only people who consented to the use and the disclosure of their data are counted "
    "(Indonesian Law 27/2022). People who withdraw or are erased are not counted in any later "
    "release.",
    "Hanya orang yang menyetujui penggunaan dan pengungkapan datanya yang dihitung (UU 27/2022). "
    "Orang yang menarik persetujuan atau dihapus datanya tidak dihitung pada terbitan berikutnya.",
)


@dataclass(frozen=True)
class LabelField:
    """A field: its key and value in the manifest, its name and content for a reader."""

    key: str
    value: Any
    name: Text
    words: Text


@dataclass(frozen=True)
class _Kind:
    """What the label says of one kind of tables."""

    criteria: Text
    events: Text
    observed: bool = True

    @property
    def sources(self) -> tuple[Text, ...]:
        return (_WEB, _PROFILES) if self.observed else (_PROFILES,)

    @property
    def methodology(self) -> Mapping[str, str]:
        return {"visits": "observed", **_DECLARED} if self.observed else _DECLARED


_KINDS: Mapping[SubjectKind, _Kind] = {
    "campaign": _Kind(
        Text(
            "people who accessed the campaign's advertising link",
            "orang yang mengakses tautan iklan kampanye",
        ),
        Text("visits to the campaign's advertising link", "kunjungan ke tautan iklan kampanye"),
    ),
    "audience": _Kind(
        Text(
            "everyone who may be counted on the last day of the month: registered, adult, with an "
            "open account and the required consents",
            "semua orang yang boleh dihitung pada hari terakhir bulan itu: terdaftar, dewasa, "
            "memiliki akun aktif, dan memberikan persetujuan yang diperlukan",
        ),
        Text(
            "none: everyone with a profile may count",
            "tidak ada: semua orang yang memiliki profil dapat dihitung",
        ),
        observed=False,
    ),
    "interest": _Kind(
        Text(
            f"people who viewed products of the interest's categories in the {INTEREST_DAYS} days "
            "up to the last day of the week and who allowed advertising cookies",
            f"orang yang melihat produk dalam kategori minat itu selama {INTEREST_DAYS} hari "
            "hingga hari terakhir minggu itu dan mengizinkan kuki iklan",
        ),
        Text(
            "visits to product pages in these categories",
            "kunjungan ke halaman produk dalam kategori itu",
        ),
    ),
}


def label_of(release: Release) -> tuple[LabelField, ...]:
    """All fields, in order."""
    return (*_provider(release), *_audience(release), *_construction(release))


def _provider(release: Release) -> Iterator[LabelField]:
    yield _same("standard", _STANDARD, Text("Standard", "Standar"))
    yield _same("provider_name", release.provider, Text("Data provider", "Penerbit data"))
    for key, value, name in (
        ("provider_domain", release.domain, Text("Domain", "Domain")),
        ("provider_contact", release.contact, Text("Contact", "Kontak")),
        ("privacy_policy", release.privacy_policy, Text("Privacy policy", "Kebijakan privasi")),
    ):
        yield LabelField(key, value or None, name, Text(value, value) if value else _NOT_STATED)
    mechanisms = Text("Privacy compliance", "Kepatuhan privasi")
    yield LabelField(
        "privacy_compliance_mechanisms", [_COMPLIANCE.english], mechanisms, _COMPLIANCE
    )


def _audience(release: Release) -> Iterator[LabelField]:
    taxonomy = f"{_TAXONOMY['name']} (segtax {_TAXONOMY['segtax']})"
    yield LabelField("taxonomy", _TAXONOMY, Text("Taxonomy", "Taksonomi"), Text(taxonomy, taxonomy))
    named = [segment for segment in release.segments.values() if segment.named]
    yield LabelField(
        "segments",
        [_segment(segment) for segment in named],
        Text("Named segments", "Segmen bernama"),
        _segments_in_words(named),
    )
    yield LabelField(
        "further_segments",
        "one per row in the files",
        Text("Further segments", "Segmen lainnya"),
        Text("one in each row of the table", "satu pada setiap baris tabel"),
    )
    yield LabelField(
        "columns",
        _COLUMNS,
        Text("Columns of the CSV and Parquet files", "Kolom berkas CSV dan Parquet"),
        Text(_listed(_COLUMNS), _listed(_COLUMNS_IN_INDONESIAN)),
    )
    yield _same("geography", "Indonesia", Text("Geography", "Geografi"))
    name = Text("Codes of regions", "Kode wilayah")
    yield LabelField("geography_codes", asdict(REGION_REFERENCE), name, _REGION_CODES)
    criteria = _criteria(release)
    name = Text("Audience criteria", "Kriteria audiens")
    yield LabelField("audience_criteria", criteria.english, name, criteria)
    yield LabelField(
        "precision_level",
        _PRECISION.english,
        Text("Precision level", "Tingkat presisi"),
        _PRECISION,
    )
    scope = Text("the provider's own service", "layanan penerbit sendiri")
    yield LabelField("audience_scope", scope.english, Text("Scope", "Cakupan"), scope)
    yield LabelField("id_types", [], Text("Types of ids", "Jenis ID"), _NO_IDS)
    yield _count(release)


def _construction(release: Release) -> Iterator[LabelField]:
    period, kind = release.period, _KINDS[release.kind]
    yield LabelField(
        "period",
        {
            "id": period.id,
            "start": period.start.isoformat(),
            "end": period.end.isoformat(),
            "timezone": release.timezone,
        },
        Text("Period", "Periode"),
        _joined((period_in_words(period), Text(release.timezone, release.timezone)), ", "),
    )
    end = period.end.isoformat()
    yield _same("audience_refresh_date", end, Text("Data as of", "Data per tanggal"))
    cadence = _CADENCE[period.kind]
    yield LabelField("refresh_cadence", cadence.english, Text("Refreshed", "Diperbarui"), cadence)
    yield LabelField(
        "source_refresh_cadence",
        "daily",
        Text("Sources refreshed", "Sumber diperbarui"),
        _CADENCE["day"],
    )
    lookback = _lookback(release)
    name = Text("Lookback window", "Rentang waktu data")
    yield LabelField("lookback", lookback.english, name, lookback)
    yield LabelField(
        "source_events", kind.events.english, Text("Source events", "Kejadian sumber"), kind.events
    )
    yield LabelField(
        "data_sources",
        [source.english for source in kind.sources],
        Text("Data sources", "Sumber data"),
        _joined(kind.sources, ", "),
    )
    yield from _methods(kind)


def _methods(kind: _Kind) -> Iterator[LabelField]:
    """How people come to be in the audience, and that nothing was added to them."""
    visits = (Text("visits: observed", "kunjungan: diamati"),) if kind.observed else ()
    yield LabelField(
        "inclusion_methodology",
        dict(kind.methodology),
        Text("How data were obtained", "Cara memperoleh data"),
        _joined((*visits, _DECLARED_WORDS), "; "),
    )
    for key, name in (
        ("audience_expansion", Text("Audience expansion", "Perluasan audiens")),
        ("device_expansion", Text("Device expansion", "Perluasan perangkat")),
    ):
        yield LabelField(key, value=False, name=name, words=_NO)
    yield LabelField("onboarder", None, Text("Onboarder", "Onboarder"), _NO_ONBOARDER)


def _count(release: Release) -> LabelField:
    k, base, error = release.promise.k, release.base, release.error
    value = {
        "unit": "people, each counted once per period",
        "at_least": k,
        "rounded_to_multiples_of": base,
        "differs_from_true_number_by_at_most": error,
    }
    words = Text(
        f"people, each counted once per period; at least {k}; multiples of {base}; at most {error} "
        "from the true number",
        f"orang, masing-masing dihitung satu kali per periode; sedikitnya {k}; kelipatan {base}; "
        f"berbeda paling banyak {error} dari jumlah sebenarnya",
    )
    return LabelField("count", value, Text("Count", "Jumlah"), words)


def _criteria(release: Release) -> Text:
    """Who is counted, and the bounds on how often."""
    promise, words = release.promise, _KINDS[release.kind].criteria
    if days := promise.min_account_days:
        more = Text(f"accounts are at least {days} days old", f"usia akun sedikitnya {days} hari")
        words = _joined((words, more), "; ")
    if release.kind == "campaign":
        most = promise.campaigns_per_person
        more = Text(
            f"a visit counts for one campaign, a person in at most {most} campaigns of one "
            "advertiser and period",
            f"satu kunjungan dihitung untuk satu kampanye, satu orang pada paling banyak {most} "
            "kampanye dari satu pengiklan dalam satu periode",
        )
        words = _joined((words, more), "; ")
    return words


def _lookback(release: Release) -> Text:
    if release.kind == "audience":
        return Text(
            "none, as of the last day of the month", "tidak ada, per hari terakhir bulan itu"
        )
    if release.kind == "interest":
        return Text(
            f"{INTEREST_DAYS} days, to the last day of the week",
            f"{INTEREST_DAYS} hari, hingga hari terakhir minggu itu",
        )
    return _LOOKBACK[release.period.kind]


def _segment(segment: Segment) -> dict[str, Any]:
    return {
        "segment_id": segment.id,
        "name": segment.name.english,
        "name_indonesian": segment.name.indonesian,
        "taxonomy_ids": list(segment.iab_ids),
        "geography": segment.region_name.english,
        "criteria": {
            "gender": segment.gender,
            "age": segment.age,
            "region_code": segment.region,
        },
    }


def _segments_in_words(segments: Sequence[Segment]) -> Text:
    """One a line: `men under 40: gender male, age under_40, region all`."""
    criteria = [(segment.gender, segment.age, segment.region) for segment in segments]
    named = list(zip((segment.name for segment in segments), criteria, strict=True))
    return Text(
        "\n".join(f"{name.english}: gender {g}, age {a}, region {r}" for name, (g, a, r) in named),
        "\n".join(
            f"{name.indonesian}: jenis kelamin {g}, usia {a}, wilayah {r}"
            for name, (g, a, r) in named
        ),
    )


def _listed(columns: Mapping[str, str]) -> str:
    return "\n".join(f"{key}: {value}" for key, value in columns.items())


def _same(key: str, value: str, name: Text) -> LabelField:
    return LabelField(key, value, name, Text(value, value))


def _joined(texts: Sequence[Text], between: str) -> Text:
    return Text(
        between.join(text.english for text in texts),
        between.join(text.indonesian for text in texts),
    )
