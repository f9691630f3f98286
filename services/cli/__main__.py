"""Where `stratafold` begins: runs the command and turns what a user can mend into one line and an exit status."""

from __future__ import annotations

import sys

from libs.local.errors import LocalStackError
from libs.settings import SettingsError
from services.cli.app import build
from services.cli.failures import WRONG, Failure
from services.cli.output import written_or_failed


def main() -> None:
    """Run the command of sys.argv. Ends with its status.

    2 for a wrong setting, a port in use, something missing, or output that can't be written.
    """
    with written_or_failed():
        try:
            build()()
        except (SettingsError, LocalStackError) as error:
            _end(str(error), WRONG)
        except Failure as failure:
            _end(str(failure), failure.status)


def _end(text: str, status: int) -> None:
    print(f"stratafold: {text}", file=sys.stderr)  # noqa: T201 - the one line that the user is to read
    sys.exit(status)


if __name__ == "__main__":
    main()
