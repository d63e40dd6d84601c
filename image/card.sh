# shellcheck shell=bash
# The card: its partitions, the file systems on them, and the image of it all. No loop devices: nothing is mounted.

# Name, MB, file system, GPT type, PARTUUID. The numbers of the partitions, which autoboot.txt knows, are those of the
# lines. The first is the one that a person's laptop shows; a slot is one boot and one root partition; slot B is empty.
# The last grows to the end of the card at its first boot.
BASIC_DATA=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7
ROOT_ARM64=B921B045-1DF0-41C3-AF44-4C6F280D3FAE
LINUX=0FC63DAF-8483-4772-8E79-3D69D8477DE4
PARTITIONS="
bootcfg 16  fat   $BASIC_DATA 6a616e62-616e-4001-8000-000000000001
boot_a  128 fat   $BASIC_DATA 6a616e62-616e-4001-8000-000000000002
boot_b  128 empty $BASIC_DATA 6a616e62-616e-4001-8000-000000000003
root_a  768 ext4  $ROOT_ARM64 6a616e62-616e-4001-8000-000000000004
root_b  768 empty $ROOT_ARM64 6a616e62-616e-4001-8000-000000000005
data    256 ext4  $LINUX      6a616e62-616e-4001-8000-000000000006
"
CARD_UUID=6a616e62-616e-4001-8000-000000000000
FIRST_MB=4

partitions() {
    sed '/^$/d' <<<"$PARTITIONS"
}

# partition_uuid NAME
partition_uuid() {
    partitions | while read -r name _ _ _ uuid; do [ "$name" != "$1" ] || echo "$uuid"; done
}

# What sfdisk reads.
partition_table() {
    local start=$FIRST_MB name size type uuid
    printf 'label: gpt\nlabel-id: %s\nunit: sectors\nfirst-lba: 2048\n' "$CARD_UUID"
    while read -r name size _ type uuid; do
        printf 'start=%s, size=%s, type=%s, uuid=%s, name=%s\n' \
            $((start * 2048)) $((size * 2048)) "$type" "$uuid" "$name"
        start=$((start + size))
    done < <(partitions)
}

# A gap before the first partition, and a MB after the last one for the second copy of the table.
card_mb() {
    local total=$((FIRST_MB + 1)) size
    while read -r _ size _; do total=$((total + size)); done < <(partitions)
    echo "$total"
}

# Fills the folders of what will be file systems: $WORK/bootcfg, boot_a, data; root_a is $WORK/root.
fill_bootcfg() {
    mkdir "$WORK/bootcfg"
    cp "$REPO/image/boot/autoboot.txt" "$WORK/bootcfg"
    dos_text <"$REPO/image/boot/README.txt" >"$WORK/bootcfg/README.txt"
    sed "s/^site = .*/site = \"$SITE\"/" "$REPO/docs/provision-example.toml" | dos_text >"$WORK/bootcfg/provision-example.toml"
}

dos_text() {
    sed 's/$/\r/'
}

# The kernel and its companions leave the root file system, in which nothing asks for them.
fill_boot() {
    local root=$WORK/root boot=$WORK/boot_a it kernel trees kernels=()
    for it in "$root"/usr/lib/modules/*; do kernels+=("${it##*/}"); done
    [ ${#kernels[@]} -eq 1 ] || die "the root file system has ${#kernels[@]} kernels, and one is needed"
    kernel=${kernels[0]}
    mkdir "$boot"
    cp --dereference "$root/boot/vmlinuz-$kernel" "$boot/vmlinuz"
    mv "$root/boot/initrd.img-$kernel" "$boot/initrd.img"
    # Debian's kernel has its device trees in the one place, Raspberry Pi's in the other, overlays besides.
    for trees in "$root/usr/lib/modules/$kernel/dtb" "$root/usr/lib/linux-image-$kernel"; do
        for it in "$trees"/broadcom/bcm271[12]*.dtb "$trees"/overlays; do
            [ ! -e "$it" ] || cp -R "$it" "$boot"
        done
    done
    cp "$root"/usr/lib/raspi-firmware/{start4.elf,fixup4.dat} "$boot"
    cat "$REPO/image/boot/config.txt" "$REPO/image/boot/config-$BASE.txt" >"$boot/config.txt"
    sed "s/@ROOT_PARTUUID@/$(partition_uuid root_a)/; s/@WIFI_COUNTRY@/$WIFI_COUNTRY/" \
        "$REPO/image/boot/cmdline.txt" >"$boot/cmdline.txt"
    rm -rf "${root:?}"/boot/* "${root:?}"/vmlinuz* "${root:?}"/initrd.img* "$root/usr/lib/modules/$kernel"/{vmlinuz,dtb} \
        "$root/usr/lib/linux-image-$kernel" "$root/usr/lib/raspi-firmware"
    mkdir "$root/boot/firmware"
    # Provisioning knows the partition by the one name, updates by the other.
    ln -s firmware "$root/boot/bootcfg"
}

fill_data() {
    local data=$WORK/data
    mkdir -p "$data/var/upper" "$data/var/work" "$data/ssh" "$data/janban" "$data/config"
    chmod 700 "$data/ssh"
    chmod 750 "$data/janban" "$data/config"
    chown "$JANBAN_ID:$JANBAN_ID" "$data/janban"
    chgrp "$JANBAN_ID" "$data/config"
}

make_card() {
    local offset_mb=$FIRST_MB name size kind uuid
    say "making file systems and image"
    mv "$WORK/root" "$WORK/root_a"
    truncate --size="$(card_mb)M" "$WORK/card.img"
    partition_table >"$WORK/table"
    in_tools sh -c 'sfdisk --quiet --no-reread card.img <table'
    while read -r name size kind _ uuid; do
        if [ "$kind" != empty ]; then
            find "$WORK/$name" -newermt "@$SOURCE_DATE_EPOCH" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
            truncate --size="${size}M" "$WORK/$name.part"
            logged "$BUILD/$name.log" "making $name" "make_$kind" "$name" "$uuid"
            # A card's earlier life must not show through what is zero in the journal of data: it could be replayed.
            holes=,sparse
            [ "$name" = data ] && holes=
            dd if="$WORK/$name.part" of="$WORK/card.img" bs=1M seek="$offset_mb" conv="notrunc$holes" status=none
            rm -rf "${WORK:?}/$name" "$WORK/$name.part"
        fi
        offset_mb=$((offset_mb + size))
    done < <(partitions)
}

make_fat() {
    local name=$1 uuid=$2
    in_tools mkfs.vfat --invariant -i "${uuid: -8}" -n "${name^^}" "$name.part"
    # In the order of their names: the folder's own is that of the disk.
    # shellcheck disable=SC2016 # expanded by the inner shell
    in_tools sh -c 'cd "$1" && mcopy -Q -m -s -i "../$1.part" -- * ::/' mcopy "$name"
}

make_ext4() {
    local name=$1 uuid=$2 features=has_journal
    # Nothing is ever written to the root.
    [ "$name" = data ] || features=^has_journal
    in_tools mke2fs -q -t ext4 -b 4096 -I 256 -m 0 -O "$features" -L "$name" -U "$uuid" \
        -E "hash_seed=$uuid,lazy_itable_init=0,nodiscard" -d "$name" "$name.part"
}
