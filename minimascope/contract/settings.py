"""Every environment variable the product reads, and nothing else reads the environment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from minimascope.contract.problems import ProblemError

LOOPBACK = ("127.0.0.1", "::1", "localhost")


def _invalid(error: ValidationError) -> ProblemError:
    first = error.errors()[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    variable = name if name.isupper() else f"MINIMASCOPE_{name.upper()}"
    given = repr(first.get("input"))[:80]
    return ProblemError("invalid_setting", f"{variable} = {given}: {first['msg']}.")


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
    metrics_token: str = ""
    mcp_token: str = ""
    lease_seconds: float = 15.0
    job_seconds: float = 3600.0
    inspect_wait_seconds: float = 20.0
    max_upload_bytes: int = 4 << 30
    demo_dir: Path | None = None  # the shipped ones
    transfer_seconds: float = 24 * 3600.0
    quota_bytes: int = 256 << 30
    # Of one person, where an admin gave no other limit.
    person_quota_bytes: int = 64 << 30
    uploads_per_minute: int = 600
    # How long new tokens and shared links are good; 0: a token without an end.
    token_days: Annotated[float, Field(ge=0, le=36500)] = 365.0
    share_days: Annotated[float, Field(gt=0, le=3650)] = 30.0
    # Addresses of proxies whose X-Forwarded-For is believed, separated by commas.
    proxies: str = ""
    audit_days: float = 90.0
    # Retention of analyses; 0: for ever, without limit.
    keep_days: float = 0.0
    keep_bytes: int = 0
    stuck_seconds: float = 60.0
    # After the last request of a person workers keep no child ready.
    rest_seconds: float = 600.0
    log_format: Literal["text", "json"] = "text"
    # OpenTelemetry's own name: its SDK reads the rest of OTEL_* itself.
    otel_endpoint: str = Field(default="", validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT")

    def __init__(self, **given: Any) -> None:
        """Raises ProblemError `invalid_setting`, which names the variable."""
        try:
            super().__init__(**given)
        except ValidationError as error:
            raise _invalid(error) from error

    def serves_others(self) -> bool:
        """True where the server listens beyond loopback, or this worker serves one elsewhere."""
        hosts = [self.host, urlsplit(self.api_url).hostname or "127.0.0.1"]
        return any(host not in LOOPBACK for host in hosts)

    def folder(self) -> Path:
        """The data folder, home expanded."""
        return self.data_dir.expanduser()
