"""What a program imports before it reads anything: pandas takes a third of a second."""

import subprocess
import sys

import pytest


@pytest.mark.alternate("start-up")
def test_pandas_is_not_imported_before_it_is_needed() -> None:
    program = "import sys, pipelines.assembly; sys.exit('pandas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
