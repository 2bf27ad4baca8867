# shellcheck shell=bash
# Sourced by dist_train.sh, dist_test.sh and dist_evaluate.sh.

# run_torchrun PROCESSES SCRIPT [ARGS ...]: runs the script under torchrun, with --launcher pytorch.
run_torchrun() {
    local processes=$1 script=$2
    shift 2
    if ! [[ $processes =~ ^[1-9][0-9]*$ ]]; then
        echo "GPUS has to be a number of processes, not '$processes'" >&2
        exit 2
    fi

    local nodes=${NNODES:-1} port=${PORT:-}
    if [[ -z $port ]]; then
        if ((nodes > 1)); then
            port=29500 # the nodes have to agree
        else
            port=$(python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
        fi
    fi

    # torchrun allows one thread per process, which is too few on CPUs.
    if [[ -z ${OMP_NUM_THREADS:-} ]]; then
        OMP_NUM_THREADS=$(python -c "
import torch
print(1 if torch.cuda.is_available() else max(1, torch.get_num_threads() // $processes))")
        export OMP_NUM_THREADS
    fi

    PYTHONPATH=$(dirname "$(dirname "$script")")${PYTHONPATH:+:$PYTHONPATH} exec python "$(dirname "$script")/misc/torchrun.py" \
        --nnodes="$nodes" \
        --node_rank="${NODE_RANK:-0}" \
        --master_addr="${MASTER_ADDR:-127.0.0.1}" \
        --master_port="$port" \
        --nproc_per_node="$processes" \
        "$script" "$@" --launcher pytorch
}
