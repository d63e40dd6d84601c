# shellcheck shell=bash
# The kernel's module for trial boots, image/tryboot: Debian's kernel does not tell the firmware of them.

# Adds it to the root file system. Raspberry Pi's own kernel needs none.
add_module() {
    local root=$1 kernel
    [ "$BASE" = debian ] || return 0
    kernel=$(basename "$root"/usr/lib/modules/*)
    make_module "$kernel"
    install -D -m 644 "$MODULE" "$root/usr/lib/modules/$kernel/updates/janban_tryboot.ko"
    depmod -b "$root" "$kernel"
}

# Sets MODULE to the file of it for a kernel. It is kept in $CACHE; what compiles it is not.
make_module() {
    local kernel=$1 source=$REPO/image/tryboot native
    MODULE=$CACHE/tryboot-$(key_of "$kernel" "$source"/* "$REPO/image/module.sh").ko
    [ ! -f "$MODULE" ] || return 0
    say "compiling the kernel's module for trial boots (once for a kernel)"
    native=$(dpkg --print-architecture)
    [ "$native" = arm64 ] || native=$native,arm64
    logged "$BUILD/module.log" "fetching the kernel's headers" \
        bootstrap --architectures="$native" --format=directory --include="linux-headers-$kernel:arm64,make" \
        "$SUITE" "$WORK/headers" -
    cp "$source"/* "$WORK/headers/mnt"
    # Nothing of the make that builds the image.
    logged "$BUILD/module.log" "compiling the kernel's module" \
        env -i PATH=/usr/sbin:/usr/bin LC_ALL=C.UTF-8 chroot "$WORK/headers" \
        make -C "/usr/src/linux-headers-$kernel" M=/mnt ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- modules
    chroot "$WORK/headers" /usr/bin/aarch64-linux-gnu-strip --strip-debug /mnt/janban_tryboot.ko
    mv "$WORK/headers/mnt/janban_tryboot.ko" "$MODULE"
    rm -rf "$WORK/headers"
}
