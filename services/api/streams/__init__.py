"""The streams that the API serves: strategy status as source 004 has it, and an agent's messages as 002 has them.

What is told to subscribers comes from the logs alone, so that it is the same in every process and after a restart.
"""
