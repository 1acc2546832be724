"""Portcullis: an API gateway that enforces, watches, attacks and governs what one file declares."""

__version__ = "0.1.0"
