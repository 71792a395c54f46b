"""Who signs what Teams sends: an OpenID issuer with keys that can be changed, and the sign-in of bots."""

from __future__ import annotations

import base64
import json
import secrets
import time
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

ISSUER = "https://api.botframework.com"
SCOPE = "https://api.botframework.com/.default"
LASTS = 3600


@dataclass(frozen=True, slots=True)
class SigningKey:
    kid: str
    private: rsa.RSAPrivateKey
    endorsements: tuple[str, ...]

    @classmethod
    def new(cls, endorsements: tuple[str, ...] = ("msteams",)) -> SigningKey:
        made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        return cls(secrets.token_urlsafe(16), made, endorsements)

    def published(self) -> dict[str, Any]:
        numbers = self.private.public_key().public_numbers()
        return {
            "kty": "RSA",
            "use": "sig",
            "kid": self.kid,
            "n": _base64(numbers.n.to_bytes(256, "big")),
            "e": _base64(numbers.e.to_bytes(3, "big")),
            "endorsements": list(self.endorsements),
        }


class Issuer:
    """`fetched` counts how often somebody asked for the keys."""

    def __init__(self, app_id: str, app_secret: str, tenants: tuple[str, ...]) -> None:
        self.app_id, self.app_secret, self.tenants = app_id, app_secret, tenants
        self.key = SigningKey.new()
        self.keys = [self.key]
        self.fetched = 0
        self._issued: dict[str, float] = {}

    def rotate(self) -> None:
        """A new key signs from now on; the old one is no longer published."""
        self.key = SigningKey.new()
        self.keys = [self.key]

    def forget_tokens(self) -> None:
        """What was issued so far holds no more."""
        self._issued.clear()

    def metadata(self, url: str) -> dict[str, Any]:
        return {
            "issuer": ISSUER,
            "authorization_endpoint": "https://invalid.botframework.com",
            "jwks_uri": f"{url}/.well-known/keys",
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        }

    def jwks(self) -> dict[str, Any]:
        self.fetched += 1
        return {"keys": [key.published() for key in self.keys]}

    def token(self, service_url: str, *, key: SigningKey | None = None, **claims: Any) -> str:
        """What Teams sends along; a claim given as None is left out."""
        now = int(time.time())
        whole = {
            "serviceurl": service_url,
            "nbf": now,
            "exp": now + LASTS,
            "iss": ISSUER,
            "aud": self.app_id,
            **claims,
        }
        return signed(key or self.key, {name: one for name, one in whole.items() if one is not None})

    # ── the bot signs in ───────────────────────────────────────────────────────────────────────────────────────

    def sign_in(self, tenant: str, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """Client credentials, as Entra answers them: status and body."""
        known = tenant in (*self.tenants, "botframework.com")
        faults = (
            (form.get("grant_type") != "client_credentials", 400, "unsupported_grant_type", 70003),
            (not known, 400, "invalid_request", 90002),
            (form.get("client_id") != self.app_id, 400, "unauthorized_client", 700016),
            (form.get("client_secret") != self.app_secret, 401, "invalid_client", 7000215),
            (form.get("scope") != SCOPE, 400, "invalid_scope", 70011),
        )
        for wrong, status, error, number in faults:
            if wrong:
                said = f"AADSTS{number}: refused"
                return status, {"error": error, "error_description": said, "error_codes": [number]}
        token = secrets.token_urlsafe(32)
        self._issued[token] = time.monotonic() + LASTS
        return 200, {"token_type": "Bearer", "expires_in": LASTS, "access_token": token}

    def knows(self, authorization: str) -> bool:
        return self._issued.get(authorization.removeprefix("Bearer "), 0.0) > time.monotonic()


def signed(key: SigningKey, claims: dict[str, Any], *, algorithm: str = "RS256") -> str:
    head = {"typ": "JWT", "alg": algorithm, "kid": key.kid, "x5t": key.kid}
    text = ".".join(_base64(json.dumps(part).encode()) for part in (head, claims))
    return f"{text}.{_base64(key.private.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
