import pytest
import yaml
from typer.testing import CliRunner

from sfray.cli import app
from sfray.cli.planning import jobs, replayed, sweep
from sfray.compose import CONF, composed
from sfray.store.artifact import Artifact
from sfray.store.folder import RunFolder


def test_jobs_of_a_sweep():
    assert jobs(["a=1,2", "b=c", "d=x,y"]) == [
        ["a=1", "b=c", "d=x"],
        ["a=1", "b=c", "d=y"],
        ["a=2", "b=c", "d=x"],
        ["a=2", "b=c", "d=y"],
    ]
    assert jobs(["run.seed=range(2)", "sample.variants=[plain,plan]"]) == [
        ["run.seed=0", "sample.variants=[plain,plan]"],
        ["run.seed=1", "sample.variants=[plain,plan]"],
    ]
    assert jobs([]) == [[]]


def test_runs_of_a_sweep_share_what_an_earlier_one_makes(tmp_path):
    first, second = sweep(["experiment=smoke", "method=skillfactory,rl_only", f"run.dir={tmp_path}"], CONF, "h100")
    assert [(p.run, len(p.made)) for p in (first, second)] == [("smoke-skillfactory", 12), ("smoke-rl_only", 3)]
    assert [s.name for s in second.steps if s.state == "shared"] == ["base", "questions", "eval_base"]


def test_the_command_prints_each_step_and_the_sum():
    done = CliRunner().invoke(app, ["plan", "-m", "experiment=smoke", "run.seed=0,1", "run.dir=/nonexistent/runs"])
    assert done.exit_code == 0, done.output
    assert done.output.count("eval_grpo") == 2
    assert "2 runs" in done.output
    assert "measured on" in done.output


def test_a_wrong_key_is_refused():
    done = CliRunner().invoke(app, ["plan", "experiment=smoke", "sample.m=3"])
    assert done.exit_code != 0


def test_a_finished_run_is_planned_as_if_it_were_new(tmp_path):
    run = RunFolder(tmp_path / "smoke")
    run.path.mkdir()
    raw = composed(["experiment=smoke", f"run.dir={tmp_path}"])
    run.config.write_text(yaml.safe_dump(raw))
    made = Artifact(run.place("sample", "f"), "sample", {}, {})
    made.open()
    made.commit({"rows": 256, "tokens": 9000, "correct": 50})
    run.link("attempts", made.path)
    ((name, planned, took),) = replayed(run.path, "h100")
    assert (name, took) == ("attempts", made.manifest.seconds)
    assert 10 < planned < 20  # nearly all of it is the start of the engines
    done = CliRunner().invoke(app, ["plan", "--beside", str(run.path)])
    assert done.exit_code == 0
    assert "attempts" in done.output


def test_a_folder_without_a_config_has_no_plan(tmp_path):
    with pytest.raises(ValueError, match=r"no config\.yaml of a run is here"):
        replayed(tmp_path, "h100")
