"""The same real server as the REST journey's."""

from tests.service.backend.conftest import running as running
