#!/bin/sh
# Prints the first Python that can run Poju (3.11 or later, and it really starts); says what to install where none can.
# A Python that can also make virtual environments is preferred; without one, prepare.py says which package is missing.
# PYTHON=/path/to/python in the environment comes before every other.
set -eu

recent='import sys; sys.exit(sys.version_info < (3, 11))'
complete='import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))'

for wanted in "$complete" "$recent"; do
  for candidate in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11 python /usr/bin/python3; do
    if "$candidate" -c "$wanted" >/dev/null 2>&1; then
      command -v "$candidate"
      exit 0
    fi
  done
done

{
  echo "poju: no Python 3.11 or later was found."
  echo "Install one (Debian 12 or later: apt-get install -y python3 python3-venv; Fedora: dnf install -y python3;"
  echo "macOS: brew install python), or name yours: make demo PYTHON=/path/to/python3"
} >&2
exit 1
