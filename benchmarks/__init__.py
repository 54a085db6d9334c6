"""What sfray costs: each module measures one thing, ``python -m benchmarks.<name>`` prints a table and JSON."""
