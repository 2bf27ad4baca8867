#!/usr/bin/env bash
# Pre-trains a config with several seeds, and evaluates all checkpoints into one report with mean and deviation.
# A run that was stopped goes on where it was.
#
#   bash tools/misc/seeds.sh CONFIG "0 1 2" [ARGUMENTS OF tools/evaluate.py ...]
set -euo pipefail

config=$1 seeds=$2
shift 2
tools=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=work_dirs/$(basename "$config" .py)
checkpoints=()
for seed in $seeds; do
    python "$tools/train.py" "$config" --work-dir "$work/seed$seed" --resume --cfg-options "randomness.seed=$seed"
    checkpoints+=("$(cat "$work/seed$seed/last_checkpoint")")
done
python "$tools/evaluate.py" "${checkpoints[@]}" "$@"
