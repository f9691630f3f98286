"""The field types that several sources share: patterns before parsing, so that nothing exotic passes.

Every type stays the sender's string. A pattern's length bounds what a later parse has to cope with.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import StringConstraints

_UUID: Final = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
AMOUNT_PATTERN: Final = r"^-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?$"
# Where senders write JSON numbers: a float's 17 digits may follow any number of zeros.
LONG_AMOUNT_PATTERN: Final = r"^-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,40})?$"
TIME_PATTERN: Final = (
    r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    r"[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?"
    r"([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)
UUID_PATTERN: Final = f"^{_UUID}$"
UUID_OR_EMPTY_PATTERN: Final = f"^({_UUID})?$"

Text = Annotated[str, StringConstraints(strict=True)]
Uuid = Annotated[str, StringConstraints(strict=True, pattern=UUID_PATTERN)]
UuidOrEmpty = Annotated[str, StringConstraints(strict=True, pattern=UUID_OR_EMPTY_PATTERN)]
Amount = Annotated[str, StringConstraints(strict=True, pattern=AMOUNT_PATTERN)]
Time = Annotated[str, StringConstraints(strict=True, pattern=TIME_PATTERN)]
