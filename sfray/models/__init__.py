"""Models as plain Hugging Face folders: find one, talk to it through its chat template, prove that it works."""

from __future__ import annotations

from sfray.models.adapters import adapter_parameters, target_faults
from sfray.models.configuration import logits_faults
from sfray.models.control import control_token
from sfray.models.error import ModelError
from sfray.models.folder import EMBEDDED, TINY, Folder, anywhere, check_folder, named, resolve
from sfray.models.generation import load_generation_config
from sfray.models.template import chat_template_hash, check_rendering, prompt_ids, prompt_text
from sfray.models.tokenizer import load_tokenizer, token_ids
from sfray.models.trial import Trial, try_model
from sfray.models.weights import parameters

__all__ = [
    "EMBEDDED",
    "TINY",
    "Folder",
    "ModelError",
    "Trial",
    "adapter_parameters",
    "anywhere",
    "chat_template_hash",
    "check_folder",
    "check_rendering",
    "control_token",
    "load_generation_config",
    "load_tokenizer",
    "logits_faults",
    "named",
    "parameters",
    "prompt_ids",
    "prompt_text",
    "resolve",
    "target_faults",
    "token_ids",
    "try_model",
]
