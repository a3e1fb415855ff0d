"""Where the local stack keeps things."""

from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
LOCAL = PROJECT / ".local"
BUILD = PROJECT / ".aws-sam" / "local"
STACK_FILE = LOCAL / "stack.json"
