"""An OpenID Connect provider as a process, built with Authlib's server side; it can be made to lie.

It demands PKCE with S256, gives a code once, and signs with a key of its own. `POST /behaviour`
sets what is wrong with the next ID tokens, and the claims of the users.
"""

import hashlib
import hmac
import json
import sys
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any

import flask
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import grants
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import OpenIDCode
from joserfc import jwk, jwt
from joserfc.jws import JWSRegistry

CLIENT_ID, CLIENT_SECRET = "audience-portal", "the secret of the client"
KEY = jwk.RSAKey.generate_key(2048, {"kid": "first", "use": "sig"})
NEXT_KEY = jwk.RSAKey.generate_key(2048, {"kid": "second", "use": "sig"})
OTHER_KEY = jwk.RSAKey.generate_key(2048, {"kid": "first"})
CODES: dict[str, "Code"] = {}
SEEN: dict[str, list[Any]] = {"nonces": [], "token_requests": [], "keys_read": []}
BEHAVIOUR: dict[str, Any] = {"fault": "", "users": {}, "states_issuer": False}


class Client:
    """The portal, which has a secret."""

    def get_client_id(self) -> str:
        return CLIENT_ID

    def get_default_redirect_uri(self) -> str:
        return ""

    def get_allowed_scope(self, scope: str) -> str:
        return " ".join(one for one in scope.split() if one in {"openid", "email"})

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri.startswith("http://127.0.0.1:") and redirect_uri.endswith(
            "/sign-in/callback"
        )

    def check_client_secret(self, client_secret: str) -> bool:
        return client_secret == CLIENT_SECRET

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == "client_secret_basic"

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


class Code:
    """An authorization code with what it was asked for."""

    def __init__(self, user: str, data: Any, scope: str) -> None:
        self.user, self._redirect_uri, self._scope = user, data.get("redirect_uri"), scope
        self.nonce = data.get("nonce")
        self.code_challenge = data.get("code_challenge")
        self.code_challenge_method = data.get("code_challenge_method")
        self.acr_values = data.get("acr_values", "")

    def get_redirect_uri(self) -> str:
        return self._redirect_uri

    def get_scope(self) -> str:
        return self._scope

    def get_nonce(self) -> str:
        return self.nonce

    def get_auth_time(self) -> int:
        return int(time.time())

    def get_acr(self) -> str:
        return BEHAVIOUR.get("acr", "")

    def get_amr(self) -> list[str]:
        return []


class CodeGrant(grants.AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic",)

    def save_authorization_code(self, code: str, request: Any) -> None:
        SEEN["nonces"].append(request.payload.data["nonce"])
        CODES[code] = Code(request.user, request.payload.data, request.scope)

    def query_authorization_code(self, code: str, client: Any) -> Code | None:
        return CODES.get(code)

    def delete_authorization_code(self, authorization_code: Code) -> None:
        for code in [name for name, one in CODES.items() if one is authorization_code]:
            del CODES[code]

    def authenticate_user(self, authorization_code: Code) -> str:
        return authorization_code.user


class Challenge(CodeChallenge):
    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)


class Claims(OpenIDCode):
    """ID tokens: right ones, and wrong ones on request."""

    def exists_nonce(self, nonce: str, request: Any) -> bool:
        return nonce in SEEN["nonces"]

    def get_client_algorithm(self, client: Any) -> str:
        return "RS256"

    def generate_user_info(self, user: str, scope: str) -> dict[str, Any]:
        return {"sub": user, **BEHAVIOUR["users"].get(user, {})}

    def encode_id_token(self, token: Any, request: Any) -> str:
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": [CLIENT_ID],
            "iat": now,
            "exp": now + 300,
            **self.get_authorization_code_claims(request.authorization_code),
            **self.generate_user_info(request.user, token["scope"]),
        }
        return written(claims, BEHAVIOUR["fault"], now)


def written(claims: dict[str, Any], fault: str, now: int) -> str:
    """The token, with one thing wrong."""
    wrong: dict[str, dict[str, Any]] = {
        "nonce": {"nonce": "of another sign-in"},
        "no_nonce": {"nonce": None},
        "audience": {"aud": "another-client"},
        "audiences": {"aud": [CLIENT_ID, "another-client"], "azp": CLIENT_ID},
        "authorized_party": {"azp": "another-client"},
        "issuer": {"iss": "https://evil.example"},
        "issuer_with_slash": {"iss": f"{ISSUER}/"},
        "expired": {"exp": now - 120, "iat": now - 400},
        "no_expiry": {"exp": None},
        "expiry_no_number": {"exp": "tomorrow"},
        "future": {"iat": now + 3600},
        "access_token": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
        "no_subject": {"sub": None},
        "empty_subject": {"sub": ""},
    }
    claims = {
        name: value for name, value in {**claims, **wrong.get(fault, {})}.items()
        if value is not None
    }  # fmt: skip
    header, key, algorithm = {"alg": "RS256", "kid": "first"}, KEY, "RS256"
    if fault == "none":
        return _assembled({"alg": "none"}, claims, lambda _: b"")
    if fault in {"hs256", "hs256_kid"}:  # with the public key as the secret that both sides have
        secret = KEY.as_pem(private=False)
        kid = {"kid": "first"} if fault == "hs256_kid" else {}
        return _assembled(
            {"alg": "HS256", **kid},
            claims,
            lambda signed: hmac.new(secret, signed, hashlib.sha256).digest(),
        )
    if fault == "other_key":
        key = OTHER_KEY
    if fault == "unknown_kid":
        header["kid"] = "never published"
    if fault == "next_key":
        header["kid"], key = "second", NEXT_KEY
    if fault == "embedded_key":  # a header that brings its own key
        header, key = {**header, "jwk": OTHER_KEY.as_dict(private=False)}, OTHER_KEY
    registry = JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    token = jwt.encode(header, claims, key, registry=registry)
    if fault == "changed":
        head, body, signature = token.split(".")
        return ".".join((head, body[:-4] + ("AAAA" if body[-4:] != "AAAA" else "BBBB"), signature))
    return token


def _assembled(
    header: dict[str, str], claims: dict[str, Any], sign: Callable[[bytes], bytes]
) -> str:
    def part(content: bytes) -> str:
        return urlsafe_b64encode(content).rstrip(b"=").decode()

    signed = f"{part(json.dumps(header).encode())}.{part(json.dumps(claims).encode())}"
    return f"{signed}.{part(sign(signed.encode()))}"


def application() -> flask.Flask:
    app = flask.Flask(__name__)
    _add_protocol(app)
    _add_descriptions(app)
    _add_controls(app)
    return app


def _add_protocol(app: flask.Flask) -> None:
    server = AuthorizationServer(
        app, query_client=lambda name: Client() if name == CLIENT_ID else None,
        save_token=lambda *_: None,
    )  # fmt: skip
    server.register_grant(CodeGrant, [Claims(require_nonce=True), Challenge(required=True)])

    @app.route("/authorize", methods=["GET", "POST"])
    def authorize() -> Any:
        user = flask.request.form.get("user", "")
        try:
            grant = server.get_consent_grant(end_user=user or None)
        except OAuth2Error as error:
            return server.handle_error_response(server.create_oauth2_request(None), error)
        if not user:
            return flask.render_template_string(PAGE, address=flask.request.full_path)
        refused = user == "nobody"
        answer = server.create_authorization_response(
            grant=grant, grant_user=None if refused else user
        )
        if stated := BEHAVIOUR.get("stated_issuer"):
            answer.headers["Location"] += f"&iss={stated}"
        return answer

    @app.post("/token")
    def token() -> Any:
        SEEN["token_requests"].append(flask.request.form.to_dict())
        return server.create_token_response()


def _add_descriptions(app: flask.Flask) -> None:
    @app.get("/.well-known/openid-configuration")
    def describe() -> Any:
        if BEHAVIOUR["fault"] == "moved":
            return flask.redirect("/moved")
        return described()

    @app.get("/moved")
    def described() -> Any:
        return {
            "issuer": "https://evil.example" if BEHAVIOUR["fault"] == "discovery" else ISSUER,
            "authorization_endpoint": f"{ISSUER}/authorize",
            "token_endpoint": f"{ISSUER}/token",
            "jwks_uri": f"{ISSUER}/keys",
            "authorization_response_iss_parameter_supported": BEHAVIOUR["states_issuer"],
        }

    @app.get("/keys")
    def keys() -> Any:
        SEEN["keys_read"].append(time.time())
        shared = {"kty": "oct", "kid": "shared", "k": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}
        published = [KEY, NEXT_KEY] if BEHAVIOUR["fault"] == "next_key" else [KEY]
        return {"keys": [shared, *(one.as_dict(private=False) for one in published)]}


def _add_controls(app: flask.Flask) -> None:
    @app.post("/behaviour")
    def behave() -> Any:
        BEHAVIOUR.clear()
        BEHAVIOUR.update({"fault": "", "users": {}, "states_issuer": False})
        BEHAVIOUR.update(flask.request.get_json())
        return {}

    @app.get("/seen")
    def seen() -> Any:
        return SEEN


PAGE = """<!doctype html><html lang="en"><title>Local provider</title>
<form method="post" action="{{ address }}"><label>User <input name="user"></label>
<button>Continue</button></form></html>"""

if __name__ == "__main__":
    PORT = int(sys.argv[1])
    ISSUER = f"http://localhost:{PORT}"
    application().run("127.0.0.1", PORT, threaded=True)
