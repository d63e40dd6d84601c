# shellcheck shell=bash
# What every step of the build knows.

say() {
    echo "image: $*"
}

die() {
    echo "image: $*" >&2
    exit 1
}

# The key of something cached: a hash over what it is made of, words and files.
key_of() {
    local it
    for it in "$@"; do
        if [ -f "$it" ]; then cat "$it"; else printf '%s\n' "$it"; fi
    done | sha256sum | cut -c1-16
}

# logged LOG WHAT COMMAND... runs a command that says much; if it fails, one line says why.
logged() {
    local log=$1 what=$2
    shift 2
    "$@" >"$log" 2>&1 || die "$(failure_of "$log" "$what")"
}

# The line for a person: what the last lines of a log mean.
failure_of() {
    local log=$1 what=$2
    if grep -qi 'no space left on device' "$log"; then
        echo "$what: no space left; free some below $BUILD and run make image again"
    elif grep -Eqi 'hash(es)? (sum )?mismatch|do not match the hashes' "$log"; then
        echo "$what: what was downloaded has the wrong hash; try again, or see $log"
    elif grep -Eqi 'could not resolve|connection (failed|refused|timed out|reset)|failed to (fetch|connect)|cannot initiate the connection|error sending request|temporary failure|no route to host|tunnel' "$log"; then
        echo "$what: the registry does not answer; check the network, then run make image again (it goes on from here); $log has the rest"
    elif grep -Eqi 'does not have a release file' "$log"; then
        echo "$what: an archive has no such release; check MIRROR, SECURITY_MIRROR and RASPIOS_MIRROR; $log has the rest"
    else
        echo "$what: failed; $log says why, its last line: $(tail -n 1 "$log")"
    fi
}

# Runs a command among the tools of the release that the image is made of, whatever this machine has: two machines then
# make the same bytes. The folder $WORK is /mnt there. The mounts are gone with the process, however it ends.
in_tools() {
    # shellcheck disable=SC2016 # expanded by the inner shell
    unshare --mount --propagation private sh -euc '
        mount --bind "$1" "$2/mnt"
        mount -t proc proc "$2/proc"
        tools=$2
        shift 2
        exec chroot "$tools" /usr/bin/env -C /mnt "$@"
    ' in_tools "$WORK" "$TOOLS" \
        -i PATH=/usr/sbin:/usr/bin LC_ALL=C.UTF-8 TZ=UTC PYTHONHASHSEED=0 SOURCE_DATE_EPOCH="$SOURCE_DATE_EPOCH" "$@"
}
