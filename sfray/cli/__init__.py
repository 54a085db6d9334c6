"""The ``sfray`` command: one file for each of its commands.

The files import what they work with inside their functions, so that ``sfray --help`` answers at once.
"""

from __future__ import annotations

import typer

from sfray.cli.check import check
from sfray.cli.compare import compare
from sfray.cli.doctor import doctor
from sfray.cli.export import export
from sfray.cli.gc import gc
from sfray.cli.import_ import import_
from sfray.cli.job import job
from sfray.cli.ls import ls
from sfray.cli.plan import plan
from sfray.cli.render import render
from sfray.cli.report import report
from sfray.cli.run import run
from sfray.cli.scaling import scaling
from sfray.cli.score import score
from sfray.cli.submit import submit
from sfray.cli.tune import tune
from sfray.cli.why import why

app = typer.Typer(help="SkillFactory on Ray.", no_args_is_help=True, add_completion=False)

for passing_on in (run, job, plan):
    app.command(context_settings={"ignore_unknown_options": True})(passing_on)
for command in (check, doctor, ls, why, gc, score, report, compare, scaling, export, render, submit, tune):
    app.command()(command)
app.command("import")(import_)
