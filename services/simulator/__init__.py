"""A made-up upstream: operations (000) and executions (003) as the real one would send them, disorder included."""
