"""sqlfluff in half of its time: ``python -m tests.sql_linter lint <paths>``.

Two parts of it are the same again and again: Python's garbage collector looks through the
parsed project and the trees of a file, of which little is garbage; and each of the rules
about layout splits the whole file into its elements, which no rule of a check changes.
"""

from __future__ import annotations

import gc
from typing import Any

from sqlfluff.cli.commands import cli
from sqlfluff.utils.reflow.sequence import ReflowSequence

# Few enough that the trees of earlier files go.
_ALLOCATIONS_BETWEEN_COLLECTIONS = 500_000


def main() -> None:
    """Run sqlfluff's command line."""
    gc.set_threshold(_ALLOCATIONS_BETWEEN_COLLECTIONS)
    _split_each_file_once()
    cli()


def _split_each_file_once() -> None:
    split = ReflowSequence.from_root.__func__
    last: dict[str, Any] = {}

    def from_root(
        cls: type[ReflowSequence], root_segment: Any, config: Any
    ) -> ReflowSequence:
        if last.get("root") is not root_segment:
            last.update(root=root_segment, split=split(cls, root_segment, config))
        return last["split"]

    ReflowSequence.from_root = classmethod(from_root)


if __name__ == "__main__":
    main()
