"""What all tests share."""

import os

import pytest

# `make test-stack` has built everything once; a stack need not ask Cargo again.
os.environ.setdefault("FOZ_BUILD", "0")

# Assertions of helpers are explained like those of tests.
pytest.register_assert_rewrite("tests.e2e.scenario")
