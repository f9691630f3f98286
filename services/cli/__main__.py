"""Where `stratafold` begins: runs the command and turns what a user can mend into one line and status 2."""

from __future__ import annotations

import sys

from libs.local.errors import LocalStackError
from libs.settings import SettingsError
from services.cli.app import build


def main() -> None:
    """Run the command of sys.argv. Ends with its status: 2 for a wrong setting, a port in use or something missing."""
    try:
        build()()
    except (SettingsError, LocalStackError) as error:
        print(f"stratafold: {error}", file=sys.stderr)  # noqa: T201 - the one line that the user is to read
        sys.exit(2)


if __name__ == "__main__":
    main()
