from __future__ import annotations

import asyncio

from oidc_world import World

from portcullis.control.oidc.measuring import OidcCollector


def test_logins_are_counted_by_what_came_of_them(world: World) -> None:
    async def scenario() -> None:
        await world.log_in()
        await world.log_in(b"o" * 32, nonce="another")
        await world.sessions.sweep()

    asyncio.run(scenario())
    events, sessions = OidcCollector({"realm": world.party}, world.sessions).collect()
    counted = {
        tuple(sample.labels.values()): sample.value for sample in events.samples if sample.name.endswith("_total")
    }
    assert counted == {("people", "login", "done"): 1, ("people", "login", "refused"): 1}
    assert [sample.value for sample in sessions.samples] == [1]
