from __future__ import annotations

from pathlib import Path

from portcullis.control.outgoing_settings import OutgoingSettings, settings_from


def test_a_file_of_authorities_is_named_from_the_folder_of_the_configuration() -> None:
    folder = Path("/etc/portcullis")
    settings = settings_from("http://proxy:3128", "tls/ca.pem", 2.0, folder)
    assert settings == OutgoingSettings("http://proxy:3128", "/etc/portcullis/tls/ca.pem", 2.0)
    assert settings_from(None, "/etc/ssl/ca.pem", 2.0, folder).ca == "/etc/ssl/ca.pem"


def test_the_authorities_of_the_system_have_no_file() -> None:
    assert settings_from(None, None, 5.0, Path("/etc")) == OutgoingSettings()
