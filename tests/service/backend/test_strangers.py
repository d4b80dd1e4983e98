"""What strangers send: each is refused in one sentence, and nothing that is kept suffers."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from backend.http import body_limits as bodies
from backend.http import connections as wire
from minimascope.contract.schemas import ProblemDocument
from tests.servers.in_thread import in_thread

GOOD = b"what is kept"
STALL = 0.4
OFFSET = {"content-type": "application/offset+octet-stream"}


@dataclass(frozen=True)
class Door:
    """A real server on a real port."""

    port: int
    client: httpx.Client
    service: Any

    def raw(self, *parts: bytes, pause: float = 0.0) -> tuple[int, dict[str, Any]]:
        """Sends the parts as they are; the status and document of the answer."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10.0) as connection:
            for part in parts:
                connection.sendall(part)
                time.sleep(pause)
            answer = b""
            while part := connection.recv(65536):
                answer += part
        head, _, body = answer.partition(b"\r\n\r\n")
        assert b"content-type: application/problem+json" in head.lower(), answer
        return int(head.split()[1]), json.loads(body)


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bodies, "STALL_SECONDS", STALL)
        patch.setattr(wire, "HEADER_SECONDS", STALL)
        with in_thread(tmp_path_factory.mktemp("data"), inspect_wait_seconds=0) as found:
            base = f"{found.url}/api/v1"
            with httpx.Client(base_url=base, timeout=20) as client:
                yield Door(found.port, client, found.service)


@pytest.fixture(autouse=True)
def nothing_suffers(door: Door, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Before and after each attack the same upload is there, and no fault was logged."""
    digest = hashlib.sha256(GOOD).hexdigest()
    door.client.post("/datasets", params={"name": "good"}, content=GOOD)
    yield
    assert door.client.get(f"/datasets/{digest}").json()["name"] == "good"
    assert door.service.store.blob(digest).read_bytes() == GOOD
    faults = [each for each in caplog.records if each.levelno >= logging.ERROR]
    assert faults == [], faults


def refused(answer: httpx.Response, status: int, code: str) -> ProblemDocument:
    assert (answer.status_code, answer.json().get("code")) == (status, code), answer.text[:500]
    assert answer.headers["content-type"] == "application/problem+json"
    problem = ProblemDocument.model_validate(answer.json())
    assert problem.sentence
    assert "\n" not in problem.sentence
    assert len(problem.sentence) < 400
    return problem


HEAD = b"POST /api/v1/datasets HTTP/1.1\r\nHost: 127.0.0.1\r\n"


@pytest.mark.parametrize(
    "request_",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",  # TLS
        b"GET\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",  # no Host
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"a" * 1_000_000 + b"\r\n\r\n",
        HEAD + b"Content-Length: -1\r\n\r\n",
        HEAD + b"Content-Length: many\r\n\r\n",
        HEAD + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        HEAD + b"Transfer-Encoding: gzip\r\n\r\n",
    ],
    ids=lambda sent: repr(sent[-24:]),
)
def test_what_is_no_http_is_refused_in_words(door: Door, request_: bytes) -> None:
    status, document = door.raw(request_)
    assert (status, document["code"]) == (400, "not_http")


@pytest.mark.parametrize(
    ("parts", "pause"),
    [
        ([b""], 0.0),  # a connection that says nothing
        ([b"GET / HTTP/1.1\r\nHo"], 0.0),
        ([b"GET / HTTP/1.1\r\n", b"Host: 127.0.0.1\r\n", b"A: a\r\n", b"B: b\r\n"], STALL / 3),
    ],
    ids=["silent", "half a header", "a header now and then"],
)
def test_headers_have_to_come(door: Door, parts: list[bytes], pause: float) -> None:
    status, document = door.raw(*parts, pause=pause)
    assert (status, document["code"]) == (408, "too_slow")


def arriving(service: Any) -> list[Path]:
    """Files that are half received."""
    folder = service.settings.folder() / "store" / "incoming"
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_body_has_to_come_and_leaves_nothing_where_it_does_not(door: Door) -> None:
    status, document = door.raw(HEAD + b"Content-Length: 1000\r\n\r\n", b"ten bytes.")
    assert (status, document["code"]) == (408, "too_slow")
    assert not arriving(door.service)
    plan = b"POST /api/v1/plans HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\n{"
    status, document = door.raw(plan)
    assert (status, document["code"]) == (408, "too_slow")


def test_a_body_that_comes_slowly_but_comes_is_taken(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "LEAST_BYTES", 2)
    digest = hashlib.sha256(b"abcdefgh").hexdigest()
    with socket.create_connection(("127.0.0.1", door.port), timeout=10.0) as connection:
        connection.sendall(HEAD + b"Content-Length: 8\r\n\r\n")
        for letter in (b"ab", b"cd", b"ef", b"gh"):  # in all longer than it may stall
            time.sleep(STALL / 2)
            connection.sendall(letter)
        assert connection.recv(65536).startswith(b"HTTP/1.1 202")
    assert door.client.get(f"/datasets/{digest}").json()["size"] == 8


def made(door: Door, length: int) -> str:
    answer = door.client.post("/uploads", headers={"upload-length": str(length)})
    return answer.headers["location"].removeprefix("/api/v1")


def test_a_piece_that_stalls_gives_the_transfer_free_with_what_came(door: Door) -> None:
    place = made(door, 8)
    head = f"PATCH /api/v1{place} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 8\r\n"
    head += f"Upload-Offset: 0\r\nContent-Type: {OFFSET['content-type']}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", door.port), timeout=10.0) as connection:
        connection.sendall(head.encode() + b"abc")
        # A phone that left its network: nothing more comes, and no end either.
        assert connection.recv(65536).startswith(b"HTTP/1.1 204")
    assert door.client.head(place).headers["upload-offset"] == "3"
    rest = door.client.patch(place, content=b"defgh", headers={**OFFSET, "upload-offset": "3"})
    assert rest.status_code == 204
    assert door.client.get(place).json()["upload"] == hashlib.sha256(b"abcdefgh").hexdigest()


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"upload-length": "-1"}, 422, "invalid_request"),
        ({"upload-length": "0"}, 422, "invalid_request"),
        ({"upload-length": "much"}, 422, "invalid_request"),
        ({"upload-length": "9" * 30}, 413, "too_large"),
        ({"upload-length": "9" * 5000}, 422, "invalid_request"),
        ({}, 422, "invalid_request"),
        ({"upload-defer-length": "1"}, 422, "invalid_request"),
        ({"upload-length": "3", "upload-metadata": "kind *"}, 422, "invalid_metadata"),
        ({"upload-length": "3", "upload-metadata": "kind L2V0Yw=="}, 422, "invalid_metadata"),
        ({"upload-length": "3", "upload-metadata": "filename 7aCA"}, 422, "invalid_metadata"),
        ({"upload-length": "3", "tus-resumable": "0.2.2"}, 412, "wrong_tus_version"),
    ],
)
def test_transfers_that_cannot_be_are_not_made(
    door: Door, headers: dict[str, str], status: int, code: str
) -> None:
    refused(door.client.post("/uploads", headers=headers), status, code)


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"upload-offset": "1"}, 409, "wrong_offset"),
        ({"upload-offset": "-1"}, 422, "invalid_request"),
        ({"upload-offset": "9" * 30}, 409, "wrong_offset"),
        ({}, 422, "invalid_request"),
        ({"upload-offset": "0", "upload-checksum": "sha256 AAAA"}, 460, "checksum_mismatch"),
        ({"upload-offset": "0", "upload-checksum": "sha256 *"}, 400, "invalid_checksum"),
        ({"upload-offset": "0", "upload-checksum": "md5 AAAA"}, 400, "invalid_checksum"),
        ({"upload-offset": "0", "content-type": "text/plain"}, 415, "wrong_content_type"),
        ({"upload-offset": "0", "tus-resumable": "2.0.0"}, 412, "wrong_tus_version"),
    ],
)
def test_a_wrong_piece_changes_nothing(
    door: Door, headers: dict[str, str], status: int, code: str
) -> None:
    place = made(door, 3)
    refused(door.client.patch(place, content=b"abc", headers={**OFFSET, **headers}), status, code)
    assert door.client.head(place).headers["upload-offset"] == "0"
    good = door.client.patch(place, content=b"abc", headers={**OFFSET, "upload-offset": "0"})
    assert good.status_code == 204


def test_more_than_was_announced_is_refused(door: Door) -> None:
    answer = door.client.patch(
        made(door, 3), content=b"abcd", headers={**OFFSET, "upload-offset": "0"}
    )
    refused(answer, 413, "too_large")


REQUEST = {"checkpoint": "c" * 64, "train": "t" * 64}


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
        b"",
        b"null",
        b"[]",
        b"{",
        b'{"checkpoint": "\xff\xfe"}',
        b'{"parameters": {"seed": ' + b"9" * 5000 + b"}}",
        json.dumps({**REQUEST, "name": "x" * 201}).encode(),
        json.dumps({**REQUEST, "name": "\ud800"}).encode(),
        json.dumps({**REQUEST, "parameters": {"weight_decay": float("nan")}}).encode(),
        json.dumps({**REQUEST, "parameters": {"weight_decay": float("inf")}}).encode(),
        json.dumps({**REQUEST, "parameters": {"seed": 2**70}}).encode(),
        json.dumps({**REQUEST, "parameters": {"lambdas": [1e-3] * 100_000}}).encode(),
        json.dumps({**REQUEST, "parameters": {"architecture": {"family": "\ud800"}}}).encode(),
        json.dumps({**REQUEST, "unknown": 1}).encode(),
        json.dumps({**REQUEST, "checkpoint": "../../etc/passwd"}).encode(),
        json.dumps({**REQUEST, "checkpoint": "a\0b"}).encode(),
    ],
    ids=lambda sent: repr(sent[:40]),
)
def test_json_that_is_none_or_too_much_is_refused(door: Door, body: bytes) -> None:
    kind = {"content-type": "application/json"}
    for path in ("/analyses", "/plans"):
        answer = door.client.post(path, content=body, headers=kind)
        assert 400 <= answer.status_code < 500
        refused(answer, answer.status_code, answer.json()["code"])


@pytest.mark.parametrize("chunked", [False, True])
def test_ten_megabytes_of_json_are_refused_and_the_client_hears_of_it(
    door: Door, chunked: bool
) -> None:
    body = json.dumps({**REQUEST, "name": "x" * 10_000_000}).encode()
    for _ in range(5):  # an answer that is lost is lost sometimes
        pieces = (body[at : at + 65536] for at in range(0, len(body), 65536))
        answer = door.client.post("/analyses", content=pieces if chunked else body)
        refused(answer, 413, "body_too_large")


def test_what_is_left_of_a_refused_body_is_not_read_for_ever(door: Door, monkeypatch) -> None:
    monkeypatch.setattr(bodies, "DISCARD_SECONDS", 0.3)
    head = f"POST /api/v1/analyses HTTP/1.1\r\nHost: 127.0.0.1:{door.port}\r\n"
    began = time.monotonic()
    status, document = door.raw(f"{head}Content-Length: 900000000\r\n\r\nbegun".encode())
    assert (status, document["code"]) == (413, "body_too_large")
    assert time.monotonic() - began < 5


def test_a_client_that_asks_first_is_refused_at_once(door: Door) -> None:
    head = f"POST /api/v1/analyses HTTP/1.1\r\nHost: 127.0.0.1:{door.port}\r\n"
    expecting = "Expect: 100-continue\r\nContent-Length: 900000000\r\n\r\n"
    began = time.monotonic()
    status, document = door.raw((head + expecting).encode())
    assert (status, document["code"]) == (413, "body_too_large")
    assert time.monotonic() - began < bodies.DISCARD_SECONDS


@pytest.mark.parametrize(
    "path",
    [
        "/../../../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/analyses/..%2f..%2fetc%2fpasswd",
        "/analyses/%ff%fe",
        "/analyses/%ed%a0%80/report",
        "/analyses/a%0d%0aX-Evil:1",
        "/analyses/" + "a" * 5000,
        "/analyses/" + "ab" * 16 + "/arrays/..%2freport",
        "/analyses/" + "ab" * 16 + "/arrays/report.json",
        "/checkpoints/%E2%80%AE",
        "/datasets/" + "AB" * 32,
        "/uploads/..%2f..%2fblobs",
        "//etc/passwd",
        "/docs/..%2f..%2f..%2fsetup.py",
    ],
)
def test_no_path_leads_out(door: Door, path: str) -> None:
    target = f"/api/v1{path}"
    head = f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    status, document = door.raw(head.encode())
    assert status in (404, 422)
    assert document["sentence"]


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "localhost.", "127.0.0.1@evil.example", "[::1", ""],
)
def test_other_names_of_this_machine_are_refused(door: Door, host: str) -> None:
    refused(door.client.get("/analyses", headers={"host": host}), 421, "wrong_host")


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "http://[",
        "http://127.0.0.1:1",
        "http://127.0.0.1.evil",
    ],
)
def test_pages_of_other_sites_change_nothing(door: Door, origin: str) -> None:
    # What a form or a script of another page can send without asking first.
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        headers = {"origin": origin, "content-type": kind}
        answer = door.client.post("/datasets", content=b"evil", headers=headers)
        refused(answer, 403, "wrong_origin")
    evil = hashlib.sha256(b"evil").hexdigest()
    assert door.client.get(f"/datasets/{evil}").status_code == 404


def test_query_and_headers_of_any_text_are_no_fault(door: Door) -> None:
    name = base64.b64encode("\u202egpj.exe".encode()).decode()
    for query in (
        *("?cursor=%00", "?cursor=" + "A" * 3000, f"?cursor={name}"),
        *("?limit=9999999999999999999999", "?state=%F0%9F%92%A9"),
        *("?q=%ed%a0%80", "?q=" + "%25" * 66),
    ):
        assert door.client.get(f"/analyses{query}").status_code in (200, 400, 422)
    for header in ("if-none-match", "last-event-id", "accept", "idempotency-key", "x-share-key"):
        answer = door.client.get("/analyses", headers={header: b"\xff\xfe;q=;,,\"'"})
        assert answer.status_code == 200


def test_whoever_is_still_sending_when_the_server_stops_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(bodies, "STALL_SECONDS", 60.0)
    with in_thread(tmp_path, inspect_wait_seconds=0) as found:
        with socket.create_connection(("127.0.0.1", found.port), timeout=10.0) as connection:
            connection.sendall(HEAD + b"Content-Length: 1000\r\n\r\nabc")
            time.sleep(0.2)
            found.server.should_exit = True
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 503")
        assert b'"code":"stopping"' in answer
        assert not arriving(found.service)
    assert [each for each in caplog.records if each.exc_info] == []
    caplog.clear()
