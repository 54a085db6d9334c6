"""What a run will cost, before it starts: rows, tokens, seconds and disk of each step, from a table of throughputs.

Pure, apart from reading the table: nothing here starts Ray or imports an engine.
"""
