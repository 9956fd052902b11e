"""Reads Synthea's bundles into a ``Workload``; what they lack is generated, with an answer key, and said."""
