"""Every environment variable the product reads, and nothing else reads the environment."""

from __future__ import annotations

from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Settings(BaseSettings):
    """Read from `MINIMASCOPE_*`; the defaults are the embedded mode (one machine, no services).

    Empty URLs mean the embedded default under `data_dir`: SQLite, a folder as message broker and
    a folder as artifact store.
    """

    model_config = SettingsConfigDict(env_prefix="MINIMASCOPE_")

    data_dir: Path = Path("~/.local/share/minimascope")
    host: str = "127.0.0.1"
    port: int = 8717
    broker_url: str = ""
    database_url: str = ""
    store_url: str = ""
    api_url: str = ""
    token: str = ""
    worker_token: str = ""
    lease_seconds: float = 15.0
    job_seconds: float = 3600.0
    inspect_wait_seconds: float = 20.0
    max_upload_bytes: int = 4 << 30
    demo_dir: Path | None = None  # the shipped ones
    transfer_seconds: float = 24 * 3600.0
    quota_bytes: int = 256 << 30
    uploads_per_minute: int = 600
    audit_days: float = 90.0
    # Retention of analyses; 0: for ever, without limit.
    keep_days: float = 0.0
    keep_bytes: int = 0
    stuck_seconds: float = 60.0
    log_format: Literal["text", "json"] = "text"
    # OpenTelemetry's own name: its SDK reads the rest of OTEL_* itself.
    otel_endpoint: str = Field(default="", validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT")

    def serves_others(self) -> bool:
        """True where the server listens beyond loopback, or this worker serves one elsewhere."""
        hosts = [self.host, urlsplit(self.api_url).hostname or "127.0.0.1"]
        return any(host not in LOOPBACK for host in hosts)

    def folder(self) -> Path:
        """The data folder, home expanded."""
        return self.data_dir.expanduser()
