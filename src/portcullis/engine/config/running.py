"""The sections of the configuration file about the gateway as a program: what it keeps, records and asks of others."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from portcullis.engine.config.names import DatabaseUrl, FilePath, ProxyUrl
from portcullis.engine.config.section import Section
from portcullis.engine.config.values import Deadline, Duration, Size


class AccessLogConfig(Section):
    """The access log: one JSON line per exchange."""

    path: FilePath
    """File, relative to this one. Reopened on SIGHUP and when it was moved away."""
    rotate_at: Size = 100 * 1024 * 1024
    """Size at which the file is rotated."""
    keep: int = Field(5, ge=0, le=1000)
    """How many rotated files are kept."""


class ObserveConfig(Section):
    """What is recorded, and where."""

    access_log: AccessLogConfig | None = None
    """The access log."""


class OutgoingConfig(Section):
    """How the gateway itself calls others: issuers of tokens for their keys, and whoever is asked about a caller."""

    proxy: ProxyUrl | None = None
    """Proxy for these calls (``http://proxy.internal:3128``); what the environment says of proxies is not used."""
    ca: FilePath | None = None
    """PEM file with the certificate authorities that may sign for them; default: the system's."""
    timeout: Deadline = 5.0
    """How long one call may take."""


class PasswordsConfig(Section):
    """What the passwords of users must be when they are set."""

    min_length: int = Field(12, ge=8, le=64)
    """Characters of a password at least (NIST SP 800-63B-4: 15 where there is nothing besides it)."""
    deny_list: FilePath | None = None
    """File with passwords that are not taken, one a line, such as a list of common ones."""


class KeysConfig(Section):
    """When the control process reminds of API keys, once a day and in ``/metrics``."""

    expiring: Annotated[Duration, Field(ge=3600.0)] = 30 * 86400.0
    """How long before a key stops working."""
    rotate_every: Annotated[Duration, Field(ge=86400.0)] | None = 365 * 86400.0
    """How old keys may get until it is time to rotate them; ``null``: any age."""
    revoke_leaked: bool = False
    """Revoke keys that were sent in clear, to a redirector to https. All are told of in the log."""


class StateConfig(Section):
    """Where the gateway keeps its state."""

    directory: FilePath = ".portcullis"
    """Directory for the database, the control socket and counters, relative to this file; made with mode 0700."""
    records: DatabaseUrl | None = None
    """Database of consumers and keys; default ``sqlite:///<directory>/portcullis.db``."""
    counters: Literal["shared-memory"] = "shared-memory"
    """Where limits are counted."""
    counter_slots: int = Field(131_072, ge=1_024, le=16_777_216)
    """How many counters can be live at a time."""


class ProcessConfig(Section):
    """Workers and memory."""

    workers: Annotated[int, Field(ge=1, le=128)] | Literal["auto"] = "auto"
    """Worker processes; ``auto``: one a CPU, at most 128."""
    drain: Duration = 30.0
    """How long exchanges may take to finish after a reload or SIGTERM."""
    buffer_memory: Size = 256 * 1024 * 1024
    """Bytes of bodies that one worker holds at a time."""
    buffer_memory_per_address: Size | None = None
    """How many of them it holds for one client address; default: a quarter. Trusted proxies are not bounded."""

    @property
    def memory_per_address(self) -> int:
        """Bytes that are held for one client address at most."""
        return self.buffer_memory // 4 if self.buffer_memory_per_address is None else self.buffer_memory_per_address

    @model_validator(mode="after")
    def _leaves_something_for_others(self) -> Self:
        if self.memory_per_address > self.buffer_memory:
            raise ValueError("buffer_memory_per_address is more than buffer_memory: no address can have it")
        return self
