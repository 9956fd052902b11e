"""The figures of a landscape: one module for each question, pure functions over its events.

Every figure carries the ids of the ``events`` that it was counted from, so that a reader can open their sentences.
"""
