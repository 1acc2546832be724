from __future__ import annotations

from rows import rows

from portcullis.engine.inspection.detectors import shell


@rows(
    "text",
    [";id", "a | ls", "a && cat /x", "`whoami`", "$(id)", "|nid", "x;python3 -c 1", ";who", "a\nls -la", "&dir c:\\"],
)
def test_a_command_that_is_called(text: str) -> None:
    assert shell.is_command_after_separator(text)


@rows(
    "text",
    [
        *(
            "a; find out",
            "the `id` field",
            "a & b",
            "name\nid",
            "x|y",
            "cats | dogs",
            "a=1&id=5",
            "a; date it",
            "(`ls`)",
        ),
        "| a | id | c |\n|---|---|---|",
    ],
)
def test_no_command_that_is_called(text: str) -> None:
    assert not shell.is_command_after_separator(text)


def test_a_disguise_is_taken_off() -> None:
    assert shell.undisguised(";c'a't /x") == ";cat /x"
    assert shell.undisguised("|w\\ho") == "|who"
    assert shell.undisguised("O'Brien's") == "O'Brien's" or "Brien" in shell.undisguised("O'Brien's")
    assert shell.is_disguised_command("; c'a't /etc/x")
    assert not shell.is_disguised_command("; cat /etc/x")


def test_a_program_by_its_path_is_no_part_of_a_sentence() -> None:
    assert shell.is_program_path("/usr/bin/id")
    assert not shell.is_program_path("/usr/bin/python is the one to use")
    assert not shell.is_program_path("/bin/bash")


def test_a_shell_is_called_with_something() -> None:
    assert shell.is_shell_call("sh -c 'id'")
    assert not shell.is_shell_call("sh -c")


def test_a_command_has_the_arguments_of_an_attack() -> None:
    assert shell.is_command_with_arguments("cat /etc/passwd")
    assert not shell.is_command_with_arguments("the cat /etc/passwd")
