"""How the services of the control process say no to whoever asked them, here or through the control API."""

from __future__ import annotations


class ServiceError(Exception):
    """A service said no. ``code`` is stable, ``detail`` a sentence that holds no secret, ``status`` that of HTTP."""

    code: str = "control.failed"
    status: int = 500

    def __init__(self, detail: str, code: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or self.code
