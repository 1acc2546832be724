"""Entries of address lists that turn nobody away and let nobody in.

An entry inside of another one of its list; an ``allow`` whose every address is denied; a ``deny`` that no ``allow``
would have let pass; an allow-list that holds every address; and entries that no client's address can be in: of the
other IP version than the listener's, or kept out by the listener's own lists.
"""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterator, Sequence

import msgspec

from portcullis.engine.address_lists import AddressSet, Network, as_ipv4, nested
from portcullis.engine.config.diagnostics import Diagnostic
from portcullis.engine.config.layers import Place
from portcullis.engine.config.listeners import ListenerConfig
from portcullis.engine.inert.estate import Estate

_KEYS = ("guard", "addresses")
_REMOVE = "remove it"
Entry = tuple[Place, int]
"""A list by the path of its key, and the index of an entry."""


class _Pair(msgspec.Struct, frozen=True, eq=False):
    """An allow- and a deny-list that hold together, with the paths of their keys."""

    allow: Sequence[Network]
    deny: Sequence[Network]
    allow_at: Place
    deny_at: Place

    def idle(self) -> Iterator[tuple[Entry, str]]:
        """The entries that never decide here, and why."""
        allowed, denied = AddressSet(self.allow), AddressSet(self.deny)
        for index, network in enumerate(self.allow):
            if denied.holds(network):
                yield (self.allow_at, index), f"every address in {network} is denied, and deny wins"
        for index, network in enumerate(self.deny):
            if self.allow and not allowed.meets(network):
                yield (self.deny_at, index), f"no address in {network} is allowed anyway"
        for at, networks in ((self.allow_at, self.allow), (self.deny_at, self.deny)):
            for index, outer in nested(networks).items():
                yield (at, index), f"{networks[index]} lies in {networks[outer]}, which the list has too"


def find(estate: Estate) -> Iterator[Diagnostic]:
    """Yield a diagnostic for each entry that decides nothing wherever its list holds."""
    for place, listener in estate.api_listeners():
        pair = _Pair(listener.allow, listener.deny, (*place, "allow"), (*place, "deny"))
        yield from _of_pairs(estate, [pair])
        yield from _of_listener(estate, place, listener)
    guards = list(_guards(estate))
    yield from _of_pairs(estate, guards)
    yield from _everything(estate, guards)
    yield from _never_seen(estate, guards)


def _guards(estate: Estate) -> Iterator[_Pair]:
    for allow_at, deny_at in sorted(estate.usage.address_lists, key=repr):
        yield _Pair(
            _list(estate, allow_at, "allow"),
            _list(estate, deny_at, "deny"),
            (*(allow_at or ()), *_KEYS, "allow"),
            (*(deny_at or ()), *_KEYS, "deny"),
        )


def _list(estate: Estate, place: Place | None, key: str) -> Sequence[Network]:
    value = () if place is None else estate.usage.value(place, (*_KEYS, key))
    return value if isinstance(value, list) else ()


def _of_pairs(estate: Estate, pairs: Sequence[_Pair]) -> Iterator[Diagnostic]:
    """An entry is told of if it is idle in every pair that its list is a part of."""
    parts: defaultdict[Place, int] = defaultdict(int)
    idle: defaultdict[Entry, list[str]] = defaultdict(list)
    for pair in pairs:
        for at, networks in ((pair.allow_at, pair.allow), (pair.deny_at, pair.deny)):
            parts[at] += bool(networks)
        reasons = dict(reversed(list(pair.idle())))
        for entry, reason in reasons.items():
            idle[entry].append(reason)
    for (at, index), why in idle.items():
        if len(why) == parts[at]:
            yield estate.loaded.diagnostic((*at, index), f"never decides: {why[0]}", _REMOVE)


def _everything(estate: Estate, guards: Sequence[_Pair]) -> Iterator[Diagnostic]:
    for pair in {pair.allow_at: pair for pair in guards if pair.allow}.values():
        if AddressSet(pair.allow).is_everything and not _replaces_a_list(estate, pair.allow_at):
            yield _all_are_allowed(estate, pair.allow_at)


def _all_are_allowed(estate: Estate, at: Place) -> Diagnostic:
    message = "turns nobody away: every address is in the list"
    return estate.loaded.diagnostic(at, message, "name the networks that callers are in, or remove the list")


def _replaces_a_list(estate: Estate, at: Place) -> bool:
    """Whether a wider level has an allow-list, which this one then lifts."""
    wider = [place for (place, keys) in estate.usage.leaves if keys == (*_KEYS, "allow")]
    place = at[: -len(_KEYS) - 1]
    return any(len(other) < len(place) and other[:2] == place[:2] for other in wider)


def _of_listener(estate: Estate, place: Place, listener: ListenerConfig) -> Iterator[Diagnostic]:
    if AddressSet(listener.allow).is_everything:
        yield _all_are_allowed(estate, (*place, "allow"))
    proxies = listener.trusted_proxies
    for index, outer in nested(proxies).items():
        message = f"adds nothing: {proxies[index]} lies in {proxies[outer]}, which the list has too"
        yield estate.loaded.diagnostic((*place, "trusted_proxies", index), message, _REMOVE)
    missing = _missing_version(listener)
    kept_out = AddressSet(listener.deny)
    let_in = AddressSet(listener.allow) if listener.allow else None
    for key, networks in (("allow", listener.allow), ("deny", listener.deny), ("trusted_proxies", proxies)):
        for index, network in enumerate(networks):
            where = (*place, key, index)
            if as_ipv4(network).version == missing:
                message = f"never matches: only IPv{10 - missing} addresses connect to {listener.bind[0]}"
                hint = "remove it" if missing == 4 else 'remove it, or bind to "[::]", which takes both'
                yield estate.loaded.diagnostic(where, message, hint)
            elif key == "trusted_proxies" and (
                kept_out.holds(network) or (let_in is not None and not let_in.meets(network))
            ):
                message = "never matches: the listener's own lists keep these addresses out"
                yield estate.loaded.diagnostic(where, message, "remove it, or allow them")


def _missing_version(listener: ListenerConfig) -> int:
    """The IP version that no client of ``listener`` has; 0 if it takes both (``[::]`` does, on Linux)."""
    address = ipaddress.ip_address(listener.bind[0])
    if address.version == 4:
        return 6
    return 0 if address.is_unspecified else 4


def _never_seen(estate: Estate, guards: Sequence[_Pair]) -> Iterator[Diagnostic]:
    """Entries of operations' lists that hold no address of a client of any listener."""
    listeners = [listener for _, listener in estate.api_listeners()]
    if not listeners or any(listener.trusted_proxies for listener in listeners):
        return  # behind a proxy, any address may be reported
    sets = [(_missing_version(each), AddressSet(each.allow), AddressSet(each.deny), each) for each in listeners]

    def may_be_seen(network: Network) -> bool:
        version = as_ipv4(network).version
        return any(
            version != missing and not denied.holds(network) and (not each.allow or allowed.meets(network))
            for missing, allowed, denied, each in sets
        )

    lists = {pair.allow_at: pair.allow for pair in guards} | {pair.deny_at: pair.deny for pair in guards}
    for at, networks in lists.items():
        for index, network in enumerate(networks):
            if not may_be_seen(network):
                message = f"never matches: no listener takes connections from {network}"
                hint = "remove it; behind a proxy, name that in trusted_proxies"
                yield estate.loaded.diagnostic((*at, index), message, hint)
