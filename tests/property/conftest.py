"""Lets the tests of this folder import the helpers beside them, and those of tests/unit."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1] / "unit")]
