"""What the verbs do. `cli/` only parses and prints; everything worth a test is here."""
