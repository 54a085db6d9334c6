"""Cognitive skills that a trace can show: one file for each, found by name.

    skill.py          the base class, and what a segment speaks of
    reflection.py     checks an attempt: the skill of the paper
    planning.py       says what an attempt is going to do
    decomposition.py  says what the question is made of
    backtracking.py   goes back to a step of a failed attempt
    passages.py       steps and results in a text, for the skills above
    registry.py       names -> classes

Pure: no model, no actor, no clock. ``docs/new_skill.md`` shows how to add one.
"""
