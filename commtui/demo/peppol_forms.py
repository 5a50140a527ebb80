"""The forms that the practice access point reads, and the errors that it answers with."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from commtui.demo.scenario import Reply


async def uploaded(request: Request) -> tuple[str, bytes] | None:
    """Name and bytes of the field `file` in a form; None when there is no such."""
    kind, _, boundary = request.headers.get("content-type", "").partition("boundary=")
    if not kind.startswith("multipart/form-data") or not boundary:
        return None
    edge = b"--" + boundary.strip('"').encode()
    for part in (await request.body()).split(edge):
        head, _, content = part.partition(b"\r\n\r\n")
        named = re.search(rb'name="file"; filename="([^"]*)"', head)
        if named:
            return named.group(1).decode("utf-8", "replace"), content.removesuffix(b"\r\n")
    return None


def answer(reply: Reply) -> Response:
    """A row's answer other than success."""
    given = error(reply.status, reply.words)
    if reply.wait is not None:
        given.headers["retry-after"] = str(int(reply.wait))
    return given


def no_file() -> Response:
    """What a bare body is answered with: the file has to be a field of a form."""
    return invalid("file", "Field required", "body")


def invalid(name: str, words: str, place: str) -> Response:
    """A 422 in the framework's own form, whose `detail` is a list."""
    return JSONResponse(
        {"detail": [{"loc": [place, name], "msg": words, "type": "value_error"}]}, 422
    )


def missing() -> Response:
    """A 404."""
    return error(404, "Document not found")


def error(status: int, detail: str) -> Response:
    """An error whose `detail` is a text."""
    return JSONResponse({"detail": detail}, status)
