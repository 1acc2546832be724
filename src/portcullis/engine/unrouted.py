"""What a request gets that is led to no operation: the answer steps of the API it was for, as far as that is clear.

A refusal of a path or method that nobody declares is an answer like any other: a browser reads it, and a scanner. So in
place of an operation such a request has a *stand-in*, an operation without a name that only has answer steps: what
``protect.headers`` and ``guard.cors`` say of operations without settings of their own. Below the base path of an API
these are the API's. Elsewhere on a host, and where not even the host is known (bytes that are no request), they are
what all APIs that could be meant have in common: the header fields on which they agree and, if they agree on all of it,
CORS. Where one of them does not enforce ``protect.headers``, they have none in common.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from portcullis.engine.config.merge import effective
from portcullis.engine.config.model import ApiConfig
from portcullis.engine.operation import UNROUTED, Operation
from portcullis.engine.policies.guard import cors
from portcullis.engine.policies.protect import headers
from portcullis.engine.policy import Step


class AnswerSettings(msgspec.Struct, frozen=True, eq=False):
    """What a version says about answers in general: about CORS, if anything, and about header fields."""

    cors: cors.CorsConfig | None
    headers: headers.HeadersConfig

    @classmethod
    def of(cls, api: ApiConfig, version: str) -> AnswerSettings:
        """What holds for operations of ``version`` that have no settings of their own."""
        settings = effective(api, api.versions[version], "")
        return cls(getattr(settings.guard, cors.POLICY.key, None), headers.POLICY.config_in(settings.protect))


class StandIns(msgspec.Struct, frozen=True, eq=False):
    """The stand-ins of one host.

    ``by_prefix``: by base path; ``depth``: the most segments that one of these has; ``otherwise``: what stands in for
    paths below none of them.
    """

    by_prefix: Mapping[str, Operation]
    depth: int
    otherwise: Operation

    def find(self, path: str) -> Operation:
        """What stands in for a request for ``path`` (``""`` if that is not known)."""
        found = self.by_prefix.get("", self.otherwise)
        end = 0
        for _ in range(self.depth):
            end = path.find("/", end + 1)
            if end == -1:
                return self.by_prefix.get(path, found)
            found = self.by_prefix.get(path[:end], found)
        return found


NOBODY = StandIns({}, 0, UNROUTED)


def stand_in(settings: Iterable[AnswerSettings]) -> Operation:
    """What stands in for the operation of a request that is for any of the versions with these ``settings``."""
    every = list(settings)
    steps = (*headers.common_steps([each.headers for each in every]), *_common_cors([each.cors for each in every]))
    return msgspec.structs.replace(UNROUTED, answer_steps=steps) if steps else UNROUTED


def stand_ins(by_prefix: Mapping[str, Sequence[AnswerSettings]]) -> StandIns:
    """Those of a host, of the settings of the versions that are served below each base path."""
    made = {prefix: stand_in(settings) for prefix, settings in by_prefix.items()}
    depth = max((prefix.count("/") for prefix in made), default=0)
    return StandIns(made, depth, stand_in(each for settings in by_prefix.values() for each in settings))


def _common_cors(configs: Sequence[cors.CorsConfig | None]) -> tuple[Step, ...]:
    first = configs[0] if configs else None
    return cors.answer_steps(first) if first is not None and all(each == first for each in configs) else ()
