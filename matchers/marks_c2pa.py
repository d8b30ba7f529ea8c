"""C2PA manifests (Content Credentials), read and checked by c2pa-python.

Loaded only for files in which a walker saw a manifest's box. Never goes to the network: no remote
manifest, no revocation list, no identity document. Run it in a process that can be killed: the
library is native code, and reads the whole file to check its hashes.
"""

import json
from pathlib import Path
from typing import Any

from matchers.marks_file import Limits, Seal
from matchers.marks_labels import SOURCE_CLAIMS
from matchers.marks_mark import Claim, Mark, shown

MANIFESTS = 50  # of one store; the active one and what it was made from
SEEDANCE = {"Volcengine_Ark_CN": "Seedance (Volcengine Ark)", "BytePlus_ModelArk": "Seedance (BytePlus ModelArk)"}
STRENGTH: dict[Claim, int] = {"silent": 0, "composite": 1, "generated": 2}
UNKNOWN_SIGNER = "signingCredential.untrusted"


def settings(anchors: str) -> dict[str, Any]:
    """Return what the library is told.

    anchors     PEM certificates of trusted roots; "" trusts nobody, and every good signature is "present"
    source      c2pa-rs 0.91, Settings: remote_manifest_fetch is true unless told otherwise
    """
    told: dict[str, Any] = {
        "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_after_reading": True},
        "core": {"allowed_network_hosts": [], "decode_identity_assertions": False},
    }
    if anchors:
        told["trust"] = {"trust_anchors": anchors}
    return told


def check(path: Path, seals: list[Seal], limits: Limits, anchors: str) -> Mark:
    """Read the manifest and say whether it is whole, whose it is, and what it claims.

    seals   where the walkers saw it; at least one
    """
    where = shown(", ".join(seal.where for seal in seals[:3]), 200)
    large = max(seal.size_bytes for seal in seals)
    if large > limits.manifest_bytes:
        return _unread(where, f"it is {large:,} bytes, and the limit is {limits.manifest_bytes:,}")
    if path.stat().st_size > limits.checked_bytes:
        return _unread(where, f"the file is larger than {limits.checked_bytes >> 20:,} MiB, all of which it signs")
    try:
        import c2pa  # type: ignore[import-untyped]  # noqa: PLC0415  (no stubs; 23 MB of native code)

        with (
            path.open("rb") as stream,
            c2pa.Reader(stream, context=c2pa.Context.from_dict(settings(anchors))) as reader,
        ):
            store = json.loads(reader.json())
            state = str(reader.get_validation_state())
    except c2pa.C2paError as error:
        sentence = f"C2PA manifest in {where} does not read: {shown(str(error), 160)}"
        return Mark(kind="c2pa", state="invalid", where=where, sentence=sentence)
    except (ImportError, OSError, MemoryError, ValueError, RecursionError) as error:
        return _unread(where, f"{type(error).__name__}: {shown(str(error), 120)}")
    return _judged(store, state, where, limits)


def _unread(where: str, why: str) -> Mark:
    """Report a manifest that nobody checked: present, silent, and no evidence."""
    sentence = f"C2PA manifest in {where}, not checked: {why}"
    return Mark(kind="c2pa", state="present", where=where, sentence=sentence)


def _judged(store: dict[str, Any], state: str, where: str, limits: Limits) -> Mark:
    active = str(store.get("active_manifest", ""))
    manifest = _mapping(_mapping(store.get("manifests")).get(active))
    fields, claim = _claims(store, active)
    signature = _mapping(manifest.get("signature_info"))
    signer = str(signature.get("issuer") or signature.get("common_name") or "") or "a signer it does not name"
    tool = _generator(manifest)
    failures = [status for status in _failures(store) if not status.startswith(UNKNOWN_SIGNER)]
    fields = {
        "active_manifest": active,
        "validation_state": state,
        "claim_generator": tool,
        "issuer": str(signature.get("issuer") or ""),
        "common_name": str(signature.get("common_name") or ""),
        "cert_serial_number": str(signature.get("cert_serial_number") or ""),
        "signed_at": str(signature.get("time") or ""),
        "failures": "; ".join(failures),
        **fields,
    }
    fields = {key: shown(value, limits.field_chars) for key, value in fields.items() if value}
    head = f"C2PA manifest in {where}, signed by {shown(signer, 80)}"
    said = ", ".join(
        f"{key} {shown(fields[key], 80)}" for key in ("digitalSourceType", "softwareAgent") if key in fields
    )
    whole = state in {"Valid", "Trusted"}
    if not whole:
        why = shown("; ".join(failures) or f"the library says {state}", 200)
        sentence = f"{head}, does not fit this file: {why}"
    else:
        trust = "on the trust list" if state == "Trusted" else "not on a trust list"
        sentence = f"{head} ({trust}), whole and unaltered: {said or 'it says nothing of generation'}"
    return Mark(
        kind="c2pa",
        state="present" if whole else "invalid",
        claim=claim if whole else "silent",
        generator=SEEDANCE.get(fields.get("softwareAgent", "")) or shown(tool, 120) or shown(signer, 120),
        fields=fields,
        where=where,
        sentence=sentence,
    )


def _claims(store: dict[str, Any], active: str) -> tuple[dict[str, str], Claim]:
    """Gather what the actions say, of the active manifest and of those it was made from.

    A parent is the same content earlier; a component is a part, so what it claims makes a composite.
    """
    manifests = _mapping(store.get("manifests"))
    fields: dict[str, str] = {}
    strongest: Claim = "silent"
    todo, seen = [(active, False)], set[str]()
    while todo and len(seen) < MANIFESTS:
        label, part = todo.pop(0)
        if label in seen:
            continue
        seen.add(label)
        manifest = _mapping(manifests.get(label))
        for action in _actions(manifest):
            term = str(action.get("digitalSourceType", "")).rpartition("/")[2]
            claim = SOURCE_CLAIMS.get(term, "silent")
            if part and claim == "generated":
                claim = "composite"
            for key, value in _action_fields(action, term).items():
                fields.setdefault(key, value)
            if STRENGTH[claim] > STRENGTH[strongest]:
                strongest = claim
                fields.update(_action_fields(action, term))
        for ingredient in _list(manifest.get("ingredients")):
            inner = _mapping(ingredient)
            component = part or inner.get("relationship") != "parentOf"
            todo.append((str(inner.get("active_manifest", "")), component))
    return fields, strongest


def _action_fields(action: dict[str, Any], term: str) -> dict[str, str]:
    agent = action.get("softwareAgent")
    name = str(_mapping(agent).get("name", "")) if isinstance(agent, dict) else str(agent or "")
    fields = {"action": str(action.get("action", "")), "digitalSourceType": term, "softwareAgent": name}
    for key, value in list(_mapping(action.get("parameters")).items())[:12]:
        if isinstance(value, str | int | float):
            fields[f"parameters.{shown(str(key), 60)}"] = str(value)
    return {key: value for key, value in fields.items() if value}


def _actions(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for assertion in _list(manifest.get("assertions")):
        label = str(_mapping(assertion).get("label", ""))
        if label.startswith("c2pa.actions"):
            found += [_mapping(action) for action in _list(_mapping(_mapping(assertion).get("data")).get("actions"))]
    return found[:200]


def _generator(manifest: dict[str, Any]) -> str:
    for info in _list(manifest.get("claim_generator_info")):
        name = str(_mapping(info).get("name", ""))
        if name:
            return f"{name} {_mapping(info).get('version', '')}".strip()
    return str(manifest.get("claim_generator") or "")


def _failures(store: dict[str, Any]) -> list[str]:
    results = _mapping(_mapping(store.get("validation_results")).get("activeManifest"))
    failed = [_mapping(status) for status in [*_list(results.get("failure")), *_list(store.get("validation_status"))]]
    return list(dict.fromkeys(f"{status.get('code')}: {status.get('explanation', '')}" for status in failed))[:10]


def _mapping(value: Any) -> dict[str, Any]:  # noqa: ANN401  (JSON is anything)
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:  # noqa: ANN401  (JSON is anything)
    return value if isinstance(value, list) else []
