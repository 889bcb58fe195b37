"""The pages: each has PATH, NAME, TITLE, layout() and register(app, engine)."""
