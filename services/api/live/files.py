"""The page itself: a few files, read once, that hold no data and need nothing from outside."""

from __future__ import annotations

import hashlib
from http import HTTPStatus
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.api.refusals import Refusal

_FOLDER: Final = Path(__file__).parent / "page"
_INDEX: Final = "index.html"
_TYPES: Final = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
# Nothing from elsewhere, no script or style in the page itself, and nobody may frame it.
POLICY: Final = (
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"
)


def routes() -> list[Route]:
    """`GET /` and the files that it needs, under `/page/`."""
    files = {path.name: _answer(path) for path in sorted(_FOLDER.iterdir())}

    async def get_page(request: Request) -> Response:
        return _unless_known(request, files[_INDEX])

    async def get_file(request: Request) -> Response:
        found = files.get(request.path_params["name"])
        if found is None:
            raise Refusal(HTTPStatus.NOT_FOUND, "the page has no such file")
        return _unless_known(request, found)

    return [Route("/", get_page), Route("/page/{name}", get_file)]


def _answer(path: Path) -> Response:
    body = path.read_bytes()
    headers = {
        "ETag": f'"{hashlib.sha256(body).hexdigest()[:32]}"',
        "Cache-Control": "no-cache",  # kept, but asked for again: a page must fit the API that it shows
        "Content-Security-Policy": POLICY,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
    return Response(body, headers=headers, media_type=_TYPES[path.suffix])


def _unless_known(request: Request, answer: Response) -> Response:
    if request.headers.get("if-none-match") != answer.headers["etag"]:
        return answer
    kept = {name: value for name, value in answer.headers.items() if name != "content-length"}
    return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=kept)
