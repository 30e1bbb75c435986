"""A dbt-duckdb plugin: ``keyed_hash(text)`` in SQL, for personal data in the marts.

The hash is an HMAC, so without the key nobody can try names and e-mails until one fits.
The key stays in this process's memory: it is in no SQL, and so in no compiled model, log
or query history. See ``macros/pii.sql`` for where it is used.
"""

from __future__ import annotations

import hmac
import os

import pyarrow as pa
from dbt.adapters.duckdb.plugins import BasePlugin
from dbt_common.exceptions import DbtRuntimeError
from duckdb import DuckDBPyConnection

_DIGITS = 32


class Plugin(BasePlugin):
    """Registers ``keyed_hash`` on dbt's connection when there is a key."""

    def configure_connection(self, conn: DuckDBPyConnection) -> None:
        """Called by dbt-duckdb for the connection all models share.

        Raises DbtRuntimeError when personal data is to be hashed without a key.
        """
        key = os.environ.get("ROSTER_PLATFORM__PII_KEY")
        is_required = os.environ.get("ROSTER_PLATFORM__HASH_PII", "").lower()
        if not key and is_required not in ("true", "1"):
            return
        if not key:
            raise DbtRuntimeError(
                "Personal data is to be hashed (ROSTER_PLATFORM__HASH_PII), but "
                "ROSTER_PLATFORM__PII_KEY is not set. Set it to the key you keep."
            )
        # duckdb takes the word for the type, and names of types; its stub does not.
        conn.create_function(  # type: ignore[call-overload]
            "keyed_hash",
            lambda values: keyed_hashes(key, values),
            ["VARCHAR"],
            "VARCHAR",
            type="arrow",
        )


def keyed_hashes(key: str, values: pa.ChunkedArray) -> pa.Array:
    """The HMAC-SHA256 of each text, as 32 hexadecimal digits; NULL stays NULL."""
    secret = key.encode()
    return pa.array(
        [
            None
            if value is None
            else hmac.digest(secret, value.encode(), "sha256").hex()[:_DIGITS]
            for value in values.to_pylist()
        ],
        pa.string(),
    )
