"""What all tests share."""

import os
import signal

import pytest

# `make test-stack` has built everything once; a stack need not ask Cargo again.
os.environ.setdefault("FOZ_BUILD", "0")

# Tables of tests are small, and would be written anew by each image: so that deltas are what readers read.
os.environ.setdefault("FOZ_REWRITE_BELOW", "0")

# Assertions of helpers are explained like those of tests.
pytest.register_assert_rewrite("tests.e2e.scenario")


def pytest_configure() -> None:
    """Ended from outside, a run still stops what it started, as after Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
