"""SkillFactory on Ray: cognitive skills for language models by self-distillation.

The method is that of "SkillFactory: Self-Distillation For Learning Cognitive
Behaviors" (https://arxiv.org/abs/2512.04072).
"""

__version__ = "0.1.0"
