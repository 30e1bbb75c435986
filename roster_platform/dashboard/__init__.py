"""The dashboard and the report: the published marts as pictures, with or without filters.

``queries`` asks, ``charts`` draws, ``sections`` puts both into words and order; ``app``
(marimo) and ``report`` (one HTML file) only show sections. Nothing of it needs a network.
"""
