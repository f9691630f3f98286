"""The machine that every folding service runs on: read, fold, append, publish, apply, commit, recover."""
