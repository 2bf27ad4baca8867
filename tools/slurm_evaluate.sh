#!/usr/bin/env bash
# Evaluates under Slurm, one task per GPU.
set -euo pipefail

if (($# < 3)); then
    cat >&2 <<USAGE
Usage: bash $0 PARTITION JOB_NAME CHECKPOINT [ARGS of evaluate.py ...]
Environment: GPUS (8), GPUS_PER_NODE (8, at most GPUS), CPUS_PER_TASK (5), SRUN_ARGS (more options of srun).
USAGE
    exit 2
fi
partition=$1
job_name=$2
checkpoint=$3
shift 3

tools=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tools/misc/srun.sh
source "$tools/misc/srun.sh"
run_srun "$partition" "$job_name" "$tools/evaluate.py" "$checkpoint" "$@"
