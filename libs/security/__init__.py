"""Who may say what: signatures, tokens, scopes. Pure."""
