"""The embedded tiny base model: pre-trained from scratch by this project, for tests and tutorials."""

from pathlib import Path

MODEL_DIR = Path(__file__).parent / "model"
"""A Hugging Face folder: Qwen2 weights, tokenizer, chat template and model card; ``nano`` beside it is smaller."""
