"""The outbox: clicks and orders from files, sent to Roster, each exactly once in effect.

Files in ``<data_dir>/<kind>/outbox`` (JSONL or CSV; write elsewhere and rename them in),
and rows of the table ``roster_data.<kind>_outbox`` if somebody makes one, are taken into a
ledger, sent with the public token, and their answers loaded. Each step is recorded before
the next begins, so a kill at any time only means that a step is repeated: taking in and
loading repeat harmlessly, and a record whose answer never came is sent again under the
same ``Idempotency-Key``.
"""
