"""Released figures as shared tables, for clients of the Delta Sharing protocol.

A share is what one advertiser is sent, or `_all` what everyone is: the Parquet files of its
exports that are in force. A table is one series of it. The protocol needs to read alone.
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from anonymizer.exports.circulation import RecordedExport
from anonymizer.exports.export_folders import FOR_ALL
from anonymizer.exports.parquet_file import SCHEMA
from anonymizer.model.series import SERIES
from portal.api_answers import (
    ApiProblem,
    ApiRequest,
    Parameter,
    api_endpoint,
    limit_requests,
    not_found,
    note_refused,
)
from portal.api_objects import sent_file
from portal.api_tokens import ApiToken
from portal.file_addresses import FilePlace
from portal.share_profile import ENDPOINT
from portal.site import Site

SCHEMA_NAME = "figures"
FILES = f"{ENDPOINT}/files"
MAX_RESULTS = Parameter("maxResults", "How many items.", most=1_000, standard=1_000)
PAGE_TOKEN = Parameter("pageToken", "From the page before.", most=999_999_999)
STARTING = Parameter("startingTimestamp", "Is not supported.")
_LISTS = (MAX_RESULTS, PAGE_TOKEN)
_SIGNED = ("token", "expires", "sig")
_CAPABILITIES = "delta-sharing-capabilities"
_TYPES = {pa.string(): "string", pa.date32(): "date", pa.int64(): "long", pa.int32(): "integer"}
_TABLES: Mapping[str, str] = {f"{one.kind}_{one.period_kind}s": one.id for one in SERIES}


@dataclass(frozen=True)
class SharedTable:
    """A table of a share, with the recorded exports that it is made of."""

    share: str
    name: str
    exports: Sequence[RecordedExport]

    @property
    def version(self) -> int:
        """The number of the last ledger entry about its exports."""
        return max((one.changed for one in self.exports), default=0)

    @property
    def id(self) -> str:
        """The same for the same table, always."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"audience:{self.share}/{self.name}"))

    @property
    def files(self) -> list[tuple[RecordedExport, str]]:
        """Its files that are in force, in the order of the ledger."""
        return [
            (one, name)
            for one in self.exports
            if one.has_files
            for name in sorted(one.files)
            if name.endswith(".parquet")
        ]


def share_routes(site: Site) -> list[Route]:
    """The routes of the protocol, and of the files that it names."""
    shares = f"{ENDPOINT}/shares"
    schemas = f"{shares}/{{share}}/schemas"
    table = f"{schemas}/{{schema}}/tables/{{table}}"
    reading = {
        shares: (list_shares, _LISTS),
        f"{shares}/{{share}}": (get_share, ()),
        schemas: (list_schemas, _LISTS),
        f"{schemas}/{{schema}}/tables": (list_tables, _LISTS),
        f"{shares}/{{share}}/all-tables": (list_all_tables, _LISTS),
        f"{table}/version": (table_version, (STARTING,)),
        f"{table}/metadata": (table_metadata, ()),
    }
    query, signed = api_endpoint(site, query_table, ()), api_endpoint(
        site, shared_file, None, _signed_token
    )  # fmt: skip
    return [
        *(
            Route(path, api_endpoint(site, handler, known), name=f"share_{handler.__name__}")
            for path, (handler, known) in reading.items()
        ),
        Route(f"{table}/query", query, methods=["POST"], name="share_query_table"),
        Route(f"{FILES}/{{recipient}}/{{release}}/{{name}}", signed, name="share_shared_file"),
    ]


def list_shares(site: Site, asked: ApiRequest) -> Response:
    """The shares of the token: one for each advertiser, and one for everyone."""
    return _listed(asked, [{"name": name, "id": _id(name)} for name in _shares(site, asked)])


def get_share(site: Site, asked: ApiRequest) -> Response:
    """One share."""
    name = _share(site, asked)
    return _json({"share": {"name": name, "id": _id(name)}})


def list_schemas(site: Site, asked: ApiRequest) -> Response:
    """The one schema of a share."""
    return _listed(asked, [{"name": SCHEMA_NAME, "share": _share(site, asked)}])


def list_tables(site: Site, asked: ApiRequest) -> Response:
    """The tables of a share: one for each series."""
    share = _share(site, asked)
    if asked.part("schema") != SCHEMA_NAME:
        raise not_found()
    return _listed(asked, [_described(table) for table in _tables(site, share)])


def list_all_tables(site: Site, asked: ApiRequest) -> Response:
    """The same."""
    return _listed(asked, [_described(table) for table in _tables(site, _share(site, asked))])


def table_version(site: Site, asked: ApiRequest) -> Response:
    """The version of a table."""
    if STARTING.name in asked.parameters:
        raise ApiProblem(400, "Earlier versions of a table cannot be read.")
    return Response(headers=_version(_table(site, asked)))


def table_metadata(site: Site, asked: ApiRequest) -> Response:
    """The columns of a table."""
    table, form = _table(site, asked), _response_format(asked.request)
    return _lines(table, form, _head(site, table, form))


def query_table(site: Site, asked: ApiRequest) -> Response:
    """The files of a table, each with an address that works for a few minutes.

    Hints are not used: a client filters what it has read. Only the newest version can be read.
    """
    table, form = _table(site, asked), _response_format(asked.request)
    _require_newest(asked.body, table)
    base = site.origin or f"http://{asked.request.headers.get('host', '')}"
    lines = [
        _file(form, export, name, f"{base}{FILES}/{place.path}?{query}", expires, size)
        for export, name in table.files
        for place in [FilePlace(export.recipient, export.release, name)]
        for query, expires in [site.addresses.sign(place, asked.token.id)]
        for size in [site.files.size(export, name)]
    ]
    return _lines(table, form, [*_head(site, table, form), *lines])


def shared_file(site: Site, asked: ApiRequest) -> Response:
    """A file of a table, compared with the ledger before it or a part of it is sent."""
    place = _place(asked.request)
    export = site.files.circulation().exports.get((place.release, place.recipient))
    readable = asked.reader.may_read(place.recipient)
    if export is None or not readable or place.name not in export.files:
        raise not_found()
    return sent_file(site, asked, export, place.name, ranges=True)


def _signed_token(site: Site, request: Request) -> ApiToken:
    """The token to which an address is bound. Raises ApiProblem for any other address."""
    token_id, expires, signature = (request.query_params.get(name, "") for name in _SIGNED)
    valid = site.addresses.is_valid(_place(request), token_id, expires, signature)
    token = site.store.tokens.find_by_id(token_id) if valid else None
    limit_requests(site, request, token, site.file_requests if token else site.requests)
    if token is None:
        note_refused(site, request)
        raise ApiProblem(403, "This address is not valid, or no longer. Query the table again.")
    return token


def _place(request: Request) -> FilePlace:
    parts = request.path_params
    return FilePlace(parts["recipient"], parts["release"], parts["name"])


def _shares(site: Site, asked: ApiRequest) -> list[str]:
    recipients = {one.recipient for one in site.files.circulation().exports.values()}
    own = {name for name in recipients if asked.reader.may_read(name)}
    return sorted(own | {FOR_ALL} | set(asked.reader.scope or ()))


def _share(site: Site, asked: ApiRequest) -> str:
    name = asked.part("share")
    if name not in _shares(site, asked):
        raise not_found()
    return name


def _tables(site: Site, share: str) -> list[SharedTable]:
    exports = site.files.circulation().of(share)
    return [
        SharedTable(
            share,
            name,
            [one for one in exports if f"{one.subject_kind}-{one.period.kind}" == series],
        )
        for name, series in _TABLES.items()
        if series.startswith("campaign-") == (share != FOR_ALL)
    ]


def _table(site: Site, asked: ApiRequest) -> SharedTable:
    tables = _tables(site, _share(site, asked))
    wanted = asked.part("table") if asked.part("schema") == SCHEMA_NAME else ""
    found = next((one for one in tables if one.name == wanted), None)
    if found is None:
        raise not_found()
    return found


def _require_newest(body: bytes, table: SharedTable) -> None:
    """Raise ApiProblem for a body that is no query, or that asks for an earlier version."""
    try:
        query = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        query = None
    if not isinstance(query, dict):
        raise ApiProblem(400, "The body is not a JSON object.")
    stated = {name for name, value in query.items() if value is not None}
    is_older = "version" in stated and query["version"] != table.version
    if is_older or "timestamp" in stated:
        raise ApiProblem(400, "Earlier versions of a table cannot be read.")
    if stated & {"startingVersion", "endingVersion"}:
        raise ApiProblem(400, "Changes of a table cannot be read.")


def _response_format(request: Request) -> str:
    """`parquet` where the client takes it, `delta` where it takes nothing else."""
    stated = request.headers.get(_CAPABILITIES, "").replace(" ", "").lower()
    wanted = [part for part in stated.split(";") if part.startswith("responseformat=")]
    formats = wanted[0].partition("=")[2].split(",") if wanted else ["parquet"]
    found = next((form for form in ("parquet", "delta") if form in formats), "")
    if not found:
        raise ApiProblem(400, "The response formats are parquet and delta.")
    return found


# --- answers


def _head(site: Site, table: SharedTable, form: str) -> list[dict[str, Any]]:
    """The lines about the protocol and the columns."""
    fields = [
        {"name": field.name, "type": _TYPES[field.type], "nullable": True, "metadata": {}}
        for field in SCHEMA
    ]
    metadata: dict[str, Any] = {
        "id": table.id,
        "name": table.name,
        "format": {"provider": "parquet", "options": {}},
        "schemaString": json.dumps({"type": "struct", "fields": fields}),
        "partitionColumns": [],
        "configuration": {},
    }
    facts = {
        "version": table.version,
        "size": sum(site.files.size(*one) for one in table.files),
        "numFiles": len(table.files),
    }
    if form == "parquet":
        return [{"protocol": {"minReaderVersion": 1}}, {"metaData": metadata | facts}]
    protocol = {"deltaProtocol": {"minReaderVersion": 1, "minWriterVersion": 2}}
    return [{"protocol": protocol}, {"metaData": {"deltaMetadata": metadata, **facts}}]


def _file(
    form: str, export: RecordedExport, name: str, url: str, expires: int, size: int
) -> dict[str, Any]:
    own = {"id": export.files[name], "expirationTimestamp": expires * 1000}
    if form == "parquet":
        return {"file": {"url": url, **own, "partitionValues": {}, "size": size}}
    add = {"path": url, "partitionValues": {}, "size": size}
    action = {"add": {**add, "modificationTime": 0, "dataChange": True}}
    return {"file": {**own, "deltaSingleAction": action}}


def _lines(table: SharedTable, form: str, lines: Sequence[Mapping[str, Any]]) -> Response:
    content = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    headers = {**_version(table), _CAPABILITIES: f"responseformat={form}"}
    return Response(content, media_type="application/x-ndjson; charset=utf-8", headers=headers)


def _version(table: SharedTable) -> dict[str, str]:
    return {"Delta-Table-Version": str(table.version)}


def _described(table: SharedTable) -> dict[str, str]:
    own = {"share": table.share, "schema": SCHEMA_NAME, "name": table.name}
    return {**own, "id": table.id, "shareId": _id(table.share)}


def _id(share: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"audience:{share}"))


def _listed(asked: ApiRequest, items: Sequence[Mapping[str, str]]) -> Response:
    begin, most = asked.number(PAGE_TOKEN), asked.number(MAX_RESULTS)
    found: dict[str, Any] = {"items": list(items[begin : begin + most])}
    if most and begin + most < len(items):
        found["nextPageToken"] = str(begin + most)
    return _json(found)


def _json(content: object) -> Response:
    body = json.dumps(content, ensure_ascii=False).encode()
    return Response(body, media_type="application/json; charset=utf-8")
