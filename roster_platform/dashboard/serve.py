"""Serve the dashboard, behind a password where one is set."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

from roster_platform.errors import ConfigurationError
from roster_platform.settings.platform import dashboard_settings

_APP = Path(__file__).with_name("app.py")
_THIS_MACHINE = {"127.0.0.1", "::1", "localhost"}


def serve(host: str, port: int | None = None, *, headless: bool = False) -> NoReturn:
    """Become marimo, which serves the dashboard until it is stopped.

    The password goes through a pipe, so that no list of processes shows it. Raises
    ConfigurationError where other machines could see the dashboard without a password.
    """
    if find_spec("marimo") is None:
        raise ConfigurationError(
            "The dashboard needs marimo, which is not installed. Start it with "
            "`make dashboard`, which installs it."
        )
    password = dashboard_settings().password
    if not password and host not in _THIS_MACHINE:
        raise ConfigurationError(
            f"On {host} everybody who reaches this machine would see the dashboard, with "
            "names and e-mails. Set ROSTER_PLATFORM__DASHBOARD__PASSWORD, or password "
            "under [roster_platform.dashboard] in .dlt/secrets.toml."
        )
    # It asks before it ends, unless everything is answered with yes.
    command = [sys.executable, "-m", "marimo", "--yes", "run", str(_APP)]
    command += ["--host", host]
    command += ["--port", str(port)] if port else []
    command += ["--headless"] if headless else []
    if password:
        command += ["--token", "--token-password-file", "-"]
        reading, writing = os.pipe()
        os.write(writing, str(password).encode())
        os.close(writing)
        os.dup2(reading, 0)
    # In the place of this process, so that ending it ends marimo.
    os.execv(sys.executable, command)  # noqa: S606
