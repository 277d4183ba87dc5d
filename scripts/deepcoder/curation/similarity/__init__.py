"""Which problems are the same: by statement (exact, near, contained) and by tests; every pair is decided exactly."""
