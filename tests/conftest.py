"""What all tests share: assertions of helpers are explained like those of tests."""

import pytest

pytest.register_assert_rewrite("tests.e2e.scenario")
