"""Webhooks in: signed HTTP requests become records of the services' input topics, unchanged."""
