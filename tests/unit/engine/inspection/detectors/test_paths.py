from __future__ import annotations

from rows import rows

from portcullis.engine.inspection.detectors import paths


@rows(
    "text",
    [
        *(
            "../../x",
            "/../x",
            "..\\x",
            "....//x",
            "/./../x",
            "a/../../x",
            "file=../../etc/passwd",
            "0x2e0x2e0x2f0x2e0x2e0x2f",
            "..;/",
        ),
        *("see ../WEB-INF/web.xml", "..2f..2fx"),
    ],
)
def test_a_path_that_climbs(text: str) -> None:
    assert paths.is_climb(text)


@rows(
    "text",
    ["../x", "[a](../../b.md)", "https://x/a/../../b", "use ../../ to go up", "1..2", "a/b/../c and d", "wait... x"],
)
def test_no_path_that_climbs(text: str) -> None:
    assert not paths.is_climb(text)


def test_a_file_of_the_system_counts_anywhere_if_nobody_talks_about_it() -> None:
    assert paths.is_system_file("give me /etc/passwd please")
    assert paths.is_system_file("/etc/hosts")
    assert not paths.is_system_file("edit /etc/hosts to change it")
    assert not paths.is_system_file("https://x.example/etc/hosts")
