# shellcheck shell=bash
# Debian's part of the image, and the tools that make it. Both are kept in $CACHE, named after what they are made of.

SUITE=trixie

# Packages of the lists, without their comments, with commas between them.
packages_of() {
    sed --separate 's/#.*//; /^ *$/d' "$@" | paste -sd,
}

sources() {
    local components="main non-free-firmware"
    echo "deb $MIRROR $SUITE $components"
    echo "deb $MIRROR $SUITE-updates $components"
    echo "deb $SECURITY_MIRROR $SUITE-security $components"
    # The kernel: the release's own knows neither network nor USB of a Raspberry Pi 5.
    echo "deb $MIRROR $SUITE-backports $components"
    if [ "$BASE" = raspios ]; then echo "deb [signed-by=$RASPIOS_KEYRING] $RASPIOS_MIRROR $SUITE main"; fi
}

# In a mount namespace of its own: one that is killed leaves no mounts behind.
bootstrap() {
    unshare --mount --propagation private \
        mmdebstrap --mode=root --variant=apt \
        --aptopt='Acquire::Retries "3"' --aptopt='Acquire::http::Timeout "30"' \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
        --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/info/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' "$@" < <(sources)
}

# Sets TOOLS to the folder of the tools.
make_tools() {
    local packages
    packages=$(packages_of "$REPO/image/packages/tools.txt")
    TOOLS=$CACHE/tools-$(key_of "$packages" "$SUITE" "$MIRROR" "$REPO/image/debian.sh")
    [ ! -d "$TOOLS" ] || return 0
    say "fetching the tools (once)"
    BASE=debian logged "$BUILD/tools.log" "fetching the tools" \
        bootstrap --format=directory --include="$packages" "$SUITE" "$WORK/tools" -
    mv "$WORK/tools" "$TOOLS"
}

# Sets BASE_TAR to the archive of Debian's root file system.
make_base() {
    local packages lists=("$REPO/image/packages/debian.txt")
    packages=$(packages_of "${lists[@]}")
    if [ "$BASE" = raspios ]; then
        packages=$(grep -v '^linux-image' "${lists[0]}" | packages_of - "$REPO/image/packages/raspios.txt")
    fi
    BASE_TAR=$CACHE/base-$(key_of "$packages" "$(sources)" "$REPO/image/debian.sh" "$REPO"/image/hooks/*).tar
    if [ -f "$BASE_TAR" ]; then
        say "Debian's part is cached: $BASE_TAR"
        return 0
    fi
    say "fetching Debian's part: about five minutes"
    # Emulated as a Raspberry Pi 4's processor it is up to ten times as fast as with all of the emulator's features.
    QEMU_CPU=cortex-a72 logged "$BUILD/base.log" "fetching Debian's part" \
        bootstrap --architectures=arm64 --format=tar --include="$packages" \
        --essential-hook="$REPO/image/hooks/essential \"\$1\"" \
        --customize-hook="$REPO/image/hooks/customise \"\$1\"" \
        "$SUITE" "$WORK/base.tar" -
    mv "$WORK/base.tar" "$BASE_TAR"
}
