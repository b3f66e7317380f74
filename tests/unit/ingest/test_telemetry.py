import os
import subprocess
import sys

import pytest

_SCRIPT = """
import os
import numpy
before = len(os.listdir("/proc/self/task"))
import ingest.embedding.bert
print(len(os.listdir("/proc/self/task")) - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted in /proc")
def test_the_model_runtime_reports_nothing_to_its_maker() -> None:
    environ = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    ran = subprocess.run(
        [sys.executable, "-c", _SCRIPT], env=environ, capture_output=True, text=True, check=True, timeout=60
    )
    # Its telemetry would be a thread.
    assert ran.stdout == "0\n"
