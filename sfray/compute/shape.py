"""The sizes of a transformer that decide what its training takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Shape:
    """A dense decoder with gated MLPs, as Llama's and Qwen's are.

    Attributes:
        parameters: Weights; tied ones count once.
        layers: Of attention and MLP.
        hidden: Width of the residual stream.
        queries: Width of all query heads together.
        keys: Width of all key heads together; values have the same.
        intermediate: Width of the MLP.
        vocabulary: Rows of the embedding, columns of the logits.
        tied: Whether input and output embedding are one matrix.
    """

    parameters: int
    layers: int
    hidden: int
    queries: int
    keys: int
    intermediate: int
    vocabulary: int
    tied: bool

    @property
    def body(self) -> int:
        """Weights beside the embeddings: those that every token is multiplied with, and the few of norms and biases."""
        return self.parameters - (1 if self.tied else 2) * self.vocabulary * self.hidden

    @classmethod
    def of(cls, config: Any, parameters: int) -> Shape:
        """The sizes in a configuration of ``transformers``.

        Raises:
            AttributeError: It lacks one of them, as that of another kind of model does.
        """
        text = config.get_text_config()
        heads = text.num_attention_heads
        width = getattr(text, "head_dim", None) or text.hidden_size // heads
        return cls(
            parameters=parameters,
            layers=text.num_hidden_layers,
            hidden=text.hidden_size,
            queries=heads * width,
            keys=(getattr(text, "num_key_value_heads", None) or heads) * width,
            intermediate=getattr(text, "intermediate_size", None) or 4 * text.hidden_size,
            vocabulary=text.vocab_size,
            tied=bool(text.tie_word_embeddings),
        )
