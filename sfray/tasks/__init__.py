"""The tasks: where questions come from, and what a right answer is."""
