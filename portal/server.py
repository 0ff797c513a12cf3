"""Runs the portal of a home until it is ended, for browsers on this machine or a proxy on it."""

import uvicorn

from anonymizer.storage.home import Home, PublishedCopy
from portal import portal_limits
from portal.access_log import AccessLog
from portal.account_store import AccountStore
from portal.application import create_application
from portal.ended_connections import EndedProtocol
from portal.health_answer import HealthAnswer, metrics_file
from portal.identity_provider import IdentityProvider
from portal.segment_requests import SegmentRequests
from portal.sign_in_settings import load_sign_in_settings
from portal.site import Site

HOST = "127.0.0.1"


def site_of(home: Home, origin: str = "") -> Site:
    """The portal of a home: the published folder, and its own accounts, log and requests.

    Raises ConfigurationError and SecretProblem for a `sign_in.yaml` that cannot be used.
    """
    published, signing_in = PublishedCopy(home.published), load_sign_in_settings(home)
    provider = signing_in.provider
    return Site(
        published,
        AccountStore(home.portal_accounts),
        AccessLog(home.portal_log),
        SegmentRequests(home.segment_requests),
        origin,
        IdentityProvider(provider) if provider else None,
        signing_in.password_roles,
    )


def serve(site: Site, port: int) -> None:
    """Answer requests on this machine until the process is ended.

    With an origin a proxy on this machine stands before it and says where requests come from.
    """
    uvicorn.run(
        create_application(site, HealthAnswer(metrics_file())),
        host=HOST,
        http=EndedProtocol,
        port=port,
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=bool(site.origin),
        forwarded_allow_ips=HOST,
        limit_concurrency=portal_limits.MOST_CONNECTIONS,
        timeout_graceful_shutdown=portal_limits.GRACE_SECONDS,
    )
