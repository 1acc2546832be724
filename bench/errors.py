"""What can go wrong in a benchmark; each message is for the person who started it."""

from __future__ import annotations


class BenchError(Exception):
    """The run, or one contender of it, can't go on."""


class InstallError(BenchError):
    """A tool could not be installed."""


class StartError(BenchError):
    """A process that the benchmark started did not come up, or ended early."""


class VerifyError(BenchError):
    """A contender does not do what its case demands, so that its figure would mean nothing."""
