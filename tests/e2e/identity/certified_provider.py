"""npm's oidc-provider, which is certified by the OpenID Foundation, as a process of its own; installed when first used.

It needs Node.js and, once, npm's registry. Where either is not there the tests that use it are skipped, and say so.
"""

from __future__ import annotations

import json
import re
import select
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from bench.install import alone
from provider import CLIENT, SECRET, Browser

from portcullis.testing.tokens import Signer, encoded

ROOT = Path(__file__).resolve().parents[3]
SOURCE = Path(__file__).parent / "certified"
INSTALLED = ROOT / "build" / "certified-provider"
INSTALL_SECONDS, START_SECONDS, OLDEST_NODE = 180, 30, 20
NONE: Mapping[str, str] = {}
_ACTION = re.compile(r'action="([^"]+)"')


def install() -> None:
    """Install it below ``build/``, unless that was done; skips the test where that can't be done."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("the certified provider needs Node.js, which is not installed")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.lstrip("v").partition(".")[0]) < OLDEST_NODE:
        pytest.skip(f"the certified provider needs Node.js {OLDEST_NODE}, and this is {version.strip()}")
    with alone("certified-provider"):
        _install(npm)


def _install(npm: str) -> None:
    INSTALLED.mkdir(parents=True, exist_ok=True)
    done, lock = INSTALLED / "installed.json", SOURCE / "package-lock.json"
    for file in SOURCE.iterdir():
        shutil.copy(file, INSTALLED)
    if done.exists() and done.read_bytes() == lock.read_bytes():
        return
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    try:
        subprocess.run(command, cwd=INSTALLED, capture_output=True, check=True, timeout=INSTALL_SECONDS)
    except (subprocess.SubprocessError, OSError) as error:
        pytest.skip(f"the certified provider could not be installed from npm's registry: {type(error).__name__}")
    shutil.copy(lock, done)


def web_client(origin: str) -> dict[str, Any]:
    """The gateway at ``origin`` as a client that people log in through."""
    return {
        "client_id": CLIENT,
        "client_secret": SECRET,
        "grant_types": ["authorization_code", "refresh_token"],
        "redirect_uris": [f"{origin}/.portcullis/callback"],
        "post_logout_redirect_uris": [f"{origin}/"],
        "backchannel_logout_uri": f"{origin}/.portcullis/backchannel-logout",
        "backchannel_logout_session_required": True,
        "id_token_signed_response_alg": "ES256",
    }


def private_jwk(name: str) -> dict[str, Any]:
    """A new key of that id, to sign with."""
    signer = Signer("ES256", name)
    return {**signer.jwk, "d": encoded(signer.key.private_numbers().private_value.to_bytes(32, "big"))}


class CertifiedProvider:
    """Runs at ``port`` and signs with ``keys`` (private JWKs).

    ``clients``: their metadata (OpenID Connect Dynamic Client Registration 2); ``resources``: by their URI, the format
    of access tokens for them, ``jwt`` or ``opaque``.
    """

    def __init__(
        self,
        port: int,
        clients: list[dict[str, Any]],
        keys: list[dict[str, Any]],
        access_token_seconds: int = 300,
        resources: Mapping[str, str] = NONE,
    ) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._settings = {
            "port": port,
            "clients": clients,
            "accessTokenSeconds": access_token_seconds,
            "resources": dict(resources),
        }
        self._process: subprocess.Popen[bytes] | None = None
        self.log = INSTALLED / f"provider-{port}.log"
        self.start(keys)

    def start(self, keys: list[dict[str, Any]]) -> None:
        """Start it; what it knew of logins before is forgotten."""
        with self.log.open("ab") as errors:
            process = subprocess.Popen(
                ["node", "provider.mjs"], cwd=INSTALLED, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
            )
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        process.stdin.write(json.dumps({**self._settings, "jwks": {"keys": keys}}).encode())
        process.stdin.close()
        ready, _, _ = select.select([process.stdout], [], [], START_SECONDS)
        line = process.stdout.readline() if ready else b""
        assert b"listening" in line, self.log.read_text()

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            process.wait(10)
            assert process.stdout is not None
            process.stdout.close()


class Person:
    """Somebody with a browser, who logs in at the provider by its own pages."""

    def __init__(self, gateway: str, name: str = "alice") -> None:
        self.name = name
        self.browser = Browser(gateway)
        self.at_provider = httpx.Client(timeout=15, limits=httpx.Limits(max_keepalive_connections=0))

    def load(self, path: str) -> httpx.Response:
        """Load a page of the gateway, logging in where that is asked for."""
        response = self.browser.navigate(path, follow=False)
        for _ in range(8):
            if response.status_code != 303:
                return response
            url = response.headers["location"]
            is_ours = url.startswith(("/", self.browser.origin))
            response = self.browser.navigate(url, follow=False) if is_ours else self._through(url)
        raise AssertionError("too many redirects")

    def _through(self, url: str) -> httpx.Response:
        """Go through the provider's pages, to the redirect that leads back."""
        response = self.at_provider.get(url)
        for _ in range(10):
            while response.is_redirect:
                target = str(response.next_request.url) if response.next_request else ""
                if target.startswith(self.browser.origin):
                    return self.browser.navigate(target, follow=False)
                response = self.at_provider.get(target)
            action = _ACTION.search(response.text)
            assert action is not None, response.text[:500]
            prompt = "login" if 'name="login"' in response.text else "consent"
            form = {"prompt": prompt, "login": self.name, "password": "any"}
            response = self.at_provider.post(httpx.URL(str(response.url)).join(action[1]), data=form)
        raise AssertionError("the provider asks for ever")
