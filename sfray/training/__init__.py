"""Training: supervised fine-tuning on Ray Train + DeepSpeed, and GRPO on verl."""
