"""Basic: a user's name and password with every call (RFC 7617), for people and for programs that can't do better.

What
    Reads name and password from ``Authorization: Basic ...``, as UTF-8, and asks the control process whether they
    belong together. Users are made by ``portcullis users add``; a user is a consumer, so its plan and roles are what
    later phases go by, for its password as for its keys. Passwords are kept as argon2id hashes (RFC 9106). Checking
    one is dear on purpose, so it is done rarely: a worker remembers for ``cache`` who proved himself from which
    address (a keyed digest, never the password), the control process computes two hashes at a time and lets only some
    callers wait for their turn. A user that is changed, disabled or removed is known to every worker within a second.

    Who fails too often is locked out, before any hash is computed. Two counts are kept, exact over all workers, each
    with locks that double: one by address (IPv6 by /64), which many users tried from one place bring up as well as
    one user tried many times, and one by user, for guesses that come from everywhere. Attempts for one user, and
    those from one address, are judged one after the other, so that many at once find out no more than few. A right
    password takes back what its user had mistyped at the same address, and nothing else. An address from which a user
    has proven himself in the last seven days has a count of its own for that user: strangers can't lock him out
    there. Names that are no user's are counted alike.

Why
    API2:2023 Broken Authentication: credential stuffing and password spraying live on gateways that check every guess
    as fast as they can, and hashing that is not bounded is a way to stop a service (API4:2023). Passwords are the
    weakest credential there is, since people choose them, use them again and are asked for them by others: prefer
    keys or tokens, and plain HTTP is refused outside of loopback for everyone.

Config
    ``realm``: what clients show, by default the identity's name. ``cache``: how long a worker goes without asking
    again; ``0s``: every call is checked by the control process. ``lockout``: ``per_user`` (5 failures within 15
    minutes lock for a minute, then two, up to an hour) and ``per_address`` (20 failures); ``null`` for no such lock.
    ``forward``: the service gets name and password too. What passwords must be is said in the section ``passwords``.
    A ``mode`` is set where the identity is used.

When it fails
    401 ``authenticate.failed`` with the challenge ``Basic realm="...", charset="UTF-8"``, always the same, and after
    the same work whether the user exists or not. A locked user gets the same answer, and so does a locked name that
    is no user's; that it comes sooner tells of the lock, and of nothing else. 429 ``authenticate.locked_out`` with
    ``Retry-After`` for a locked address, whatever it presents: it learns nothing that it did not bring about itself.
    503 ``authenticate.unavailable`` where the control process is away, has too much to do, or nothing can be counted.
    The record says which of the codes below it was.

Example
    .. code-block:: yaml

        identities:
          staff:
            basic: {lockout: {per_user: {failures: 5, within: 15m, for: 1m, up_to: 1h}}}
        apis:
          shop:
            authenticate: [staff]
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Awaitable
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from portcullis.engine.authentication.lockout import (
    LOCKED_OUT,
    AddressAttempts,
    Attempts,
    Lockout,
    locked_out,
    uncounted,
)
from portcullis.engine.authentication.proof import (
    ABSENT,
    DUPLICATE_CREDENTIAL,
    FAILED,
    MISSING,
    UNAVAILABLE,
    Absent,
    Authenticator,
    Proven,
)
from portcullis.engine.authentication.user_messages import (
    TOPIC,
    PasswordAnswer,
    PasswordQuestion,
    decode_answer,
    encode,
)
from portcullis.engine.authentication.verified_users import VerifiedUsers
from portcullis.engine.backoff import Backoff
from portcullis.engine.client_address import counted_as
from portcullis.engine.codes import Code
from portcullis.engine.config.section import Section
from portcullis.engine.config.values import Duration, Meaning
from portcullis.engine.decision import Finding, Refuse
from portcullis.engine.facts import Facts
from portcullis.engine.identity import Consumer, Identity
from portcullis.engine.policy import Policy, Probe
from portcullis.engine.ports import CounterStoreError, Ports, Unanswered
from portcullis.engine.request import RequestView

MALFORMED_BASIC: Final = Code("authenticate.malformed_basic", 401, "The credential is no name with a password", FAILED)
UNKNOWN_USER: Final = Code("authenticate.unknown_user", 401, "There is no user of this name", FAILED)
WRONG_PASSWORD: Final = Code("authenticate.wrong_password", 401, "The password is not the user's", FAILED)
DISABLED_USER: Final = Code("authenticate.disabled_user", 401, "The user is disabled", FAILED)
CHANGED_USER: Final = Code("authenticate.changed_user", 401, "The user was changed, disabled or removed", FAILED)
LOCKED_USER: Final = Code("authenticate.locked_user", 401, "There were too many failed attempts for this user", FAILED)

MAX_CREDENTIAL: Final = 2_048
"""Bytes of the header field: a name of 128 and a password of 1,024 bytes, in base64."""
MAX_NAME: Final = 128
"""Characters of a name: nobody can have a longer one."""
MAX_WAITING: Final = 128
"""Callers of one worker that wait for the control process's answer about their passwords."""
_FIELD: Final = b"authorization"
_POINTER: Final = "/header/authorization"
_SCHEME: Final = b"basic"
_ALLOWED: Final = "a user with the right password"
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_REALM: Final = re.compile(r"[ !#-\[\]-~]{1,100}")


def _check_realm(value: str) -> str:
    if not _REALM.fullmatch(value):
        raise ValueError("printable ASCII without quotes and backslashes, at most 100 characters: Shop staff")
    return value


class BasicLockout(Section):
    """Lock-out of those who fail too often."""

    per_user: Attempts | None = Attempts()
    """Failures for one user, from addresses where it has not proven itself; ``null``: users are not locked."""
    per_address: AddressAttempts | None = AddressAttempts()
    """Failures from one address, whatever the users are; ``null``: addresses are not locked."""


class BasicConfig(Section):
    """A user's name and password."""

    realm: Annotated[str, AfterValidator(_check_realm), Meaning("text", "Shop staff")] | None = None
    """What clients show to those whom they ask for a password; default: the identity's name."""
    cache: Annotated[Duration, Field(ge=0.0, le=3600.0)] = 300.0
    """How long a worker remembers that a password was right; ``0s``: not at all."""
    lockout: BasicLockout = BasicLockout()
    """Lock-out of those who fail too often."""
    forward: bool = False
    """Whether the service behind the gateway gets name and password too."""


def compile_basic(name: str, config: BasicConfig, ports: Ports) -> Authenticator:
    """The authenticator of identity ``name``."""
    judge = _Judge(name, config, ports)
    find, digest_of, now_ns = judge.verified.find, judge.verified.digest, ports.clock.now_ns

    def prove(request: RequestView, _facts: Facts) -> Proven | Absent | Awaitable[Proven]:
        field = request.headers.get(_FIELD)
        if field is None or field[:5].lower() != _SCHEME or field[5:6] not in (b" ", b""):
            return ABSENT
        address = counted_as(request.client)
        digest = digest_of(field, address) if len(field) <= MAX_CREDENTIAL else b""
        return find(digest, now_ns()) or judge.judge(field, request, address, digest)

    def looks(request: RequestView, seconds: float) -> Proven | Absent:
        """No password is hashed for it: what a session has to know is whether its user has changed meanwhile."""
        field = request.headers.get(_FIELD, b"")
        pair = name_and_password(field[6:].lstrip(b" ")) if field[:6].lower() == _SCHEME + b" " else None
        since = now_ns() - seconds * 1e9
        return ABSENT if pair is None or not judge.verified.changed(pair[0], since) else judge.changed(pair[0])

    challenge = f'Basic realm="{config.realm or name}", charset="UTF-8"'
    return Authenticator(
        POLICY.name, prove, challenge.encode(), (_FIELD,), forward=config.forward, repeats=True, looks=looks
    )


class _Judge:
    """Judges credentials of the identity ``name`` that are not known already."""

    def __init__(self, name: str, config: BasicConfig, ports: Ports) -> None:
        self.verified = VerifiedUsers(round(config.cache * 1e9))
        self._name = name
        self._source = f"#/identities/{name}/basic"
        self._ports = ports
        self._waiting = 0
        self._per_user = _backoff(config.lockout.per_user)
        self._per_address = _backoff(config.lockout.per_address)
        self._addresses = None
        if self._per_address is not None:
            self._addresses = Lockout(name, "addresses", self._per_address, ports.counters, ports.clock)
        ports.topics.subscribe(TOPIC, lambda message: self.verified.apply(message, ports.clock.now_ns()))

    def judge(self, field: bytes, request: RequestView, address: str, digest: bytes) -> Proven | Awaitable[Proven]:
        """Whom ``field`` proves, or why nobody; an awaitable where that has to be asked."""
        if b"," in field:  # repeated fields arrive joined, and no credential has a comma
            return self._refuse(DUPLICATE_CREDENTIAL, "several credentials", "one credential")
        pair = name_and_password(field[6:].lstrip(b" ")) if digest else None
        if pair is None:
            return self._refuse(MALFORMED_BASIC, f"{len(field)} bytes", "base64 of a name, a colon and a password")
        try:
            seconds = 0 if self._addresses is None else self._addresses.locked_for(address)
        except CounterStoreError as error:
            return uncounted(error, self._source)
        if seconds:
            return self._locked_out(request, seconds)
        if self._waiting >= MAX_WAITING:
            return self._unavailable("too many wait already")
        return self._ask(
            PasswordQuestion(self._name, *pair, address, self._per_user, self._per_address), request, digest
        )

    def changed(self, user: str) -> Refuse:
        """The refusal of a session whose ``user`` has changed since it began."""
        return self._refuse(CHANGED_USER, f"user {user}", "a user that is as it was")

    async def _ask(self, question: PasswordQuestion, request: RequestView, digest: bytes) -> Proven:
        self._waiting += 1
        try:
            answer = decode_answer(await self._ports.questions.ask(TOPIC, encode(question)))
        except Unanswered as error:
            return self._unavailable(str(error))
        finally:
            self._waiting -= 1
        if answer.result != "proven":
            return self._refusal(answer, question.user, request)
        consumer = Consumer(question.user, answer.plan, frozenset(answer.roles))
        identity = Identity(POLICY.key, question.user, "", frozenset(answer.scopes), consumer, self._name)
        self.verified.keep(digest, identity, answer.revision, self._ports.clock.now_ns())
        return identity

    def _refusal(self, answer: PasswordAnswer, user: str, request: RequestView) -> Refuse:
        # A name that is no user's may be a password, typed where the name belongs.
        who = f"user {user}" if answer.known else "a name that is no user's"
        if answer.result == "address_locked":
            return self._locked_out(request, answer.seconds)
        if answer.result == "user_locked":
            return self._refuse(LOCKED_USER, f"{who}, locked for {answer.seconds} s", "a user without a lock")
        if answer.result == "busy":
            return self._unavailable("too many passwords are to be checked")
        code = {"unknown": UNKNOWN_USER, "disabled": DISABLED_USER}.get(answer.result, WRONG_PASSWORD)
        return self._refuse(code, who, _ALLOWED)

    def _locked_out(self, request: RequestView, seconds: int) -> Refuse:
        return locked_out(request.client, seconds, f"{self._source}/lockout/per_address")

    def _refuse(self, code: Code, found: str, allowed: str) -> Refuse:
        return Refuse(code, finding=Finding(_POINTER, found, allowed, self._source))

    def _unavailable(self, found: str) -> Refuse:
        return Refuse(UNAVAILABLE, finding=Finding(_POINTER, found, "", self._source))


def name_and_password(token: bytes) -> tuple[str, str] | None:
    """What ``token``, the credential after the scheme, says; ``None`` where it is none (RFC 7617 2).

    Strictly one spelling of base64, UTF-8, and no control characters; neither name nor password is empty, and no name
    is longer than one can be.
    """
    try:
        said = binascii.a2b_base64(token, strict_mode=True)
        text = said.decode()
    except ValueError:
        return None
    if binascii.b2a_base64(said, newline=False) != token or _CONTROLS.search(text):
        return None
    name, _, password = text.partition(":")
    return (name, password) if 0 < len(name) <= MAX_NAME and password else None


def _backoff(attempts: Attempts | None) -> Backoff | None:
    return None if attempts is None else attempts.backoff


POLICY = Policy(
    phase="authenticate",
    key="basic",
    config=BasicConfig,
    codes=(
        MISSING,
        DUPLICATE_CREDENTIAL,
        MALFORMED_BASIC,
        UNKNOWN_USER,
        WRONG_PASSWORD,
        DISABLED_USER,
        CHANGED_USER,
        LOCKED_USER,
        LOCKED_OUT,
        UNAVAILABLE,
    ),
    probes=(
        Probe("a call without name and password", "remove_credential", MISSING),
        Probe("a credential with a character that is none of base64", "corrupt_credential", MALFORMED_BASIC),
        Probe("a credential given twice", "duplicate_credential", DUPLICATE_CREDENTIAL),
    ),
    compile=compile_basic,
)
