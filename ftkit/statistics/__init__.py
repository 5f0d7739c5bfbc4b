"""From predictions to intervals, paired tests and a verdict in words; no torch."""
