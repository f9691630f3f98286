"""Connectors: clients of other people's streams (002, 004), which bring them into input topics."""
