"""Starts the supervisor. Run by path, without site-packages, to use little memory."""

import sys
from pathlib import Path

# After the standard library, so that no module beside luma_rag can shadow one of it.
sys.path.append(str(Path(__file__).resolve().parents[3]))

from luma_rag.db.supervisor.supervision import main

if __name__ == "__main__":
    main(sys.argv[1:])
