"""What came of it: pass rates with intervals, skill use, quality before training, the report."""
