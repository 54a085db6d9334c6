"""The third phase of pre-training: documents whose own parts lie far apart.

A response of a dozen attempts looks back over a thousand tokens to its question. The
second phase has seldom asked for that, so a model fine-tuned on traces of three and four
numbers lost the numbers of longer puzzles from attempt to attempt. Here the rows are as
long as the context; many more failed attempts of others lie between a question and the
assistant's attempt or reflection; numbers and answers are copied more often; and
reflections on puzzles of five and six numbers meet mostly attempts that fail, as they do
in use.
"""

from __future__ import annotations

from sfray.tiny.crowd import Crowding
from sfray.tiny.mix import Mix

_CROWDS = {2: 20, 4: 25, 6: 20, 9: 15, 12: 12, 16: 8}

DISTANT = Mix(
    kinds={"attempt": 44, "reflection": 36, "drill": 4, "lines": 3, "numbers": 6, "answer": 7},
    attempted_sizes={2: 4, 3: 34, 4: 26, 5: 21, 6: 15},
    reflected_sizes={2: 3, 3: 20, 4: 24, 5: 30, 6: 23},
    reflected={"hit": 38, "miss": 24, "slip": 10, "lapse": 14, "stray": 6, "repeat": 6, "blank": 2},
    reflected_many={"hit": 24, "miss": 26, "slip": 10, "lapse": 16, "stray": 10, "repeat": 12, "blank": 2},
    noise=0.0,
    crowded_attempts=Crowding(0.4, _CROWDS),
    crowded_reflections=Crowding(0.3, _CROWDS, between=True),
)
"""What the third phase reads."""
