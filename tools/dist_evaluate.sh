#!/usr/bin/env bash
# Evaluates on several GPUs, or in several CPU processes where there is no GPU.
set -euo pipefail

if (($# < 2)); then
    cat >&2 <<USAGE
Usage: bash $0 CHECKPOINT GPUS [ARGS of evaluate.py ...]
GPUS: processes on this node.
Environment: NNODES (1), NODE_RANK (0), MASTER_ADDR (127.0.0.1), PORT (a free one; 29500 on several nodes).
USAGE
    exit 2
fi
checkpoint=$1
gpus=$2
shift 2

tools=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tools/misc/torchrun.sh
source "$tools/misc/torchrun.sh"
run_torchrun "$gpus" "$tools/evaluate.py" "$checkpoint" "$@"
