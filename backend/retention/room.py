"""Before something is removed from a full disk: the room that is kept for it is given up."""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Receive, Scope, Send

from backend.storage.reserve import Reserve


class RoomForRemovals:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, *, reserve: Reserve) -> None:
        self._app, self._reserve = app, reserve

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "DELETE":
            await asyncio.to_thread(self._reserve.give_up)
        await self._app(scope, receive, send)
