"""How it looks: one renderer a format, over one set of rows."""
