"""Signing as a project's auth server does: keys, their public side, and tokens."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

Json = dict[str, Any]

ADA = "5f0c3a52-1f36-4f1c-a2cf-9a5b1f3c7a11"


@dataclass(frozen=True, kw_only=True)
class SigningKey:
    """A key pair of the auth server."""

    kid: str
    algorithm: str = "ES256"
    private: Any = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def rsa(cls, kid: str) -> SigningKey:
        private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        return cls(kid=kid, algorithm="RS256", private=private)

    @property
    def public_jwk(self) -> Json:
        """As the project shows it to everybody."""
        algorithm = RSAAlgorithm if self.algorithm == "RS256" else ECAlgorithm
        public: Json = json.loads(algorithm.to_jwk(self.private.public_key()))
        return {**public, "kid": self.kid, "alg": self.algorithm, "use": "sig"}

    def sign(self, claims: Json, **header: Any) -> str:
        headers = {"kid": self.kid, **header}
        return jwt.encode(claims, self.private, self.algorithm, headers=headers)


def claims_of(issuer: str, role: str | None = None, /, **changes: Any) -> Json:
    """What the token of somebody who signed in says; None takes a claim away."""
    now = int(time.time())
    claims = {
        "iss": issuer,
        "sub": ADA,
        "aud": "authenticated",
        "exp": now + 3600,
        "iat": now,
        "email": "ada@example.org",
        "phone": "",
        "role": "authenticated",
        "aal": "aal1",
        "session_id": "7d1b2c1e-3b5e-4d53-8a0e-0d5f5a0f4e11",
        "is_anonymous": False,
        "app_metadata": {"provider": "email"} | ({} if role is None else {"ml_role": role}),
        "user_metadata": {},
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not None}
