"""What the YAML means: schema, loader, matching, round-trip edits."""
