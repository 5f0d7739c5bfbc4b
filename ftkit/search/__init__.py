"""Many trainings where a recipe asks for one: what to choose on held-out rows, and sweeps over recipe keys."""
