"""What tests of Terraform share."""

from collections.abc import Iterator

import pytest

from tests.infra.observed import Watched, observed


@pytest.fixture(scope="session")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with observed(tmp_path_factory.mktemp("observability")) as found:
        yield found
