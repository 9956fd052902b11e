"""``python -m poju``: the same as the command ``poju``."""

from poju.cli.main import main

main()
