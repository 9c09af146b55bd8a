"""What was applied, for all tests that only look at it."""

from collections.abc import Iterator

import pytest

from tests.infra.local import Local
from tests.infra.observed import Watched, observed


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    """The fixture's two streams, applied; not to be changed."""
    local = Local(tmp_path_factory.mktemp("applied"))
    try:
        local.apply()
        yield local
    finally:
        local.close()


@pytest.fixture(scope="session")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with observed(tmp_path_factory.mktemp("observability")) as found:
        yield found
