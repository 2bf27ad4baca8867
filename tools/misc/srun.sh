# shellcheck shell=bash
# Sourced by slurm_train.sh, slurm_test.sh and slurm_evaluate.sh.

# run_srun PARTITION JOB_NAME SCRIPT [ARGS ...]: runs the script under srun, one task per GPU, with --launcher slurm.
run_srun() {
    local partition=$1 job_name=$2 script=$3
    shift 3
    local gpus=${GPUS:-8}
    local gpus_per_node=${GPUS_PER_NODE:-$((gpus < 8 ? gpus : 8))}
    local srun_args=()
    read -ra srun_args <<<"${SRUN_ARGS:-}"

    # A job that Slurm requeued goes on from its last checkpoint.
    if [[ $script == */train.py && ${SLURM_RESTART_COUNT:-0} -gt 0 ]]; then
        set -- "$@" --resume
    fi

    local status=0
    PYTHONPATH=$(dirname "$(dirname "$script")")${PYTHONPATH:+:$PYTHONPATH} srun \
        --partition="$partition" \
        --job-name="$job_name" \
        --gres="gpu:$gpus_per_node" \
        --ntasks="$gpus" \
        --ntasks-per-node="$gpus_per_node" \
        --cpus-per-task="${CPUS_PER_TASK:-5}" \
        --kill-on-bad-exit=1 \
        ${srun_args[@]+"${srun_args[@]}"} \
        python -u "$script" "$@" --launcher slurm || status=$?

    # A run that SIGTERM stopped has saved a checkpoint: a batch job goes back into the queue.
    if ((status == 75)) && [[ -n ${SLURM_JOB_ID:-} ]]; then
        echo "requeueing job $SLURM_JOB_ID" >&2
        scontrol requeue "$SLURM_JOB_ID"
    fi
    return "$status"
}
