"""The visible part of a text, without characters that are pasted along."""

from __future__ import annotations

import re

# Unicode's Default_Ignorable_Code_Point (Unicode 15.1, DerivedCoreProperties.txt) and the
# interlinear marks: soft hyphens, zero-width spaces and joiners, byte order marks,
# direction marks, variation selectors. The class is spelled as Python and RE2 both read it.
INVISIBLE = (
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]"
)
QUOTES = "\"'`\u00ab\u00bb\u2018\u2019\u201a\u201c\u201d\u201e"
"""What texts are put in quotes with."""

_INVISIBLE = re.compile(INVISIBLE)


def visible(text: str) -> str:
    """Return a text without its invisible characters, and without white space around it."""
    return _INVISIBLE.sub("", text).strip()
