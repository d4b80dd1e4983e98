"""The REST API from Python, for scripts: every call of one server.

Every refusal is a `ProblemError` of one sentence.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from minimascope.client.analyses import Analyses, Told
from minimascope.client.files import Files
from minimascope.client.reports import Reports

if TYPE_CHECKING:
    from minimascope.results.result import Result


class Client(Files, Analyses, Reports):
    """One server, e.g. `Client("http://127.0.0.1:8717")`; use it as a context, or `close` it.

    token: of a server that asks who you are. retries: how often a call that changes nothing twice
    is sent again where a connection breaks. transport: `httpx`'s, to stay inside one process; that
    of `httpx.ASGITransport` buffers, so that `events` needs a real server.
    """

    def analyze(
        self,
        model: Any,
        data: Any = None,
        criterion: Any = None,
        optimizer: Any = None,
        *,
        test: Any = None,
        forward: Callable[[Any, Any], Any] | None = None,
        name: str = "",
        run: str | None = None,
        step: int | None = None,
        progress: Told | None = None,
        **told: Any,
    ) -> Result:
        """`minimascope.analyze` on a worker of the server: model and data are sent there.

        What is read of model, criterion and optimiser is the same, and so are the numbers. The
        model goes as a program of plain operators (`minimascope.export`), and no code of yours
        runs on the server. `device="cuda"` asks for a worker with a GPU.

        Raises ProblemError as `minimascope.analyze` does; criterion_unusable for a function of your
        own, model_unusable for several inputs, and where the analysis failed, why.

        >>> report = client.analyze(model, loader, criterion, optimizer, test=test_loader)
        >>> print(report)
        """
        from minimascope.training.sending import analyzed

        given = (model, data, criterion, optimizer, test, forward)
        return analyzed(self, given, told, name=name, run=run, step=step, progress=progress)
