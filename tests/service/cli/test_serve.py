"""`minimascope serve`: one line, page and API on one port, and nothing left after Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from backend.cli.serve import listen
from tests.servers.processes import await_true
from tests.servers.serve import Served, left

LIST = "/api/v1/analyses"


def test_serve_prints_one_address_and_ctrl_c_stops_every_process(tmp_path: Path) -> None:
    with Served(tmp_path, arguments=("--workers=2",)) as served:
        children = served.descendants()
        pages = {path: httpx.get(served.url + path, timeout=60) for path in ("/", LIST)}
        served.process.send(signal.SIGINT)
        out, status = served.process.output, served.process.wait()
    assert (status, out, served.process.log()) == (0, "", "")
    assert len(children) >= 3  # one for inspections, two for analyses
    await_true(lambda: not left(children), seconds=5, else_say=lambda: f"left: {left(children)}")
    # A worker that was told while it was starting leaves by itself: none has to be killed.
    logs = [each.read_text() for each in (tmp_path / "logs").glob("worker-*.log")]
    assert len(logs) == 3
    assert all("Warm shutdown" in each for each in logs if " ready." in each), logs
    assert "text/html" in pages["/"].headers["content-type"]
    assert "items" in pages[LIST].json()


def test_no_answer_waits_for_the_acknowledgement_of_its_first_part() -> None:
    async def accepted() -> bool:
        found = asyncio.get_running_loop().create_future()

        def met(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            own = writer.get_extra_info("socket")
            found.set_result(bool(own.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)))
            writer.close()

        with listen("127.0.0.1", 0) as listener:
            async with await asyncio.start_server(met, sock=listener):
                _, writer = await asyncio.open_connection(*listener.getsockname())
                try:
                    return await asyncio.wait_for(found, 10)
                finally:
                    writer.close()

    with ThreadPoolExecutor(1) as elsewhere:  # browser tests leave a loop running in this thread
        assert elsewhere.submit(lambda: asyncio.run(accepted())).result()
