"""The addresses of the API and their description (OpenAPI 3.1), made from the same table."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import JSONResponse
from starlette.routing import Route

from portal import api_objects, portal_limits
from portal.api_answers import (
    PROBLEM_TYPE,
    ApiHandler,
    Parameter,
    api_endpoint,
    open_endpoint,
)
from portal.api_objects import (
    ADVERTISER,
    AFTER,
    BASE,
    CAMPAIGN,
    CAMPAIGN_CURSOR,
    CURSOR,
    FIGURE_CURSOR,
    INTEREST,
    LIMIT,
    NAME,
    OFFSET,
    PERIOD,
    SEGMENT,
    SERIES_NAME,
)
from portal.download_pages import MEDIA_TYPES
from portal.site import Site

DESCRIPTION = f"{BASE}/openapi.json"
_VERSION = "1.0.0"
_PART = re.compile(r"\{(\w+)\}")
_PROBLEMS: Mapping[str, str] = {
    "400": "A parameter is not valid.",
    "401": "The token is missing, unknown, expired or revoked.",
    "404": "There is no such object, or it is not for this token.",
    "412": "The object has another ETag than If-Match asks for.",
    "429": "Too many requests.",
    "503": "The published files cannot be read now.",
}
_GONE = "The release was withdrawn or corrected, or its files were retired."


@dataclass(frozen=True)
class ApiRoute:
    """An address: who answers, with which parameters, and the name of the answer's schema.

    Without a schema the answer is a file. `at_once` limits how many are answered at a time.
    """

    path: str
    handler: ApiHandler
    parameters: Sequence[Parameter] = ()
    schema: str = ""
    at_once: int = 0

    @property
    def name(self) -> str:
        """The name of the handler, also in the log."""
        return self.handler.__name__


PAGED = (LIMIT, OFFSET)
ROUTES = (
    ApiRoute("/advertisers", api_objects.advertisers, PAGED, "AdvertiserPage"),
    ApiRoute(
        "/campaigns",
        api_objects.campaigns,
        (NAME, ADVERTISER, *PAGED, CAMPAIGN_CURSOR),
        "CampaignPage",
    ),
    ApiRoute("/campaigns/{campaign}", api_objects.campaign, (), "Campaign"),
    ApiRoute(
        "/campaigns/{campaign}/periods",
        api_objects.campaign_periods,
        (SERIES_NAME, *PAGED),
        "CampaignPeriodPage",
    ),
    ApiRoute(
        "/figures",
        api_objects.figures,
        (CAMPAIGN, INTEREST, SERIES_NAME, PERIOD, SEGMENT, LIMIT, FIGURE_CURSOR),
        "FigurePage",
        portal_limits.FIGURES_AT_ONCE,
    ),
    ApiRoute(
        "/releases",
        api_objects.releases,
        (SERIES_NAME, PERIOD, AFTER, LIMIT, CURSOR),
        "ReleasePage",
    ),
    ApiRoute("/releases/{release}", api_objects.release, (), "ReleaseFiles"),
    ApiRoute("/files/{recipient}/{release}/{name}", api_objects.release_file),
)


def api_routes(site: Site) -> list[Route]:
    """The routes of the API, and of its description, which needs no token."""
    return [
        Route(DESCRIPTION, open_endpoint(site, JSONResponse(description()))),
        *(
            Route(
                BASE + route.path,
                api_endpoint(site, route.handler, route.parameters, at_once=route.at_once),
                name=f"api_{route.name}",
            )
            for route in ROUTES
        ),
    ]


def description() -> dict[str, Any]:
    """The API as OpenAPI 3.1 states it."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Audience figures",
            "version": _VERSION,
            "description": "Released figures of an advertiser, and the files that state them.",
        },
        "servers": [{"url": BASE}],
        "security": [{"token": []}],
        "paths": {route.path: {"get": _operation(route)} for route in ROUTES},
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": _SCHEMAS,
            "responses": {
                status: {
                    "description": text,
                    "content": {PROBLEM_TYPE: {"schema": _named("Problem")}},
                }
                for status, text in {**_PROBLEMS, "410": _GONE}.items()
            },
        },
    }


def _operation(route: ApiRoute) -> dict[str, Any]:
    about = (route.handler.__doc__ or "").split("\n")[0]
    problems = [*_PROBLEMS, *(["410"] if not route.schema else [])]
    return {
        "operationId": route.name,
        "summary": about,
        "parameters": [
            *(_path_parameter(name) for name in _PART.findall(route.path)),
            *(_query_parameter(one) for one in route.parameters),
        ],
        "responses": {
            "200": {
                "description": about,
                "headers": {"ETag": {"schema": {"type": "string"}, "required": True}},
                "content": _content(route),
            },
            "304": {"description": "The reader has it: If-None-Match has its ETag."},
            **{status: {"$ref": f"#/components/responses/{status}"} for status in sorted(problems)},
        },
    }


def _content(route: ApiRoute) -> dict[str, Any]:
    if route.schema:
        return {"application/json": {"schema": _named(route.schema)}}
    return {kind.partition(";")[0]: {} for kind in MEDIA_TYPES.values()}


def _path_parameter(name: str) -> dict[str, Any]:
    schema = {"type": "string", "minLength": 1, "maxLength": portal_limits.LONGEST_PARAMETER}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _query_parameter(one: Parameter) -> dict[str, Any]:
    return {"name": one.name, "in": "query", "description": one.about, "schema": one.schema}


# --- schemas


def _named(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(**properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _or_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


def _list(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": schema}


def _paged(name: str, following: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return _object(items=_list(_named(name)), next=_or_null(following or _NUMBER))


_TEXT: Mapping[str, Any] = {"type": "string"}
_NUMBER: Mapping[str, Any] = {"type": "integer", "minimum": 0}
_DAY: Mapping[str, Any] = {"type": "string", "format": "date"}
_PEOPLE: Mapping[str, Any] = {
    "status": {"type": "string", "enum": ["published", "suppressed"]},
    "people": _or_null(_NUMBER),
    "people_least": _or_null(_NUMBER),
    "people_most": _or_null(_NUMBER),
}
_CAMPAIGN = {
    "id": _TEXT,
    "name": _TEXT,
    "advertiser": _named("Advertiser"),
    "starts_on": _or_null(_DAY),
    "ends_on": _or_null(_DAY),
}
_RELEASE = {
    "id": _TEXT,
    "series": SERIES_NAME.schema,
    "period": _named("Period"),
    "number": _NUMBER,
    "changed": _NUMBER,
    "state": {"type": "string", "enum": ["in force", "withdrawn", "corrected"]},
    "reason": _or_null(_TEXT),
    "corrects": _or_null(_TEXT),
    "corrected_by": _or_null(_TEXT),
    "retired": _or_null(_TEXT),
    "recipients": _list(_TEXT),
}
_SCHEMAS: Mapping[str, Any] = {
    "Advertiser": _object(id=_TEXT, name=_TEXT),
    "Period": _object(
        id=_TEXT,
        kind={"type": "string", "enum": ["day", "week", "month"]},
        start=_DAY,
        end=_DAY,
    ),
    "Segment": _object(id=_TEXT, name=_TEXT, gender=_TEXT, age=_TEXT, region=_TEXT),
    "Campaign": _object(**_CAMPAIGN),
    "ListedCampaign": _object(**_CAMPAIGN, newest=_or_null(_DAY)),
    "CampaignPeriod": _object(
        release=_TEXT,
        advertiser_id=_TEXT,
        period=_named("Period"),
        **_PEOPLE,
        corrects=_or_null(_TEXT),
    ),
    "Subject": _object(
        kind={"type": "string", "enum": ["campaign", "interest", "audience"]},
        id=_TEXT,
        name=_TEXT,
        advertiser_id=_or_null(_TEXT),
    ),
    "Nearest": _object(segment=_named("Segment"), **_PEOPLE),
    "Figure": _object(
        release=_TEXT,
        subject=_named("Subject"),
        period=_named("Period"),
        segment=_named("Segment"),
        **_PEOPLE,
        rounding=_NUMBER,
        nearest=_or_null(_named("Nearest")),
    ),
    "File": _object(
        recipient=_TEXT,
        name=_TEXT,
        sha256={"type": "string", "pattern": "^[0-9a-f]{64}$"},
        subject_id=_or_null(_TEXT),
        media_type=_TEXT,
    ),
    "Release": _object(**_RELEASE),
    "ReleaseFiles": _object(**_RELEASE, files=_list(_named("File"))),
    "AdvertiserPage": _paged("Advertiser"),
    "CampaignPage": _paged("ListedCampaign", {"anyOf": [_NUMBER, CAMPAIGN_CURSOR.schema]}),
    "CampaignPeriodPage": _paged("CampaignPeriod"),
    "FigurePage": _paged("Figure", FIGURE_CURSOR.schema),
    "ReleasePage": _paged("Release", CURSOR.schema),
    "Problem": {
        "type": "object",
        "properties": {
            "type": _TEXT,
            "title": _TEXT,
            "status": _NUMBER,
            "detail": _TEXT,
            "errors": _list({"type": "object"}),
            "reason": _or_null(_TEXT),
            "instead": _or_null(_TEXT),
        },
        "required": ["type", "title", "status", "detail"],
    },
}
