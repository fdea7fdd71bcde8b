"""Signs statements about releases: Ed25519, in a DSSE envelope (secure-systems-lab/dsse, protocol version 1.0.2).

The key is the instance's own and never leaves the machine that publishes. A signature says who published these bytes
and that they are unchanged; it does not say that a model is good or safe.
"""

from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from evaluation.contract import canonical_json

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://in-toto.io/attestation/eval-result/v0.1"


class BadSignature(ValueError):
    """The envelope was not signed with this key, or was changed since."""


def private_key(path: Path) -> Ed25519PrivateKey:
    """The key in the file (PKCS 8, PEM); makes it first when there is none."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise ValueError(f"{path.name} does not hold an Ed25519 key") from None
        return key
    key = Ed25519PrivateKey.generate()
    with os.fdopen(handle, "wb") as file:
        file.write(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
    return key


def public_pem(key: Ed25519PublicKey) -> str:
    """The public key as PEM, for others to verify with."""
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()


def key_id(key: Ed25519PublicKey) -> str:
    """Short name of a key: 16 hex digits of the SHA-256 of its raw bytes."""
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return hashlib.sha256(raw).hexdigest()[:16]


def statement(document: dict[str, Any], document_digest: str) -> dict[str, Any]:
    """The in-toto statement about a release: an ML eval-result (predicate version 0.1) with its one claim.

    The claim is the non-inferiority verdict; ``passed`` is true only for ``kept``.
    """
    comparison = document["comparison"]
    suite = comparison["suite"] or {"name": "tasks", "version": "-"}
    overall = comparison["overall"]
    student = comparison["student"]
    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": f"release/{document['release']}", "digest": {"sha256": document_digest}}],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "verifier": {"id": document["instance"]},
            "evaluatedAt": document["published_at"],
            "suite": {"name": suite["name"], "version": suite["version"]},
            "claims": [
                {
                    "metric": "capability retention against the teacher, lower bound",
                    "comparator": ">=",
                    "threshold": str(overall.get("margin", 0.95)),
                    "passed": overall.get("verdict") == "kept",
                }
            ],
            "sampleSize": sum(task["n"] or 0 for task in comparison["tasks"]),
            "commitments": {
                "model": {"alg": "sha256", "value": student.get("digest") or "", "salted": False},
                "dataset": {
                    "alg": "sha256",
                    "value": document["evidence"]["student"]["samples_sha256"],
                    "salted": False,
                },
            },
            "assuranceLevel": "third_party",
            "subjectProfile": "receipt",
            "harness": {
                "name": "lm-evaluation-harness",
                "version": str((comparison.get("engine") or {}).get("harness_version") or "none"),
            },
        },
    }


def sign(payload: dict[str, Any], key: Ed25519PrivateKey) -> dict[str, Any]:
    """The DSSE envelope of a payload."""
    body = canonical_json(payload)
    signature = key.sign(_pre_authentication(body))
    return {
        "payloadType": PAYLOAD_TYPE,
        "payload": base64.b64encode(body).decode(),
        "signatures": [{"keyid": key_id(key.public_key()), "sig": base64.b64encode(signature).decode()}],
    }


def opened(envelope: dict[str, Any], key: Ed25519PublicKey) -> bytes:
    """The payload of an envelope, if one of its signatures is by the key. Raises BadSignature."""
    if envelope.get("payloadType") != PAYLOAD_TYPE:
        raise BadSignature("the envelope holds something else than an in-toto statement")
    try:
        body = base64.b64decode(envelope["payload"], validate=True)
        signatures = [base64.b64decode(entry["sig"], validate=True) for entry in envelope["signatures"]]
    except (KeyError, TypeError, ValueError) as error:
        raise BadSignature("the envelope is damaged") from error
    for signature in signatures:
        try:
            key.verify(signature, _pre_authentication(body))
        except InvalidSignature:
            continue
        return body
    raise BadSignature("no signature of the envelope is by this key")


def load_public(pem: str) -> Ed25519PublicKey:
    """The public key in a PEM text. Raises ValueError."""
    key = serialization.load_pem_public_key(pem.encode())
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("this is not an Ed25519 public key")
    return key


def _pre_authentication(body: bytes) -> bytes:
    """DSSE's PAE: what is signed covers the type and the length of the payload."""
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(body), body)
