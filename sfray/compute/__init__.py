"""What a model's work takes, from its sizes: operations, bytes, and the hardware's peaks. Pure arithmetic.

shape.py       the sizes of a transformer that count
operations.py  floating-point operations of training
memory.py      bytes that a worker of SFT holds at most
hardware.py    peaks of accelerators
"""
