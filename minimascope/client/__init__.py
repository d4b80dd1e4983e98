"""The REST API from Python: `Client` for scripts, `AsyncClient` for event loops."""

from minimascope.client.async_client import AsyncClient
from minimascope.client.client import Client

__all__ = ["AsyncClient", "Client"]
