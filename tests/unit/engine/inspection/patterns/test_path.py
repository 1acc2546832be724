from __future__ import annotations

from collections.abc import Callable

from rows import rows

from portcullis.engine.inspection.patterns.path import CLASS, PATTERNS

Ids = Callable[..., set[str]]
MINE = {pattern.id for pattern in PATTERNS}


@rows(
    "text",
    [
        "../../../../etc/hosts",
        "..%2f..%2f..%2fx",
        "....//....//x",
        "..\\..\\..\\x",
        "%252e%252e%252f%252e%252e%252fetc",
        "/var/www/../../etc/passwd",
        "file:///etc/hosts",
        "php://filter/read=x/resource=y",
        "C:\\Windows\\System32\\drivers\\etc\\hosts",
        "/proc/self/environ",
        "x.php%00.jpg",
        "..;/..;/manager/html",
        ".git/config",
    ],
)
def test_a_path_that_leads_out_is_found(text: str, ids: Ids) -> None:
    assert ids(text) & MINE


@rows(
    "text",
    [
        "../img/logo.png",
        "./a/b",
        "docs/../README.md",
        "see /etc/hosts for more",
        "a/b/c.txt",
        "C:\\Users\\me\\x.txt",
        "https://x.example/a/../b",
        "1...2",
        "...and so on",
        "/home/me/notes.txt",
        "/usr/share/doc",
        "wait... what/who",
        "/opt/app/data",
    ],
)
def test_paths_that_people_use_passes(text: str, ids: Ids) -> None:
    assert not ids(text) & MINE


def test_the_class_is_known_by_its_number() -> None:
    assert CLASS.cwe == 22
