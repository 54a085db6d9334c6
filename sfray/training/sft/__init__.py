"""Supervised fine-tuning on Ray Train and DeepSpeed.

stage.py       the stage: from traces to a trained model
data.py        traces as training rows, and the order in which they are seen
split.py       a step's rows as micro batches within a budget of tokens
batch.py       a micro batch as tensors
loss.py        its loss, whole or in pieces
checkpoint.py  what a training goes on from, also with fewer workers
loop.py        what each worker runs
probe.py       what a model must do for that to be right, tried first
speed.py       arithmetic that a step achieved
engine.py      DeepSpeed around a Hugging Face model
adapters.py    low-rank adapters in it
sizing.py      what a worker will hold in memory
"""
