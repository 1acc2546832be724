from __future__ import annotations

from bench.peers import Ground, modsecurity, nginx


def test_the_engine_is_on_with_all_rules_and_writes_to_its_own_folder(ground: Ground) -> None:
    setup = modsecurity.policy_full(ground)
    rules = (ground.folder / "modsecurity.conf").read_text().splitlines()

    assert rules[:2] == [f"Include {modsecurity.RECOMMENDED}", "SecRuleEngine On"]
    assert rules[-2:] == [f"Include {modsecurity.SETUP}", f"Include {modsecurity.RULES}"]
    assert f"SecAuditLog {ground.folder}/audit.log" in rules
    assert setup.access_log == ground.folder / "access.jsonl"


def test_nginx_loads_the_module_and_is_probed_with_injections(ground: Ground) -> None:
    setup = modsecurity.policy_full(ground)
    config = (ground.folder / "nginx.conf").read_text()

    assert f"load_module {nginx.MODSECURITY};" in config.splitlines()[0]
    assert f"modsecurity on; modsecurity_rules_file {ground.folder}/modsecurity.conf;" in config
    assert {probe.status for probe in setup.probes} == {403}
    assert any("UNION SELECT" in probe.request.body for probe in setup.probes)
