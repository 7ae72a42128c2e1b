"""Serves the app: its pages, the files of its components, and headers that forbid browsers to contact other servers."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .component.assets import FOLDERS

__all__ = ["HEADERS", "middleware", "routes"]


def _hashes() -> str:
    """Returns hashes of the scripts in Streamlit's own page, for the content security policy."""
    page = (Path(st.__file__).parent / "static" / "index.html").read_text(encoding="utf-8")
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digests = (hashlib.sha256(script.encode()).digest() for script in scripts)
    return " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)


# Streamlit loads a component's script from a blob, and plotly.js and Streamlit set styles on elements.
_POLICY = {
    "default-src": "'self'",
    "script-src": f"'self' blob: {_hashes()}",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "media-src": "'self' data: blob:",
    "worker-src": "'self' blob:",
    "connect-src": "'self' data: blob:",
    "frame-src": "'self' data: blob:",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'self'",
}
HEADERS = {
    "content-security-policy": "; ".join(f"{name} {sources}" for name, sources in _POLICY.items()),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "cross-origin-opener-policy": "same-origin",
}
"""Headers of every answer."""


class _CachedFiles(StaticFiles):
    """Serves files whose URL contains their version, so that browsers need not request them again."""

    def __init__(self, directory: str, suffixes: tuple[str, ...]):
        super().__init__(directory=directory)
        self._suffixes = suffixes

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Returns the file if its kind is meant for browsers."""
        if not path.endswith(self._suffixes):
            return Response("Not Found", status_code=404)
        response = await super().get_response(path, scope)
        response.headers["cache-control"] = "public, max-age=31536000, immutable"
        return response


class _Headers:
    """Adds ``HEADERS`` to every answer.

    Args:
        app: the application within.
    """

    def __init__(self, app: ASGIApp):
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request."""

        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message["headers"]}
                more = ((name.encode(), value.encode()) for name, value in HEADERS.items())
                message["headers"] = [*message["headers"], *(header for header in more if header[0] not in present)]
            await send(message)

        await self._app(scope, receive, send_on if scope["type"] == "http" else send)


def routes() -> list[BaseRoute]:
    """Creates the routes of the components' files and of plotly.js.

    Returns:
        The routes.
    """
    return [
        Mount(f"{route}/{{version}}", _CachedFiles(str(folder), (".js", ".css")), name=route.strip("/"))
        for route, folder in FOLDERS.items()
    ]


def middleware() -> list[Middleware]:
    """Creates the middleware of the whole server.

    Returns:
        The middleware.
    """
    return [Middleware(_Headers)]
