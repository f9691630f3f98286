"""What the processes that speak HTTP share: listening, problem documents, counting requests, health."""
