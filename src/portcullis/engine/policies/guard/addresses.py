"""Addresses: from where an operation may be called.

What
    The client's address is looked up in two lists of networks, IPv4 and IPv6. ``deny`` wins: an address in it is
    refused, whatever ``allow`` says. Where there is an ``allow``, an address that is not in it is refused too. An
    IPv4-mapped address (``::ffff:192.0.2.7``) is the IPv4 address that it holds, in the lists and in a call. Behind
    ``trusted_proxies`` the client's address is the one that these report, else the connection's own. A look-up takes
    the same time however long the lists are.

Why
    API8:2023 Security Misconfiguration: an operation for the back office that the whole world can reach is one stolen
    or forgotten credential (API2:2023 Broken Authentication) away from being used. Where the callers of an operation
    are known to come from somewhere, everyone else can be turned away before anything else is looked at. An address
    proves nobody's identity: lists come beside authentication, never instead of it.

Config
    ``allow`` and ``deny``: networks (``10.0.0.0/8``, ``2001:db8::/32``) or single addresses. ``mode``: ``enforce``,
    ``monitor`` (record, let pass) or ``off``. A narrower level replaces a list as a whole and inherits the other one.
    To turn addresses away from a whole listener, before TLS and before there is a request, give the *listener*
    ``allow`` and ``deny``.

When it fails
    403 ``guard.address_denied``, without a reason; the record tells the address and the network that it fell under.
    An address that can't be read is in no list: it is refused.

Example
    .. code-block:: yaml

        apis:
          shop:
            guard: {addresses: {deny: [203.0.113.0/24]}}
            operations:
              "DELETE /orders/{order_id}":
                guard: {addresses: {allow: [10.20.0.0/16, "2001:db8:20::/48"]}}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from portcullis.engine.address_lists import Rejection, shared_lists
from portcullis.engine.codes import Code
from portcullis.engine.config.diagnostics import ConfigurationError, Diagnostic
from portcullis.engine.config.layers import layers_of, written_at
from portcullis.engine.config.section import Section
from portcullis.engine.config.tree import pointer
from portcullis.engine.config.values import Network
from portcullis.engine.decision import Finding, Refuse, shorten
from portcullis.engine.facts import Facts
from portcullis.engine.openapi.pointer import join
from portcullis.engine.policy import Mode, Policy, Probe, Step
from portcullis.engine.request import RequestView

if TYPE_CHECKING:
    from portcullis.engine.operation import OperationContext

ADDRESS_DENIED = Code("guard.address_denied", 403, "Calls from this address are not accepted here")


class AddressesConfig(Section):
    """Addresses that may call, and addresses that may not."""

    allow: list[Network] = Field([], min_length=1)
    """Only these may call."""
    deny: list[Network] = Field([], min_length=1)
    """These may not, whatever ``allow`` says."""
    mode: Mode = "enforce"
    """``enforce``, ``monitor`` (record, let pass) or ``off``."""


def compile_addresses(config: AddressesConfig, context: OperationContext) -> tuple[Step, ...]:
    """The step that looks the address up; none where the mode is ``off``. Raises :class:`ConfigurationError`."""
    if config.mode == "off":
        return ()
    if not config.allow and not config.deny:
        where = pointer((*context.where, "guard", "addresses"))
        hint = "give it allow or deny, or say mode: off"
        raise ConfigurationError([Diagnostic("", 0, 0, where, "without a list of addresses nothing is guarded", hint)])
    judge = shared_lists(tuple(config.allow), tuple(config.deny)).judge
    layers = layers_of(context.api_name, context.api, context.version, context.operation.name)
    sources = {key: "#" + join("", *written_at(layers, "guard", "addresses", key)) for key in ("allow", "deny")}

    def guard(request: RequestView, _facts: Facts) -> Refuse | None:
        rejection = judge(request.client)
        return None if rejection is None else _refuse(request.client, rejection, sources[rejection.by])

    return (Step(POLICY.name, "head", guard, config.mode == "monitor"),)


def _refuse(client: str, rejection: Rejection, source: str) -> Refuse:
    if rejection.network:
        allowed, source = f"an address outside {rejection.network}", f"{source}/{rejection.index}"
    else:
        allowed = "an address of the allow-list" if rejection.by == "allow" else "an IP address"
    return Refuse(ADDRESS_DENIED, finding=Finding("/client", shorten(client), allowed, source))


POLICY = Policy(
    phase="guard",
    key="addresses",
    config=AddressesConfig,
    codes=(ADDRESS_DENIED,),
    probes=(Probe("a call from an address that is not allowed", "foreign_address", ADDRESS_DENIED),),
    compile=compile_addresses,
)
