# What the recipes of classification share. To be sourced by their settings.sh.
format=classification language=en
# The answers are chosen among the labels; the linear model needs no network; the texts are in the first column.
choice=labels baseline=linear unlabelled=1 lay_out=../lay_out.py
lay_out_options=("${targets[@]/#/--target=}")
: "${LONGEST:=500}" "${RATIO:=1000}"
: "${TOKENS:=4096}" "${MAX_TOKENS:=4096}" "${SAVE_EVERY:=100}"
: "${TEACHER_UPDATES:=2000}" "${UPDATES:=2000}" "${DENOISE_UPDATES:=1000}"
: "${MODELS:=raw denoised}"
positions=" --max-source-positions 512 --max-target-positions 512"
dropout=0.3
. "$examples/steps/small_model.sh"
