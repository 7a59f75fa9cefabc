#!/usr/bin/env bash
# A released model tuned here, beside peft, PyTorch and llama.cpp, in one go. README.md says what is compared.
# Usage: tuned.sh FILE.gguf FOLDER [RUN]     RUN: a run of `luciole rl` or `sft` over FILE with an adapter; without
#                                            one, an adapter is fine-tuned for 20 steps.
# PYTHON names a Python with requirements.txt and peft; llama-cpp/README.md says how llama.cpp is installed.
set -euo pipefail
[ $# -ge 2 ] || { sed -n '3,4s/^# //p' "$0"; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
file=$(realpath "$1")
mkdir -p "$2"
folder=$(realpath "$2")
run=${3:+$(realpath "$3")}
python=${PYTHON:-python3}
luciole() { node "$here/../../dist/src/cli/main.js" "$@"; }
step() { printf '\n== %s\n' "$1"; }

if [ -z "$run" ]; then
  step "An adapter, fine-tuned"
  run=$folder/words
  rm -rf "$run"
  node "$here/tuned.mjs" conversations "$folder/conversations.jsonl"
  luciole sft --model "$file" --data "$folder/conversations.jsonl" --out "$run" \
    --set lora.rank=16 --set compute=bf16 --set steps=20 --set batchSequences=4 --set warmupSteps=2 --set learningRate=5e-4
fi

step "The adapter in peft"
adapter=$(ls -d "$run"/checkpoints/step-* | sort -V | tail -1)
node "$here/tuned.mjs" answers "$file" "$adapter" "$folder/answers.json"
"$python" "$here/tuned.py" answers "$file" "$adapter" "$folder/answers.json"

step "The merged model in llama.cpp"
rm -f "$folder"/words*.gguf
luciole merge "$file" --adapter "$run" --out "$folder/words.gguf"
node "$here/llama-cpp/real-model.mjs" "$folder/words.gguf" 60
luciole merge "$file" --adapter "$run" --out "$folder/words-f32.gguf" --type f32
node "$here/llama-cpp/real-model.mjs" "$folder/words-f32.gguf" 60 --exact

step "SFT with LoRA: loss curves"
[ -d "$folder/decoded" ] || luciole convert "$file" "$folder/decoded" --type f32
node "$here/tuned.mjs" curve "$folder/decoded" "$folder/curve" f32
node "$here/tuned.mjs" curve "$file" "$folder/curve" bf16
"$python" "$here/tuned.py" curve "$file" "$folder/curve"
