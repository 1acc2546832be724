"""From the settings of an ``http_signature`` identity to what judges its requests."""

from __future__ import annotations

from portcullis.engine.authentication.jose.key_set import KeySet
from portcullis.engine.authentication.key_loading import Place, file_keys, secret_keys
from portcullis.engine.authentication.replay import SingleUse
from portcullis.engine.authentication.request_signing import Freshness
from portcullis.engine.authentication.signature_judge import KnownKey, SignatureJudge, SignatureRules
from portcullis.engine.policies.authenticate.http_signature import ALGORITHMS, HttpSignatureConfig, SignatureKey
from portcullis.engine.ports import Ports


def judge_of(name: str, config: HttpSignatureConfig, ports: Ports) -> SignatureJudge:
    """What judges the requests of identity ``name``. Raises ``ConfigurationError`` for keys that can't be used."""
    where = ("identities", name, "http_signature", "keys")
    keys = {}
    for key_id, key in config.keys.items():
        found = _key_set((*where, key_id), key, ports)
        # A secret that is not looked up here has no verifier, and refuses.
        verifiers = found.candidates(ALGORITHMS[key.algorithm], None) if found.size else ()
        keys[key_id] = KnownKey(key.algorithm, verifiers, key.identity("http_signature", name, key_id))
    rules = SignatureRules(
        frozenset(config.required), Freshness(config.max_age, config.skew), config.nonce, config.tag or ""
    )
    once = SingleUse(f"http_signature {name}", ports.counters, ports.clock)
    return SignatureJudge(f"#/identities/{name}/http_signature", keys, rules, once, ports.clock)


def _key_set(where: Place, key: SignatureKey, ports: Ports) -> KeySet:
    algorithm = ALGORITHMS[key.algorithm]
    if key.secret is not None:
        return secret_keys((*where, "secret"), key.secret, [algorithm], ports).keys
    assert key.key is not None  # the validator has seen to it
    return file_keys((*where, "key"), key.key, [algorithm], ports).keys
