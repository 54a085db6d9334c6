"""What an operator sees of a run at work: workers and their heartbeats, the watchdog, metrics and their dashboard."""
