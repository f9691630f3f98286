"""Executions: the share of one participant in an operation (source 003)."""
