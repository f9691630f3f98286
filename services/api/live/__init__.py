"""The live page: what runs, what happens, and how an entity came to be what it is, for a person in a browser."""
