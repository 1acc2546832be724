from __future__ import annotations

from portcullis.engine.authentication.jose.names import SECRET_BYTES
from portcullis.engine.authentication.proof import NotMine
from portcullis.engine.authentication.signature_building import judge_of
from portcullis.engine.decision import Refuse
from portcullis.engine.policies.authenticate.http_signature import HttpSignatureConfig
from portcullis.engine.ports import Ports
from portcullis.stores.secrets import SourceSecrets
from portcullis.testing import FakeClock, FakeCounters, make_request
from portcullis.testing.fakes import FakeFiles, FakeKeys
from portcullis.testing.signing import message_signature

NOW = 1_800_000_000
CONFIG = HttpSignatureConfig.model_validate(
    {"keys": {"a": {"algorithm": "hmac-sha256", "secret": ["env:NEW", "env:OLD"], "subject": "acme"}}, "required": []}
)
SECRETS = {"NEW": "n" * SECRET_BYTES["HS256"], "OLD": "o" * SECRET_BYTES["HS256"]}


def judged(secret: bytes, *, looked_up: bool = True) -> object:
    import hmac

    parameters: dict[str, int | str] = {"created": NOW, "keyid": "a", "nonce": "1"}
    said, signature = message_signature(lambda base: hmac.digest(secret, base, "sha256"), [], parameters)
    ports = Ports(FakeClock(wall_s=float(NOW)), FakeCounters(), FakeKeys())
    if looked_up:
        secrets = SourceSecrets(FakeFiles({}, SECRETS))
        ports = Ports(FakeClock(wall_s=float(NOW)), FakeCounters(), FakeKeys(), secrets=secrets)
    request = make_request("GET", "/", [("signature-input", said), ("signature", signature)])
    return judge_of("robots", CONFIG, ports).judge(request)


def test_any_secret_of_a_key_will_do() -> None:
    for secret in SECRETS.values():
        identity = judged(secret.encode())
        assert not isinstance(identity, Refuse | NotMine)
        assert identity.consumer.name == "robots:acme"  # type: ignore[attr-defined]


def test_another_secret_will_not() -> None:
    assert isinstance(judged(b"x" * 32), Refuse)


def test_a_secret_that_is_not_looked_up_proves_nobody() -> None:
    assert isinstance(judged(SECRETS["NEW"].encode(), looked_up=False), Refuse)
