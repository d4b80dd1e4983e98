"""Every route of the API says who may call it; one that says nothing fails here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from starlette.routing import Mount

from backend.app import create_app
from backend.auth import permissions
from backend.http.origins import SAFE_METHODS
from minimascope.contract.settings import Settings

SCOPES = {"public", "guest", "read", "write", "admin", "worker", "metrics"}
# Whoever may only read still changes their own token for a new one.
OWN = "/me/tokens"
# What describes the API holds nothing of anybody's; whoever has a login sees it.
DESCRIPTIONS = {"/openapi.json", "/docs/assets"}
QUESTIONS = ("/slices", "/interpolations", "/descents")
UPLOADS = f"{permissions.__name__}._upload.<locals>.check"


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[RouteContext]]:
    app = create_app(Settings(data_dir=tmp_path_factory.mktemp("data")))
    api = next(r.app for r in app.routes if isinstance(r, Mount) and isinstance(r.app, FastAPI))
    yield list(iter_route_contexts(api.routes))
    app.state.services.close()


def operations(routes: list[RouteContext]) -> list[Any]:
    return [route for route in routes if isinstance(route.original_route, APIRoute)]


def declared(dependant: Dependant, above: tuple[str, ...] = ()) -> set[str]:
    """The scopes with which a route's dependencies ask `allowed`."""
    scopes = (*above, *(dependant.own_oauth_scopes or ()))
    found = set(scopes) if dependant.call is permissions.allowed else set[str]()
    return found.union(*(declared(each, scopes) for each in dependant.dependencies))


def asked(dependant: Dependant) -> set[Any]:
    """What all dependencies of a route call."""
    return {dependant.call}.union(*(asked(each) for each in dependant.dependencies))


def test_every_route_declares_one_scope(routes: list[RouteContext]) -> None:
    for route in operations(routes):
        scopes = declared(route.dependant)
        assert len(scopes) == 1, (route.path, scopes)
        assert scopes <= SCOPES
    others = {r.path for r in routes if not isinstance(r.original_route, APIRoute)}
    assert others == DESCRIPTIONS


def test_only_whoever_may_write_changes_anything(routes: list[RouteContext]) -> None:
    for route in operations(routes):
        if route.methods - SAFE_METHODS and not route.path.startswith(OWN):
            assert declared(route.dependant) <= {"write", "admin", "worker"}, route.path


def test_workers_have_their_own_routes_and_no_others(routes: list[RouteContext]) -> None:
    theirs = {route.path for route in operations(routes) if "worker" in declared(route.dependant)}
    assert theirs == {r.path for r in operations(routes) if r.path.startswith("/internal/")}


def test_only_probes_of_health_are_open_to_everybody(routes: list[RouteContext]) -> None:
    open_to_all = {r.path for r in operations(routes) if "public" in declared(r.dependant)}
    assert open_to_all == {"/health/live", "/health/ready"}


def test_every_route_about_one_thing_asks_whose_it_is(routes: list[RouteContext]) -> None:
    analyses = {permissions.reads_analysis, permissions.changes_analysis}
    for route in operations(routes):
        first = route.path.split("/")[1]
        if "{identifier}" not in route.path or first == "internal":
            continue
        calls = asked(route.dependant)
        if first == "analyses":
            assert calls & analyses, route.path
            changes = route.methods - SAFE_METHODS and not route.path.endswith(QUESTIONS)
            assert (permissions.changes_analysis in calls) == bool(changes), route.path
        elif first == "uploads":
            assert permissions.owns_transfer in calls
        else:
            names = {f"{each.__module__}.{each.__qualname__}" for each in calls if each}
            assert UPLOADS in names, route.path
