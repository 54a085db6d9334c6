#!/bin/bash
# Written by `sfray render slurm` for sbatch: 1 x 4 GPUs, 23 CPUs, 95 GiB (16 of them /dev/shm)
# step         units x GPUs = GPUs   idle
# attempts         4 x    1 =    4      0
# reflections      4 x    1 =    4      0
# traces           1 x    0 =    0      4
# sft              1 x    1 =    1      3
# eval_sft         4 x    1 =    4      0
# grpo             1 x    4 =    4      0
# eval_base        4 x    1 =    4      0
# eval_grpo        4 x    1 =    4      0
# deadline: 84 h = 4 x deploy.start_minutes of 30 + 81:23 h at most (6:24 h expected; throughputs: h100, 1.65B), in whole hours; or set deploy.hours
#SBATCH --job-name=sfray-countdown-1-5b
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=27
#SBATCH --gpus-per-node=4
#SBATCH --mem=108G
#SBATCH --tmp=94G
#SBATCH --time=3-12:00:00
#SBATCH --signal=B:TERM@210
#SBATCH --open-mode=append
#SBATCH --output=sfray-countdown-1-5b-%j.log
#SBATCH --exclusive
#SBATCH --requeue
set -eu

cd /shared/sfray
export PYTHONPATH="$PWD"
export RAY_TRAIN_V2_ENABLED=1
export TOKENIZERS_PARALLELISM=false
export TMPDIR="${SLURM_TMPDIR:-/tmp}"
# Not the folder that the Rays of all users share.
export RAY_TMPDIR="/tmp/sfray-$SLURM_JOB_ID"
# A token of this job's own: the head runs whatever anybody sends who reaches it.
export RAY_AUTH_MODE=token
RAY_AUTH_TOKEN=$(python -c 'import secrets; print(secrets.token_hex(32))')
export RAY_AUTH_TOKEN

# A refused config ends the job here, with status 2, before Ray starts.
python -m sfray.cli check experiment=paper/countdown_1.5b run.dir=/shared/runs

STATE=$(mktemp -d)
export STATE
# By number: many a node knows itself under a name that means its loopback device.
ADDRESS="$(hostname -I | cut -d ' ' -f 1):$((20000 + SLURM_JOB_ID % 10000))"
export ADDRESS
# The driver leaves its number and its status: `ray symmetric-run` passes no signal on to it, and ends with status 0
# where Ray did not start.
driver='RAY_ADDRESS="$ADDRESS" python -m sfray.cli run "$@" &
echo $! > "$STATE/pid"; wait $!; echo $? > "$STATE/status"'
RAY_SYMMETRIC_RUN_CLUSTER_WAIT_TIMEOUT=1800 srun --kill-on-bad-exit=1 --wait=120 \
    ray symmetric-run --address "$ADDRESS" --min-nodes 1 \
    --num-cpus=23 --num-gpus=4 --object-store-memory=3221225472 -- \
    bash -c "$driver" sfray experiment=paper/countdown_1.5b run.dir=/shared/runs &
step=$!
stopped=
stop() {
    stopped=1
    if [ -f "$STATE/pid" ]; then kill -TERM "$(cat "$STATE/pid")" || true; fi
}
trap stop TERM
# A signal ends `wait` before the step has ended.
until wait "$step"; do kill -0 "$step" 2>/dev/null || break; done

# Without a status the driver never started.
status=$(cat "$STATE/status" 2>/dev/null || echo 75)
rm -rf "$STATE"
# With status 2 the config must be corrected. Another try after anything else goes on where this one stopped.
if [ "$status" -ne 0 ] && [ "$status" -ne 2 ] && [ -z "$stopped" ] &&
    [ "${SLURM_RESTART_COUNT:-0}" -lt 3 ]; then
    scontrol requeue "$SLURM_JOB_ID"
fi
exit "$status"
