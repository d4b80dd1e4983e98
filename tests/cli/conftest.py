"""The same real server as the REST journey's."""

from tests.backend.conftest import running as running
