"""The weekly digest: what changed in each program and on each roster page.

``numbers`` reads the published marts, ``text`` writes sentences, ``outbox`` remembers
what was sent, ``send`` puts them together. Nothing of it needs Dagster.
"""
