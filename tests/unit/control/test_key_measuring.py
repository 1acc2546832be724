from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest

from portcullis.control.key_measuring import KeyCollector
from portcullis.stores.database.keys import KeyReminders


def _shown(latest: KeyReminders | None) -> str:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(KeyCollector(lambda: latest))
    return generate_latest(registry).decode()


def test_keys_that_need_care_are_counted() -> None:
    shown = _shown(KeyReminders(7, 2, 1, []))
    for state, count in (("live", 7), ("expiring", 2), ("rotation_due", 1)):
        assert f'portcullis_api_keys{{state="{state}"}} {count}.0' in shown


def test_nothing_is_shown_before_anyone_has_looked() -> None:
    assert "portcullis_api_keys{" not in _shown(None)
