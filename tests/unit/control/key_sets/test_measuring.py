from __future__ import annotations

from typing import Any

from portcullis.control.key_sets.fetching import KeySetFetcher
from portcullis.control.key_sets.measuring import KeySetCollector
from portcullis.control.metrics import Metrics
from portcullis.engine.authentication.jose.key_source import KeySource
from portcullis.testing.fakes import FakeClock
from portcullis.testing.tokens import Signer


async def test_what_is_known_of_keys_is_shown(answers: Any) -> None:
    answers.publish(Signer("ES256", "first"))
    clock = FakeClock(wall_s=1000.0)
    good = KeySource("https://id.example.com")
    away = KeySource("https://away.example.com")
    fetchers = {
        source: KeySetFetcher(source, answers, clock.wall_s, lambda _source, _update: None) for source in (good, away)
    }
    metrics = Metrics(lambda: 0)
    metrics.add(KeySetCollector(fetchers, clock.wall_s))
    for fetcher in fetchers.values():
        await fetcher.begin()
    clock.advance(7)
    shown = metrics.exposition().decode()
    label = f'{{place="{good.place}",source="{good.digest[:8]}"}}'
    other = f'{{place="{away.place}",source="{away.digest[:8]}"}}'
    assert f"portcullis_key_set_keys{label} 1.0\n" in shown
    assert f"portcullis_key_set_age_seconds{label} 7.0\n" in shown
    assert f"portcullis_key_set_failures_total{label} 0.0\n" in shown
    assert f"portcullis_key_set_keys{other} 0.0\n" in shown
    assert f"portcullis_key_set_failures_total{other} 1.0\n" in shown
    assert f"portcullis_key_set_age_seconds{other}" not in shown
