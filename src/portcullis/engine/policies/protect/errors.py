"""No stack traces: what a service says about its own failure stays inside.

What
    The body of an answer with status 400 or more that is text, by its media type or for want of one, is read before
    the client sees it. If it holds a stack trace (of Python, Java and its kin, .NET, PHP, JavaScript, Go, Ruby or
    Rust), a database's message or a framework's debug page, a problem document with the same status takes its place.

Why
    API8:2023 Security Misconfiguration: "error messages include stack traces, or expose other sensitive information".
    CWE-209. Paths, versions and queries in an error are where the next attack begins.

Config
    ``mode``: ``enforce``, ``monitor`` (record, let pass) or ``off``; on unless it is turned off.

When it fails
    ``protect.stack_trace`` in the record, with what gave it away; the client learns that the service failed, under
    the service's own status.

Example
    .. code-block:: yaml

        apis:
          shop:
            protect: {errors: {mode: monitor}}
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from portcullis.engine.codes import Code
from portcullis.engine.config.section import Section
from portcullis.engine.decision import Finding, Refuse
from portcullis.engine.facts import Facts
from portcullis.engine.inspection.stack_traces import prepare, stack_trace_in
from portcullis.engine.policy import Mode, Policy, Probe, Step
from portcullis.engine.response import ResponseView

if TYPE_CHECKING:
    from portcullis.engine.operation import OperationContext

STACK_TRACE: Final = Code("protect.stack_trace", 500, "The service failed")

_LOOKED_AT: Final = 256 * 1024
"""Bytes of an error that are looked at: a trace that begins later has kilobytes of page before it."""

_TEXT: Final = (b"text/", b"application/json", b"application/xml", b"application/problem", b"application/xhtml")


class ErrorsConfig(Section):
    """Stack traces in answers."""

    mode: Mode = "enforce"
    """``enforce``, ``monitor`` (record, let pass) or ``off``."""


def compile_errors(config: ErrorsConfig, _context: OperationContext) -> tuple[Step, ...]:
    """The step that reads the errors of one operation."""
    if config.mode == "off":
        return ()
    prepare()
    return (Step(POLICY.name, "response_body", _check, config.mode == "monitor", wants=_is_error),)


def _is_error(response: ResponseView) -> bool:
    if response.status < 400:
        return False
    content_type = response.headers.get(b"content-type", b"text/plain").lower()
    return content_type.startswith(_TEXT) or b"+json" in content_type or b"+xml" in content_type


def _check(response: ResponseView, _facts: Facts) -> Refuse | None:
    if response.status < 400 or not response.body:
        return None
    found = stack_trace_in(response.body[:_LOOKED_AT])
    if found is None:
        return None
    finding = Finding("/response/body", f"a trace of {found}", "no inner detail")
    return Refuse(STACK_TRACE, finding=finding, status=response.status)


POLICY = Policy(
    phase="protect",
    key="errors",
    config=ErrorsConfig,
    codes=(STACK_TRACE,),
    probes=(Probe("a failure of the service that shows its inside", "stack_trace", STACK_TRACE),),
    compile=compile_errors,
)
