"""A local stand-in of both APIs, Roster and Auto Rosters, over real HTTP.

Neither API can be tried without an account, and neither can be moved to next month. So
this serves an invented, coherent world with the same paths, tokens and errors, a clock
that can be advanced, and an oracle that knows the truth:

    python -m roster_platform.sandbox serve --port 8123 --orders 5000

It is only another pair of base URLs and tokens; nothing else in the platform knows of
it. What it mirrors exactly and what it assumes is documented in ``app.py``; its own
endpoints are in ``admin.py``.
"""

from roster_platform.sandbox.server import Sandbox, SandboxError, running_sandbox

__all__ = ["Sandbox", "SandboxError", "running_sandbox"]
