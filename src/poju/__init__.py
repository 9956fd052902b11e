"""Poju 破局: survey → fit → open → run ⇄ improve → prove → support → open the next."""

__version__ = "0.1.0"
