"""The same served pages as the browser tests'."""

from tests.browser.conftest import address as address
