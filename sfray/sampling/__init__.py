"""Text from models: attempts and reflections, by vLLM actors on Ray Data."""
