"""Failures of a warehouse, worded for people."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeGuard

from dlt.common.configuration.exceptions import ConfigurationException
from dlt.pipeline.exceptions import PipelineStepFailed

from roster_platform.errors import IngestError, WarehouseError, causes
from roster_platform.settings.platform import PlatformSettings
from roster_platform.warehouse.destinations import (
    destination_of,
    missing_credentials,
    missing_driver,
    without_passwords,
)

_DISK_TROUBLES = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM),
    *(errno.EEXIST, errno.ENOTDIR),
}


@contextmanager
def readable_failures(settings: PlatformSettings) -> Iterator[None]:
    """Raise the failure of a pipeline's step, or of the disk, as an IngestError."""
    try:
        yield
    except PipelineStepFailed as failure:
        raise _readable(failure, settings) from failure
    except OSError as error:
        # dlt may miss what the disk had refused before, and say that instead.
        trouble = next(filter(_is_disk_trouble, causes(error)), None)
        if trouble is None:
            raise
        raise _unwritable(trouble, settings) from error


@contextmanager
def failing_at(where: str, settings: PlatformSettings) -> Iterator[None]:
    """Raise whatever fails in the body, at this place, as an IngestError."""
    try:
        yield
    except IngestError:
        raise
    except Exception as error:
        raise _failed(where, error, settings) from None


def _readable(failure: PipelineStepFailed, settings: PlatformSettings) -> IngestError:
    """Return the error for people: our own, if one of ours failed the step."""
    chain = list(causes(failure))
    for error in chain:
        if isinstance(error, IngestError):
            return error
        if _is_disk_trouble(error):
            return _unwritable(error, settings)
    name = settings.destination
    if any(isinstance(error, ConfigurationException) for error in chain):
        return missing_credentials(name)
    if destination_of(name).extra and any(isinstance(e, ImportError) for e in chain):
        return missing_driver(name)
    return _failed(f"the step {failure.step}", chain[-1], settings)


def _failed(
    where: str, error: BaseException, settings: PlatformSettings
) -> WarehouseError:
    first_line = next(iter(str(error).strip().splitlines()), "")
    return WarehouseError(
        f"The warehouse ({settings.destination}) failed at {where}: "
        f"{type(error).__name__}: {without_passwords(first_line)} Rows loaded earlier "
        "are kept; fix the cause and run again. `roster-platform doctor` looks for it."
    )


def _unwritable(error: OSError, settings: PlatformSettings) -> WarehouseError:
    return WarehouseError(
        f"The data folder {settings.data_path} cannot be written ({error.strerror}). "
        "Rows loaded earlier are kept; make room, or give this user the right to "
        "write there, and run again."
    )


def _is_disk_trouble(error: BaseException) -> TypeGuard[OSError]:
    return isinstance(error, OSError) and error.errno in _DISK_TROUBLES
