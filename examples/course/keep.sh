# What the scripts of this folder share. To be sourced by bash, after `results` is set.

# keep GROUP LOG NAME: the validations of a training, where there are any.
keep() {
    { [ -e "$2" ] && grep -qF '| valid |' "$2"; } || return 0
    mkdir -p "$results/logs/$1"
    grep -F '| valid |' "$2" > "$results/logs/$1/$3.log"
}
