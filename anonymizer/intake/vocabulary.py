"""The words and numbers that intake judges rows by, and the relations that hold them."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc

from anonymizer.model.codings import Codings
from anonymizer.model.dimensions import reference_regions
from anonymizer.model.segments import Interest
from anonymizer.storage.engine import Engine

# Earlier and later times are faults of a clock, a unit or a default value.
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)
OLDEST_AGE = 130
LONGEST_NAME = 200

_GENDERS = {
    "male": ("male", "m", "man", "l", "lk", "pria", "laki-laki", "laki laki", "lakilaki"),
    "female": ("female", "f", "woman", "p", "pr", "w", "wanita", "perempuan"),
    # Said in so many words: nothing to warn about.
    "not_stated": ("not_stated", "not stated", "unknown", "n/a", "-", "tidak disebutkan"),
}

# What a request, a consent's purpose and its answer may be called: plain words (see `plain_words`)
# by what they mean. A word that could mean two things is not here: a row with it is unread, which
# excludes its person. docs/raw-contract.md lists all of them.
REQUEST_WORDS = {
    "erase": (
        *("erase", "erased", "erasure", "delete", "deleted", "deletion", "remove", "removal"),
        *("forget", "forgetme", "forgotten", "righttobeforgotten", "righttoerasure", "rtbf"),
        *("hapus", "dihapus", "menghapus", "hapusdata", "hapusakun", "penghapusan"),
        *("penghapusandata", "penghapusanakun", "musnahkan", "pemusnahan", "lupakan"),
    ),
    "withdraw": (
        *("withdraw", "withdrawal", "withdrawn", "withdrawconsent", "consentwithdrawal"),
        *("optout", "optedout", "unsubscribe", "unsubscribed", "revoke", "revoked", "revocation"),
        *("object", "objection", "tarik", "menarik", "penarikan", "tarikpersetujuan"),
        *("penarikanpersetujuan", "cabut", "mencabut", "pencabutan", "cabutpersetujuan"),
        *("pencabutanpersetujuan", "berhentiberlangganan", "keberatan", "tolak", "penolakan"),
    ),
    "correct": (
        *("correct", "corrected", "correction", "rectify", "rectification", "amend", "amendment"),
        *("perbaiki", "memperbaiki", "perbaikan", "koreksi", "pembetulan", "ralat"),
    ),
    "access": (
        *("access", "accessrequest", "dataaccess", "subjectaccess", "subjectaccessrequest"),
        *("datasubjectaccessrequest", "dsar", "akses", "aksesdata", "permintaanakses"),
    ),
}
PURPOSE_WORDS = {
    "use": ("use", "usage", "penggunaan", "pemakaian"),
    "disclosure": ("disclosure", "disclose", "pengungkapan"),
    "advertising_cookies": ("advertisingcookies", "advertisingcookie", "cookieiklan", "kukiiklan"),
    "marketing": ("marketing", "pemasaran"),
}
GRANTED_WORDS = {
    "true": (
        *("true", "t", "yes", "y", "1", "granted", "agreed", "accepted", "optin", "optedin"),
        *("ya", "iya", "setuju", "disetujui"),
    ),
    "false": (
        *("false", "f", "no", "n", "0", "denied", "deny", "refused", "refuse", "rejected"),
        *("declined", "revoked", "revoke", "withdrawn", "withdraw", "optout", "optedout"),
        *("tidak", "tdk", "tidaksetuju", "tolak", "ditolak", "menolak", "cabut", "dicabut"),
        *("tarik", "ditarik"),
    ),
}


def plain_words(texts: pa.Array) -> pa.Array:
    """Texts in the form of the vocabulary: NFKC, lower case, trimmed, without what joins words.

    Spaces, hyphens and underscores go from between letters and digits only: `-1` is not 1.
    """
    folded = pc.utf8_lower(pc.utf8_normalize(texts, "NFKC"))
    trimmed = pc.utf8_trim_whitespace(pc.replace_substring_regex(folded, r"\p{Cf}", ""))
    whole = pc.match_substring_regex(trimmed, r"^[\p{L}\p{N}](.*[\p{L}\p{N}])?$")
    joined = pc.replace_substring_regex(trimmed, r"[\s\p{Z}_\p{Pd}]+", "")
    return pc.if_else(whole, joined, trimmed)


def load_vocabulary(
    engine: Engine, program_words: Iterable[str], interests: Iterable[Interest], codings: Codings
) -> None:
    """Load `gender_words`, `regencies`, `region_codes`, `program_words`, `interest_words`.

    And what `load_objection_words` loads. `regencies` and `region_codes` have a code of the raw
    files and what it means: a regency in profiles, any region in the targets of campaigns.
    """
    load_objection_words(engine)
    known = {word: gender for gender, words in _GENDERS.items() for word in words}
    _load_pairs(engine, "gender_words", ("word", "gender"), known | dict(codings.genders))
    regencies = {region.code for region in reference_regions() if region.level == "regency"}
    of_profiles = {code: of for code, of in codings.regions.items() if of in regencies}
    _load_pairs(engine, "regencies", ("code", "region"), of_profiles)
    _load_pairs(engine, "region_codes", ("code", "region"), codings.targets)
    words = [word.lower() for word in program_words if word]
    engine.load("program_words", pa.table({"word": pa.array(words, pa.string())}))
    load_interests(engine, interests)


def load_interests(engine: Engine, interests: Iterable[Interest]) -> None:
    """Load `interest_words`."""
    of_interest = [(word, each.code) for each in interests for word in each.categories]
    engine.load(
        "interest_words",
        pa.table(
            {
                "word": pa.array([word for word, _ in of_interest], pa.string()),
                "interest": pa.array([code for _, code in of_interest], pa.string()),
            }
        ),
    )


def _load_pairs(
    engine: Engine, relation: str, columns: tuple[str, str], pairs: Mapping[str, str]
) -> None:
    texts = (list(pairs), list(pairs.values()))
    arrays = [pa.array(column, pa.string()) for column in texts]
    engine.load(relation, pa.table(arrays, names=list(columns)))


def load_objection_words(engine: Engine) -> None:
    """Load `request_words`, `purpose_words`, `granted_words`: word and meaning."""
    for relation, words in (
        ("request_words", REQUEST_WORDS),
        ("purpose_words", PURPOSE_WORDS),
        ("granted_words", GRANTED_WORDS),
    ):
        pairs = [(word, meaning) for meaning, spellings in words.items() for word in spellings]
        engine.load(
            relation,
            pa.table({"word": [word for word, _ in pairs], "meaning": [m for _, m in pairs]}),
        )
