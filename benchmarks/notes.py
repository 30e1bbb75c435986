"""What no measurement says by itself: where the time goes, and why a claim is not met."""

NOTES = ""
