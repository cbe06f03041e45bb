"""The only room that changes model files: quarantine, journal, run, recovery."""
