"""Finding of settings and relative paths, whatever folder a command is started in.

dlt looks for ``.dlt`` below the working folder, and services and crons start elsewhere. A
working folder whose ``.dlt`` has sections of ours is used as it is; from anywhere else the
checkout's is, unless ``DLT_PROJECT_DIR`` says where. What loads cannot do without is not a
setting at all.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from dlt.common.configuration import resolve_configuration
from dlt.common.configuration.container import Container
from dlt.common.configuration.exceptions import (
    ConfigProviderException,
    ConfigurationException,
)
from dlt.common.configuration.providers import CustomLoaderDocProvider
from dlt.common.configuration.specs import BaseConfiguration
from dlt.common.configuration.specs.base_configuration import is_secret_hint
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext

from roster_platform.errors import ConfigurationError
from roster_platform.settings.credentials import trimmed
from roster_platform.settings.dlt_overhead import reduce_overhead

_Settings = TypeVar("_Settings", bound=BaseConfiguration)

OUR_SOURCES = ("roster_source", "autorosters_source")
OUR_SECTION = "roster_platform"
_CHECKOUT = Path(__file__).parents[2]
_FILES = ("secrets.toml", "config.toml")
# Deletions and incremental tables are found by the load's id; dlt leaves it out of Parquet.
_FIXED = {"normalize": {"parquet_normalizer": {"add_dlt_load_id": True}}}
_DEFAULTS = {"runtime": {"dlthub_telemetry": False, "log_level": "WARNING"}}


def project_folder() -> Path:
    """The folder that relative paths start from: the working folder or the checkout."""
    here = Path.cwd()
    if not _is_checkout() or any(map(_is_about_us, _files_in(here))):
        return here
    return _CHECKOUT


def absolute(path: str) -> Path:
    """A path of the settings, made absolute."""
    return (project_folder() / Path(path).expanduser()).absolute()


def settings_files() -> list[Path]:
    """The TOML files that settings are read from, the first one first."""
    named = os.environ.get("DLT_PROJECT_DIR")
    return _files_in(Path(named).absolute() if named else project_folder())


def prepare() -> None:
    """Let dlt find the settings; cheap when it does already.

    Raises ConfigurationError, with file, line and column, for TOML that cannot be read.
    """
    try:
        found = Container()[PluggableRunContext].providers
        if _name("fixed") in found:
            return
        reduce_overhead()
        if not os.environ.get("DLT_PROJECT_DIR") and project_folder() != Path.cwd():
            for path in settings_files():
                found.add_provider(_provider(str(path), _read(path)))
        found.add_provider(_provider("defaults", _DEFAULTS))
        # It comes before the environment, so that nothing undoes it.
        found.providers.insert(0, _provider("fixed", _FIXED))
    except ConfigProviderException:
        for path in settings_files():
            _read(path)
        raise ConfigurationError(
            "dlt cannot read its settings. Check the TOML files in the folders .dlt and "
            "~/.dlt."
        ) from None


def resolved(spec: _Settings, sections: tuple[str, ...]) -> _Settings:
    """Read the settings of a section. Raises ConfigurationError."""
    prepare()
    try:
        settings = resolve_configuration(spec, sections=sections)
    except ConfigurationException as error:
        # dlt's own text can quote the value it could not read, which may be a secret.
        field = getattr(error, "field_name", None) or "a setting"
        raise ConfigurationError(
            f"{field} under [{'.'.join(sections)}] cannot be read "
            f"({type(error).__name__}). Check its type in the environment, "
            ".dlt/config.toml and .dlt/secrets.toml."
        ) from None
    for name, hint in settings.get_resolvable_fields().items():
        # The key of hashes stays as it is: with another every hash changes.
        if is_secret_hint(hint) and name != "pii_key" and (getattr(settings, name)):
            setattr(settings, name, trimmed(str(getattr(settings, name))) or None)
    return settings


def settings_by_file() -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield what each settings file says. Raises ConfigurationError."""
    for path in settings_files():
        yield path, _read(path)


def _read(path: Path) -> dict[str, Any]:
    """A TOML file's content; an error never quotes it, because it may be a secret."""
    try:
        raw = path.read_bytes()
        return tomllib.loads(raw.decode())
    except UnicodeDecodeError:
        problem = "it is not in UTF-8: save it again in that encoding"
    except tomllib.TOMLDecodeError as error:
        problem = str(error)
        if raw.startswith(b"\xef\xbb\xbf"):
            problem = "it begins with a byte order mark: save it as UTF-8 without one"
    except OSError as error:
        problem = str(error.strerror)
    raise ConfigurationError(
        f"{path} cannot be read as TOML: {problem}. Texts stand in quotes there, as in "
        'name = "value".'
    ) from None


def _provider(name: str, content: dict[str, Any]) -> CustomLoaderDocProvider:
    return CustomLoaderDocProvider(_name(name), lambda: content, supports_secrets=True)


def _name(name: str) -> str:
    return f"roster_platform {name}"


def _is_checkout() -> bool:
    return all(
        (_CHECKOUT / name).exists() for name in ("pyproject.toml", "dbt_project")
    )


def _files_in(folder: Path) -> list[Path]:
    paths = (folder / ".dlt" / name for name in _FILES)
    return [path for path in paths if path.is_file()]


def _is_about_us(path: Path) -> bool:
    text = path.read_bytes()
    return any(name.encode() in text for name in (OUR_SECTION, *OUR_SOURCES))
