"""Keeps a lake of the version that is checked out: python3 tests/stack/run.py exec tests.golden.make v2

`tests/golden/v2/pipeline.yaml` with its SQL must be there; the rest of the folder is written.
"""

import shutil
import sys
from pathlib import Path

from tests.e2e.scenario import Scenario
from tests.golden import story
from tests.golden.folder import Folder
from tests.stack import Stack

HERE = Path(__file__).parent


def main(version: str) -> None:
    """Tells the story on a cloud of its own and keeps what it left."""
    folder = Folder(HERE / version)
    shutil.rmtree(folder.path / "objects", ignore_errors=True)
    with Stack(pipeline=folder.pipeline) as stack:
        scenario = Scenario(stack, story.STREAMS, story.VERSIONED)
        story.tell(scenario)
        for name in ("bridge", "lambda_host"):
            stack.kill(name)
        folder.save(scenario)


if __name__ == "__main__":
    main(sys.argv[1])
