"""A real Kafka and a real Redis-compatible server for people without Docker, from wheels and a Maven repository."""
