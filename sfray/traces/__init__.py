"""From judged attempts and reflections to silver traces.

    pool.py        which pairs of a question may be used
    recipes.py     which pairs go together, in which order: pure functions by name
    drawing.py     drawing again what does not fit, by the same law
    planning.py    both for one question: from its rows to its plans
    placing.py     the segments of other skills: which, and where
    format.py      the words around them
    build.py       all of it for one question, for one shard
    builder.py     many shards at once: the TraceBuilder actors and the stage
    statistics.py  what a trace set looks like, and how often it is wrong

Everything but ``builder.py`` is pure: no actors, no model, no clock.
"""
