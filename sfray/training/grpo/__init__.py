"""GRPO in verl: its data, its command line, its process, and the model that comes out.

stage.py      the stage: from questions and a model to a trained model
data.py       the questions as the Parquet files that verl reads
overrides.py  verl's command line
main.py       the process that runs verl
process.py    starts, watches and ends that process
trainer.py    verl's trainer, with what follows added to each step
guard.py      stops a run whose rollouts are of other weights than the actor's
waste.py      padded positions, and rollouts that wait for the longest
rollouts.py   one seed for each rollout
reward.py     the 0/1 reward that verl calls
replay.py     verl's replay buffer, stopped by a failed rollout
probe.py      a right and a wrong answer through template and reward, before training
metrics.py    verl's step records
export.py     from verl's checkpoint to a plain model folder
failure.py    what to tell a person when verl failed
verl_cpu/     verl on machines without an accelerator
"""
