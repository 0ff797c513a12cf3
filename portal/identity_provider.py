"""An OpenID Connect provider: where a browser is sent to sign in, and whether its answer is true.

The authorization code flow with PKCE, by Authlib. An ID token counts only if the provider's own key
signed it, by an algorithm that the settings allow, for this portal alone and for this sign-in.
Neither a token nor a claim is ever part of an error.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any

import httpx2
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from portal import portal_limits
from portal.provider_identities import PendingSignIn, is_subject
from portal.sign_in_settings import ProviderSettings, is_trusted_address

_WELL_KNOWN = "/.well-known/openid-configuration"
_PUBLIC_KEYS = ("RSA", "EC", "OKP")
_FEWEST_RSA_DIGITS = 342  # base64 digits of a modulus of 2048 bits


class ProviderUnreachable(Exception):
    """The provider does not answer, or says nothing that can be used."""


class ProviderRefusal(Exception):
    """The answer is not one to this sign-in. `reason` is a word for the log, never a value."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class ProviderMetadata:
    """What discovery says. `states_issuer`: each answer names who gives it (RFC 9207)."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    secret_method: str
    states_issuer: bool


@dataclass(frozen=True)
class ProviderAnswer:
    """The parameters with which a browser comes back from the provider."""

    code: str
    issuer: str
    error: bool

    @classmethod
    def of(cls, parameters: Mapping[str, str]) -> "ProviderAnswer":
        """The answer in the parameters of an address."""
        return cls(parameters.get("code", ""), parameters.get("iss", ""), "error" in parameters)


class IdentityProvider:
    """A provider as `settings` describe it. What it publishes about itself is kept for an hour."""

    def __init__(self, settings: ProviderSettings, clock: Callable[[], float] = time.time) -> None:
        self.settings, self._clock = settings, clock
        self._metadata: tuple[ProviderMetadata, float] | None = None
        self._keys: tuple[KeySet, float] | None = None
        self._lock = Lock()

    def sign_in_address(self, pending: PendingSignIn) -> str:
        """Where the browser signs in. Raises ProviderUnreachable."""
        endpoint = self._described().authorization_endpoint
        more = {"nonce": pending.nonce}
        if self.settings.required_acr:
            more["acr_values"] = " ".join(self.settings.required_acr)
        with self._client(pending) as client:
            address, _ = client.create_authorization_url(
                endpoint, state=pending.state, code_verifier=pending.verifier, **more
            )
        return str(address)

    def identity(self, answer: ProviderAnswer, pending: PendingSignIn) -> str:
        """Who signed in: a subject, or a verified mail address in small letters.

        Raises ProviderRefusal for whatever is not an answer to this sign-in, and
        ProviderUnreachable.
        """
        described = self._described()
        if answer.issuer != self.settings.issuer and (answer.issuer or described.states_issuer):
            raise ProviderRefusal("issuer_of_answer")
        if answer.error or not 0 < len(answer.code) <= portal_limits.LONGEST_CODE:
            raise ProviderRefusal("no_code")
        token = self._exchanged(answer.code, pending, described)
        claims = self._verified(token, pending.nonce)
        if self.settings.required_acr and claims.get("acr") not in self.settings.required_acr:
            raise ProviderRefusal("acr")
        return self._name_of(claims)

    def _name_of(self, claims: Mapping[str, Any]) -> str:
        if self.settings.account == "subject":
            return str(claims["sub"])
        mail = claims.get("email")
        if claims.get("email_verified") is not True or not isinstance(mail, str):
            raise ProviderRefusal("mail_not_verified")
        if not mail.isascii() or mail.count("@") != 1:
            raise ProviderRefusal("mail_not_verified")
        return mail.lower()

    # --- the token

    def _exchanged(
        self, code: str, pending: PendingSignIn, described: ProviderMetadata
    ) -> Mapping[str, Any]:
        """What the provider gives for the code, which it gives once."""
        try:
            with self._client(pending, described.secret_method) as client:
                token: Mapping[str, Any] = client.fetch_token(
                    described.token_endpoint,
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=pending.verifier,
                )
        except AuthlibBaseError:
            raise ProviderRefusal("code") from None
        except (httpx2.HTTPError, ValueError):
            raise ProviderUnreachable from None
        return token

    def _verified(self, token: Mapping[str, Any], nonce: str) -> Mapping[str, Any]:
        """The claims of the ID token, if all of it is as it has to be."""
        written, access_token = token.get("id_token"), token.get("access_token")
        if not isinstance(written, str) or not written.isascii():
            raise ProviderRefusal("no_id_token")
        decoded = self._decoded(written)
        issuer, client_id = self.settings.issuer, self.settings.client_id
        claims = CodeIDToken(
            decoded.claims,
            decoded.header,
            {
                "iss": {"essential": True, "value": issuer},
                "aud": {"essential": True, "value": client_id},
                "nonce": {"essential": True, "value": nonce},
            },
            {"nonce": nonce, "client_id": client_id, "access_token": access_token},
        )
        try:
            claims.validate(now=int(self._clock()), leeway=portal_limits.LEEWAY_SECONDS)
        except JoseError:
            raise ProviderRefusal("claims") from None
        if claims["aud"] not in (client_id, [client_id]) or not is_subject(claims["sub"]):
            raise ProviderRefusal("claims")
        return dict(claims)

    def _decoded(self, written: str) -> jwt.Token:
        registry = JWSRegistry(algorithms=list(self.settings.algorithms), strict_check_header=False)
        try:
            try:
                return jwt.decode(written, self._known_keys(), registry=registry)
            except InvalidKeyIdError:
                return jwt.decode(written, self._newer_keys(), registry=registry)
        except (JoseError, ValueError, TypeError):
            raise ProviderRefusal("signature") from None

    # --- what the provider publishes

    def _described(self) -> ProviderMetadata:
        with self._lock:
            if (
                self._metadata is None
                or self._clock() - self._metadata[1] > portal_limits.METADATA_SECONDS
            ):
                self._metadata = (self._discovered(), self._clock())
            return self._metadata[0]

    def _discovered(self) -> ProviderMetadata:
        issuer = self.settings.issuer
        found = self._read(issuer.rstrip("/") + _WELL_KNOWN)
        if found.get("issuer") != issuer:
            raise ProviderUnreachable
        addresses = [
            str(found.get(name, ""))
            for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")
        ]
        if not all(is_trusted_address(one, like=issuer) for one in addresses):
            raise ProviderUnreachable
        methods = found.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        basic = "client_secret_basic" in methods
        return ProviderMetadata(
            authorization_endpoint=addresses[0],
            token_endpoint=addresses[1],
            jwks_uri=addresses[2],
            secret_method="client_secret_basic" if basic else "client_secret_post",
            states_issuer=found.get("authorization_response_iss_parameter_supported") is True,
        )

    def _known_keys(self) -> KeySet:
        with self._lock:
            kept = self._keys
        if kept is None or self._clock() - kept[1] > portal_limits.METADATA_SECONDS:
            return self._newer_keys()
        return kept[0]

    def _newer_keys(self) -> KeySet:
        """The keys of now; those of before, if they were read a moment ago."""
        address = self._described().jwks_uri
        with self._lock:
            if self._keys and self._clock() - self._keys[1] < portal_limits.NEW_KEYS_SECONDS:
                return self._keys[0]
            self._keys = (_public_keys(self._read(address)), self._clock())
            return self._keys[0]

    def _read(self, address: str) -> Mapping[str, Any]:
        try:
            answer = httpx2.get(
                address, timeout=portal_limits.PROVIDER_SECONDS, follow_redirects=False
            )
            answer.raise_for_status()
            content = answer.json()
        except (httpx2.HTTPError, ValueError):
            raise ProviderUnreachable from None
        if not isinstance(content, dict):
            raise ProviderUnreachable
        return content

    def _client(self, pending: PendingSignIn, secret_method: str = "") -> OAuth2Client:
        secret = self.settings.secret() if secret_method else ""
        return OAuth2Client(
            self.settings.client_id,
            secret or None,
            token_endpoint_auth_method=secret_method if secret else "none",
            scope=self.settings.scope,
            redirect_uri=pending.redirect_uri,
            code_challenge_method="S256",
            timeout=portal_limits.PROVIDER_SECONDS,
            follow_redirects=False,
        )


def _public_keys(content: Mapping[str, Any]) -> KeySet:
    """Public keys that are long enough; a key that both sides would have is none."""
    listed = content.get("keys")
    usable = [
        one
        for one in (listed if isinstance(listed, list) else [])
        if isinstance(one, dict) and one.get("kty") in _PUBLIC_KEYS and one.get("use") != "enc"
        and (one["kty"] != "RSA" or len(str(one.get("n", ""))) >= _FEWEST_RSA_DIGITS)
    ]  # fmt: skip
    try:
        return KeySet.import_key_set({"keys": usable})
    except (JoseError, ValueError, TypeError, KeyError):
        raise ProviderUnreachable from None
