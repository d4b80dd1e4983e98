"""`minimascope serve`: one line, page and API on one port, and nothing left after Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from backend.cli.serve import listen


def test_serve_prints_one_address_and_ctrl_c_stops_every_process(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "minimascope", "serve", "--port=0", "--workers=2"]
    command.append(f"--data={tmp_path}")
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout
    assert process.stderr
    try:
        url = process.stdout.readline().strip().removeprefix("minimascope: ")
        children = descendants(process.pid)
        pages = {path: httpx.get(url + path, timeout=60) for path in ("/", "/api/v1/analyses")}
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()
    assert (process.returncode, out, err) == (0, "", "")
    assert len(children) >= 3  # one for inspections, two for analyses
    assert [pid for pid in children if Path(f"/proc/{pid}").exists()] == []
    assert "text/html" in pages["/"].headers["content-type"]
    assert "items" in pages["/api/v1/analyses"].json()


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


def descendants(pid: int) -> list[int]:
    """Children of children too."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [each for child in found for each in (int(child), *descendants(int(child)))]
