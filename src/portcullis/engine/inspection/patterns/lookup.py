"""Lookups that a logging library would resolve (CWE-917, CVE-2021-44228)."""

from __future__ import annotations

from typing import Final

from portcullis.engine.inspection.pattern import AttackClass, Pattern

CLASS: Final = AttackClass(
    key="lookup",
    title="lookup injection",
    summary="``${jndi:...}`` and the lookups that disguise it or read the environment",
    cwe=917,
)

_PROTOCOLS: Final = r"(?:ldaps?|rmi|dns|nis|iiop|corba|nds|https?)"

PATTERNS: Final = (
    Pattern(
        "lookup-101",
        "a lookup over the network",
        expressions=(
            rf"\bjndi\s*:\s*(?:{_PROTOCOLS}\s*:|\$\{{)",
            rf"\$\{{[^}}\x1f]*\$\{{[^\x1f]*?{_PROTOCOLS}\s*:",
        ),
        matches=(
            "${jndi:ldap://x/a}",
            "${jndi:rmi://x}",
            "${${lower:j}ndi:ldap://x/a}",
            "${jndi:${lower:l}dap://x}",
            "jndi:ldap://x",
        ),
        passes=("${name}", "the jndi name: x", "${a:-b}", "${base}/${path} at https://x/"),
    ),
    Pattern(
        "lookup-102",
        "a lookup inside of a lookup, or one that reads what the service runs in",
        expressions=(
            (
                r"\$\{\s*(?:(?:lower|upper|env|sys|java|date|ctx|main|base64|url|docker|k8s|kubernetes|spring|web|log4j|bundle"
                r"|marker|map|sd|hostname|script|dns)\s*:|::-|\$\{)[^\x1f]*?[\w}:-]"
            ),
            r"\$\{[^}\x1f]*:-\w?\}\S*\$\{",
        ),
        matches=(
            "${${::-j}${::-n}${::-d}${::-i}:ldap://x}",
            "${env:AWS_SECRET_ACCESS_KEY}",
            "${lower:j}",
            "${sys:os.name}",
            "${script:javascript:1}",
        ),
        passes=("${environment}", "${date}", "${user.name}", "${x:-default}"),
    ),
)
