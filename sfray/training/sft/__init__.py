"""Supervised fine-tuning on Ray Train and DeepSpeed.

stage.py   the stage: from traces to a trained model
data.py    traces as training rows, and the order in which they are seen
split.py   a step's rows as micro batches within a budget of tokens
batch.py   a micro batch as tensors, and its loss
loop.py    what each worker runs
engine.py  DeepSpeed around a Hugging Face model
"""
