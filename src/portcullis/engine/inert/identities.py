"""Identities of a list whose turn never comes.

The first identity whose credential is in a request decides. One that is listed twice, reads its key only from where an
earlier one of the same list reads its own, or is for tokens that earlier ones take already, is never asked. One whose
issuer is asked about every token (``introspection``) leaves none for those after it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from portcullis.engine.config.diagnostics import Diagnostic
from portcullis.engine.config.layers import Place
from portcullis.engine.config.model import IdentityConfig
from portcullis.engine.inert.estate import Estate
from portcullis.engine.policies.authenticate.introspection import IntrospectionConfig
from portcullis.engine.policies.authenticate.jwt import JwtConfig

_LISTED = ("authenticate", "any_of")


def find(estate: Estate) -> Iterator[Diagnostic]:
    """Yield a diagnostic for each."""
    places = {
        name: _key_places(config) | _token_places(config) for name, config in estate.configuration.identities.items()
    }
    for place, keys in estate.usage.leaves:
        if keys == _LISTED:
            yield from _of_list(estate, place, places)


def _of_list(estate: Estate, place: Place, places: Mapping[str, frozenset[str]]) -> Iterator[Diagnostic]:
    listed = estate.usage.value(place, _LISTED)
    readers: dict[str, str] = {}
    takers: dict[str, str] = {}
    seen: set[str] = set()
    for index, name in enumerate(listed if isinstance(listed, list) else ()):
        where = (*place, *_LISTED, index)
        if not isinstance(name, str):
            continue  # several together: what each of them reads does not decide alone
        mine, identity = places[name], estate.configuration.identities[name]
        tokens = _all_tokens(identity)
        if name in seen:
            yield estate.loaded.diagnostic(where, f'"{name}" is listed twice', "remove one of them")
        elif mine and mine <= readers.keys():
            first = readers[min(mine)]
            if identity.jwt is not None:
                does, other = "takes tokens of that issuer and audience", "audience"
            else:
                does, other = "reads keys from the same place", "header"
            message = f'"{name}" is never asked: "{first}" {does}, and comes first'
            yield estate.loaded.diagnostic(where, message, f"give one of them another {other}, or remove it")
        elif tokens and tokens <= takers.keys():
            message = (
                f'"{name}" is never asked: "{takers[min(tokens)]}" asks its issuer about every token, and comes first'
            )
            yield estate.loaded.diagnostic(where, message, f'list "{name}" before it, or remove one of them')
        seen.add(name)
        if identity.introspection is not None:
            takers = {**dict.fromkeys(tokens, name), **takers}
        readers = {**dict.fromkeys(mine, name), **readers}


def _key_places(identity: IdentityConfig) -> frozenset[str]:
    """Where an identity that goes by API keys looks for one; nothing for other kinds."""
    config = identity.api_key
    if config is None:
        return frozenset()
    places = []
    if config.header is not None:
        places.append(f"header {config.header.lower()}")
    if config.query is not None:
        places.append(f"query {config.query}")
    return frozenset(places)


def _token_places(identity: IdentityConfig) -> frozenset[str]:
    """Where an identity looks for tokens, of which issuer and for whom; nothing for other kinds.

    One that also opens encrypted tokens may be asked where others have passed.
    """
    config = identity.jwt
    if config is None or config.decrypt is not None:
        return frozenset()
    return frozenset(f"{place}, {config.issuer} for {each}" for place in _places(config) for each in config.audience)


def _all_tokens(identity: IdentityConfig) -> frozenset[str]:
    """Where an identity looks for tokens, whoever they are of; nothing for kinds that know none."""
    config = identity.jwt if identity.jwt is not None else identity.introspection
    return frozenset() if config is None else frozenset(_places(config))


def _places(config: JwtConfig | IntrospectionConfig) -> Iterator[str]:
    if config.header is not None:
        yield f"header {config.header.lower()}"
    if config.cookie is not None:
        yield f"cookie {config.cookie}"
    if config.dpop is not None:
        yield "header authorization, with a proof"
