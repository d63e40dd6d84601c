# shellcheck shell=bash
# What the machine that builds has to have: each check ends with one line that says what to do.

LEAST_FREE_MB=7000

check_host() {
    check_tools
    [ "$(id -u)" -eq 0 ] || die "needs root, for a root file system with its owners: sudo make image"
    check_emulation
    mkdir -p "$CACHE"
    local free_mb
    free_mb=$(($(df --output=avail --block-size=1M "$BUILD" | tail -n 1)))
    [ "$free_mb" -ge "$LEAST_FREE_MB" ] ||
        die "$BUILD: $free_mb MB free, and $LEAST_FREE_MB MB are needed; free some"
}

check_tools() {
    local tool package missing=()
    while read -r tool package; do
        command -v "$tool" >/dev/null || missing+=("$package")
    done <<'TOOLS'
mmdebstrap mmdebstrap
git git
depmod kmod
unshare util-linux
mount mount
python3 python3
arch-test arch-test
TOOLS
    python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
    [ "$(uname -m)" = aarch64 ] || command -v qemu-aarch64-static >/dev/null || missing+=(qemu-user-static)
    [ ${#missing[@]} -eq 0 ] || die "tools are missing; on Debian: apt install ${missing[*]}"
}

# Programs of the image run during its build. In a container nobody has told the kernel how: then this does.
check_emulation() {
    ! arch-test arm64 >/dev/null 2>&1 || return 0
    local binfmt=/proc/sys/fs/binfmt_misc format=/usr/lib/binfmt.d/qemu-aarch64.conf
    [ -e $binfmt/register ] || mount -t binfmt_misc binfmt_misc $binfmt 2>/dev/null || true
    [ ! -e $format ] || cat $format >$binfmt/register 2>/dev/null || true
    arch-test arm64 >/dev/null 2>&1 ||
        die "this machine does not run arm64 programs; on Debian: apt install --reinstall qemu-user-static (binfmt_misc)"
}
