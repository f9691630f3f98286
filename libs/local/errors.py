"""What goes wrong with the local stack and a user can mend."""

from __future__ import annotations


class LocalStackError(Exception):
    """One line for the user: what is missing, in use or broken, and what to do; the process ends with status 2."""
