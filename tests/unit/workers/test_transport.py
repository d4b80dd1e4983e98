"""The folder transport between processes: every message arrives, whole and once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from minimascope.contract.settings import Settings
from minimascope.service.transport import celery_app, send, waiting

CONSUMER = """
import sys
from pathlib import Path
from queue import Empty
from minimascope.contract.settings import Settings
from minimascope.service.transport import celery_app
app = celery_app(Settings(data_dir=Path(sys.argv[1])))
with app.connection_for_read() as connection:
    queue = connection.SimpleQueue("analyses")
    while True:
        try:
            message = queue.get(timeout=3.0)
        except Empty:
            break
        print(message.payload[0][0])
        message.ack()
    queue.close()
"""
PRODUCER = """
import sys
from pathlib import Path
from minimascope.contract.settings import Settings
from minimascope.service.transport import celery_app, send
app = celery_app(Settings(data_dir=Path(sys.argv[1])))
for i in range(int(sys.argv[3])):
    send(app, f"{sys.argv[2]}-{i}", "analyses")
"""
ROOT = Path(__file__).parents[3]


def spawn(script: str, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)


def test_two_producers_and_two_consumers_lose_and_double_nothing(tmp_path: Path) -> None:
    count = 400
    consumers = [spawn(CONSUMER, str(tmp_path)) for _ in range(2)]
    producers = [spawn(PRODUCER, str(tmp_path), str(i), str(count)) for i in range(2)]
    assert [producer.communicate()[0] for producer in producers] == ["", ""]
    received = [line for consumer in consumers for line in consumer.communicate()[0].split()]
    assert sorted(received) == sorted(f"{i}-{j}" for i in range(2) for j in range(count))
    left = [path.name for path in (tmp_path / "broker" / "messages").iterdir()]
    assert left == []


def test_temporaries_are_no_messages(tmp_path: Path) -> None:
    app = celery_app(Settings(data_dir=tmp_path))
    (tmp_path / "broker" / "messages" / ".half.tmp").write_text("{")
    assert waiting(app, "analyses") == 0
    send(app, "a", "analyses")
    assert waiting(app, "analyses") == 1
    app.close()
