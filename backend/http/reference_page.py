"""The API's own page: Swagger UI from local files, without a CDN and without inline scripts."""

from __future__ import annotations

from importlib.resources import files

from fastapi import APIRouter, FastAPI
from fastapi.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

router = APIRouter(include_in_schema=False)
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; font-src 'self'; frame-ancestors 'none'"
)
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>minimascope API</title>
<link rel="stylesheet" href="docs/assets/swagger-ui.css">
<link rel="icon" href="docs/assets/favicon.png"></head>
<body><div id="api"></div>
<script src="docs/assets/swagger-ui-bundle.js"></script><script src="docs/start.js"></script>
</body></html>"""
START = (
    'SwaggerUIBundle({url: "openapi.json", dom_id: "#api", deepLinking: true, validatorUrl: null})'
)


@router.get("/docs")
async def page() -> HTMLResponse:
    return HTMLResponse(PAGE, headers={"content-security-policy": POLICY})


@router.get("/docs/start.js")
async def start() -> Response:
    return Response(START, media_type="text/javascript")


def mount_assets(api: FastAPI) -> None:
    # Only its Swagger UI 5 files are used: version 4 and older do not know OpenAPI 3.1.
    assets = str(files("fastapi_offline") / "static")
    api.mount("/docs/assets", StaticFiles(directory=assets), name="reference")
