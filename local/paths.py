"""Where the local stack keeps things."""

import os
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
# Tools that `make` brings; `make run` keeps its state here too unless LOCAL_STATE names a folder.
LOCAL = PROJECT / ".local"
STATE = Path(os.environ.get("LOCAL_STATE") or LOCAL).absolute()
BUILD = PROJECT / ".aws-sam" / "local"
STACK_FILE = STATE / "stack.json"
