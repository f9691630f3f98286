"""The API: REST and WebSocket out of what the services folded."""
