"""The one form of a URL, so that a link as it was typed equals the link as it was visited.

Equal here are URLs that RFC 3986 (section 6.2.2) and IDNA call equivalent, and a few more that
every server and browser takes for one another:

    scheme    no matter, as to compare; its default port is dropped
    host      lower case, Unicode as punycode, without user, default port and final dot
    path      escapes of unreserved characters decoded, other escapes in capitals, characters that
              need an escape escaped, dot segments resolved, `//` as `/`, no `/` at the end,
              no `;jsessionid=`
    query     escapes as in the path, `&amp;` as `&`, keys that begin with `utm_` in lower case
    fragment  dropped

Different stay: capitals in path and query, an escaped and a plain reserved character (`%2F` and
`/`), `+` and a space, the order of parameters in the text (how they are compared is up to
`match_campaigns.sql`). A tag (`utm_id`, `utm_campaign`) is decoded as far as it can be.

No text fails: what is not a URL comes back in some form and has no host. The usual URL is in its
one form already; only others are read one by one.
"""

import re
import unicodedata
from functools import lru_cache
from itertools import product
from urllib.parse import quote_from_bytes, unquote_to_bytes

import idna
import pyarrow as pa
import pyarrow.compute as pc

# In its one form already, but for a fragment, a `/` at the end and capitals in `utm_` keys, which
# split_urls.sql sees to. Neither an escape nor `;`, nor a path segment that begins with a dot.
_USUAL = (
    r"^https?://[a-z0-9_-]+(?:\.[a-z0-9_-]+)*(?:/[A-Za-z0-9_~!$'()*+,=:@-][A-Za-z0-9_~!$'()*+,=:@.-]*)*"
    r"/?(?:\?[A-Za-z0-9_~!$'()*+,=:@.&/?-]*)?(?:#[^;]*)?$"
)
_LONGEST_LABEL = 63  # octets of a DNS label; also bounds the work on one
_AMPERSANDS = re.compile(r"&(?:amp|#0*38|#x0*26);", re.IGNORECASE)
_SESSION = re.compile(r";jsessionid=[^/;]*", re.IGNORECASE)
_ESCAPED = re.compile("%[0-9A-Fa-f]{2}")
_STRAY_PERCENT = re.compile("%(?![0-9A-Fa-f]{2})")
_SLASHES = re.compile("//+")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
_PORT = re.compile(r":+0*([0-9]*)$")
# Characters that would end a host name if they stood in it as they are.
_ENDS = {ord(character): f"%{ord(character):02X}" for character in "/?#@\\"}
_DOTS = re.compile("[.\u3002\uff0e\uff61]")
# What a browser removes wherever it stands.
_BREAKS = str.maketrans("", "", "\t\r\n")
_UNRESERVED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
_RESERVED = ":/?#[]@!$&'()*+,;="
_TAGS = frozenset({"utm_id", "utm_campaign"})
_SAFE = re.compile(r"[A-Za-z0-9._~%:/?#\[\]@!$&'()*+,;=-]*+")
_PLAIN_PATH = re.compile(r"(?:[A-Za-z0-9_~!$'()*+,=:@-][A-Za-z0-9_~!$'()*+,=:@.-]*+/?+)*+")
_AND = re.compile("&&+")
_FORMS = {
    f"%{first}{second}": chr(byte)
    if (byte := int(first + second, 16)) in _UNRESERVED
    else f"%{byte:02X}"
    for first, second in product("0123456789ABCDEFabcdef", repeat=2)
}


def canonical_urls(urls: pa.Array) -> pa.Array:
    """The one form of each of these URLs; `urls` has no nulls and none twice."""
    usual = pc.match_substring_regex(urls, _USUAL)
    odd = pc.invert(usual)
    if not pc.any(odd).as_py():
        return urls
    forms = [canonical_url(url) for url in urls.filter(odd).to_pylist()]
    return pc.replace_with_mask(urls, odd, pa.array(forms, pa.string()))


def canonical_url(url: str) -> str:
    """The one form of a URL: `scheme://host/path?query`, or text without `://`."""
    address = url.strip()
    if not address.isprintable():
        address = address.translate(_BREAKS)
    scheme, separator, rest = _split_scheme(address)
    if not separator or "?" in scheme or "#" in scheme:
        return ""
    if ";" in rest:
        rest = _AMPERSANDS.sub("&", _AMPERSANDS.sub("&", rest))
    location, question, query = rest.partition("#")[0].partition("?")
    authority, _, path = location.replace("\\", "/").partition("/")
    canonical = f"{scheme.lower()}://{_host(scheme.lower(), authority)}{_path(path)}"
    return f"{canonical}?{_query(query)}" if question else canonical


def _split_scheme(address: str) -> tuple[str, str, str]:
    scheme, separator, rest = address.partition("://")
    if "\\" not in scheme:
        return scheme, separator, rest
    scheme, separator, _ = address.replace("\\", "/").partition("://")
    return scheme, separator, address[len(scheme) + len(separator) :]


@lru_cache(maxsize=4_096)
def _host(scheme: str, authority: str) -> str:
    host = _decoded(authority.rpartition("@")[2]).translate(_ENDS).strip()
    host = _PORT.sub(lambda port: port[1] and f":{port[1]}", host)
    host = host.removesuffix(_DEFAULT_PORTS.get(scheme, ":"))
    name, colon, port = host.partition(":") if not host.startswith("[") else (host, "", "")
    labels = [_label(label) for label in _DOTS.split(name)]
    while labels and not labels[-1]:
        labels.pop()  # the final dot
    return (".".join(labels) + colon + port).translate(_ENDS)


def _label(label: str) -> str:
    """A part of a host name as it goes over the wire."""
    if label.isascii():
        return label.lower()
    label = unicodedata.normalize("NFKC", label).lower()
    if len(label) > _LONGEST_LABEL:
        return label
    try:
        return idna.encode(label, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        pass  # no name that can be registered today: older names and pictures
    try:
        return "xn--" + label.encode("punycode").decode("ascii")
    except UnicodeError:
        return label


def _path(path: str) -> str:
    """The path with its first `/`, without one at the end; empty for the root."""
    if _PLAIN_PATH.fullmatch(path):
        return f"/{path}".rstrip("/")
    segments: list[str] = []
    for segment in _escaped(_SESSION.sub("", path)).split("/"):
        if segment == "..":
            del segments[-1:]
        elif segment != ".":
            segments.append(segment)
    return _SLASHES.sub("/", "/" + "/".join(segments)).rstrip("/")


def _query(query: str) -> str:
    escaped = _escaped(query)
    if "utm_" not in escaped.lower():
        return escaped.strip("&") if "&&" not in escaped else _AND.sub("&", escaped).strip("&")
    return "&".join(_parameter(text) for text in escaped.split("&") if text)


def _parameter(text: str) -> str:
    key, equals, value = text.partition("=")
    tag = key.lower()
    if not tag.startswith("utm_"):
        return text
    return f"{tag}{equals}{_tag_value(value) if tag in _TAGS else value}"


def _tag_value(value: str) -> str:
    """A campaign id as it was meant, if the value can be one; otherwise the value as it is."""
    if "%" not in value and "+" not in value:
        return value
    try:
        meant = unquote_to_bytes(value.replace("+", " ")).decode("utf-8")
    except UnicodeDecodeError:
        return value
    meant = unicodedata.normalize("NFKC", meant).strip()
    return meant if meant.isascii() and re.fullmatch("[A-Za-z0-9_-]+", meant) else value


def _escaped(text: str) -> str:
    """Escapes only where they are needed, in capitals. Bytes that are no text stay escaped."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    if "%" in text:
        text = _STRAY_PERCENT.sub("%25", text)
        text = _ESCAPED.sub(lambda escape: _FORMS[escape[0]], text)
    if _SAFE.fullmatch(text):
        return text
    return quote_from_bytes(text.encode("utf-8", "surrogatepass"), safe="%" + _RESERVED)


def _decoded(text: str) -> str:
    """Escapes of a host name decoded; bytes that are no text stay as they are."""
    if "%" not in text:
        return text
    try:
        return unquote_to_bytes(text).decode("utf-8")
    except UnicodeError:
        return text
