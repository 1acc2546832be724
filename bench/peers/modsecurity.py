"""nginx with ModSecurity and the OWASP Core Rule Set: what most people run who want bodies inspected.

All of it as Debian has it: the settings that ModSecurity recommends, with the engine on (they come with "detection
only"), and all rules at their first paranoia level. One worker, and the same JSON access log as nginx alone.
"""

from __future__ import annotations

from dataclasses import replace

from bench.load import Request
from bench.orders import order
from bench.peers import Ground, Probe, Setup, nginx

RECOMMENDED = "/usr/share/nginx/docs/modsecurity/modsecurity.conf"
SETUP = "/etc/modsecurity/crs/crs-setup.conf"
RULES = "/usr/share/modsecurity-crs/rules/*.conf"


def policy_full(ground: Ground) -> Setup:
    """Every request and its JSON body goes through the rules; the answer is passed on as it is."""
    rules = ground.folder / "modsecurity.conf"
    rules.write_text(
        f"""Include {RECOMMENDED}
SecRuleEngine On
SecAuditLog {ground.folder}/audit.log
SecTmpDir {ground.folder}
SecDataDir {ground.folder}
Include {SETUP}
Include {RULES}
"""
    )
    setup = nginx.inspected(ground, rules)
    place = Request("POST", "/checkouts", {"Content-Type": "application/json"}, order())
    hostile = order().replace('"note":"', '"note":"1\' UNION SELECT password FROM users -- ', 1)
    probes = (
        Probe("an injection in the body", replace(place, body=hostile), 403),
        Probe("an injection in the query", Request("GET", "/items?q=%3Cscript%3Ealert(1)%3C/script%3E", {}), 403),
    )
    return replace(setup, probes=probes)
