"""Tokens of the gateway's own token service.

What
    Reads an access token after ``Bearer`` in ``Authorization`` (RFC 6750) that the gateway's own ``token_service``
    issued, and checks it as ``jwt`` does by the profile of RFC 9068: its signature by a key of the service, ``typ``
    ``at+jwt``, ``iss``, ``aud``, ``exp`` and the rest. Workers are told of the service's keys before these sign
    anything, so a rotation refuses no call, and of every revocation within a second: a token that was revoked, or came
    from one that was, or whose client was removed, is refused from then on, also where it was accepted before.

    Its ``scope`` are the scopes, its ``roles`` the roles of the consumer, which is ``<identity>:<subject>``; who acts
    for the subject (token exchange) is in the identity, the caller first.

Why
    API2:2023 Broken Authentication. Keys that never expire and are shared by hand are what leaks; a token that holds
    for minutes and can be revoked is worth little to a thief.

Config
    ``audience``: one of ``token_service.audiences``, or several. ``plan``: of the callers, for ``limit: {plan: {of:
    consumer}}``. Several identities of this kind, and of ``jwt``, may stand at one operation. A ``mode`` is set where
    the identity is used.

When it fails
    401 ``authenticate.failed`` with the challenge ``Bearer realm="<identity>"``, always the same; the record says which
    of the codes below it was. 503 ``authenticate.unavailable`` where a worker was not told of keys and revocations, or
    a token names a key that may be new while the control process can't be asked.

Example
    .. code-block:: yaml

        token_service: {issuer: https://id.shop.example, audiences: [shop]}
        identities:
          apps: {token: {audience: shop}}
        apis:
          shop:
            authenticate: [apps]
"""

from __future__ import annotations

from pydantic import Field

from portcullis.engine.authentication.jose.errors import MALFORMED_TOKEN, TOKEN_CODES
from portcullis.engine.authentication.proof import ABSENT, DUPLICATE_CREDENTIAL, MISSING, Authenticator, Outcome
from portcullis.engine.authentication.token_place import AUTHORIZATION, present_token
from portcullis.engine.config.names import PlanName
from portcullis.engine.config.section import Section
from portcullis.engine.config.values import Size
from portcullis.engine.facts import Facts
from portcullis.engine.policies.authenticate.jwt import Texts
from portcullis.engine.policy import Policy, Probe
from portcullis.engine.ports import Ports
from portcullis.engine.request import RequestView
from portcullis.engine.token_service.codes import REVOKED_TOKEN


class TokenConfig(Section):
    """A token of the gateway's own token service."""

    audience: Texts
    """For whom tokens must be made out: ``aud`` is one of these."""
    plan: PlanName | None = None
    """Plan of the callers, for ``limit: {plan: {of: consumer}}``."""
    forward: bool = False
    """Whether the service behind the gateway gets the token too."""
    cache: Size = Field(32 * 1024 * 1024, le=1024 * 1024 * 1024)
    """Memory of one worker for tokens that were verified, each until its end; 0: every token is verified anew."""


def compile_token(name: str, config: TokenConfig, ports: Ports) -> Authenticator:
    """The authenticator of identity ``name``."""
    # What verifies takes a while to load, and is needed only where tokens are.
    from portcullis.engine.token_service.judging import OwnTokens  # noqa: PLC0415

    present = present_token(AUTHORIZATION, None)
    judge = OwnTokens(name, frozenset(config.audience), config.plan or "", config.cache, ports).judge
    pointer = f"/header/{AUTHORIZATION.decode()}"

    def prove(request: RequestView, _facts: Facts) -> Outcome:
        token = present(request)
        if token is None:
            return ABSENT
        return judge(token, pointer) if isinstance(token, bytes) else token

    return Authenticator(
        POLICY.name,
        prove,
        f'Bearer realm="{name}"'.encode(),
        fields=(AUTHORIZATION,),
        forward=config.forward,
        repeats=True,
    )


POLICY = Policy(
    phase="authenticate",
    key="token",
    config=TokenConfig,
    codes=(MISSING, DUPLICATE_CREDENTIAL, REVOKED_TOKEN, *TOKEN_CODES),
    probes=(
        Probe("a call without its token", "remove_credential", MISSING),
        Probe("a token with a character that is none of base64url", "corrupt_credential", MALFORMED_TOKEN),
        Probe("a token given twice", "duplicate_credential", DUPLICATE_CREDENTIAL),
    ),
    compile=compile_token,
)
