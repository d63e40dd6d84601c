# shellcheck shell=bash
# The box's root file system: Debian's part, the appliance in /opt/janban, and the files of image/files.

# The box's user has the same number in every image: its files outlive the image.
JANBAN_ID=950

# Runs a program of the box, emulated.
in_box() {
    # shellcheck disable=SC2016 # expanded by the inner shell
    logged "$BUILD/box.log" "setting up the root file system" unshare --mount --propagation private sh -euc '
        mount -t proc proc "$1/proc"
        exec chroot "$@"
    ' in_box "$WORK/root" "$@"
}

# Fills the folder $WORK/root.
make_root() {
    local root=$WORK/root
    say "unpacking the root file system"
    mkdir "$root"
    tar --extract --numeric-owner --xattrs --xattrs-include='*' --directory "$root" --file "$BASE_TAR"
    add_module "$root"
    add_appliance "$root"
    add_units "$root"
    add_updates "$root"
    add_edgetpu "$root"
    add_settings "$root"
    enable_units
    clean_root "$root"
}

# A virtual environment, as `python3 -m venv` would have made it on the box.
add_appliance() {
    local root=$1 home=$1/opt/janban site=$1/opt/janban/lib/python3.13/site-packages
    mkdir -p "$home/bin" "$site"
    ln -s /usr/bin/python3 "$home/bin/python3"
    printf 'home = /usr/bin\ninclude-system-site-packages = %s\nversion = 3.13\n' \
        "$([ "$BASE" = raspios ] && echo true || echo false)" >"$home/pyvenv.cfg"
    install -m 755 "$REPO/image/appliance" "$home/bin/appliance"
    # As the docs call it.
    ln -s /opt/janban/bin/appliance "$root/usr/local/bin/appliance"
    cp -R "$WHEELS/." "$site"
    in_git ls-files -z appliance | tar --create --directory "$REPO" --null --files-from - | tar --extract --directory "$site"
    in_git ls-files -z models | tar --create --directory "$REPO" --null --files-from - | tar --extract --directory "$home"
    chown -R 0:0 "$home"
    chmod -R u=rwX,go=rX "$home"
    # The root is read-only: what is not compiled now is compiled at every start.
    logged "$BUILD/compile.log" "compiling the Python packages" in_tools python3 -m compileall -q \
        --invalidation-mode unchecked-hash -s root -p / root/opt/janban/lib
}

add_units() {
    local root=$1 etc=$1/etc
    install -D -m 644 "$REPO/systemd/sysusers.d/janban.conf" "$etc/sysusers.d/janban.conf"
    install -D -m 644 "$REPO/systemd/tmpfiles.d/janban.conf" "$etc/tmpfiles.d/janban.conf"
    install -D -m 644 "$REPO/systemd/udev/70-janban.rules" "$etc/udev/rules.d/70-janban.rules"
    install -D -m 644 "$REPO/systemd/system.conf.d/janban.conf" "$etc/systemd/system.conf.d/janban.conf"
    install -D -m 644 "$REPO/systemd/journald.conf.d/janban.conf" "$etc/systemd/journald.conf.d/janban.conf"
    install -D -m 644 -t "$etc/systemd/system" "$REPO"/systemd/*.service
    in_box groupadd --system --gid "$JANBAN_ID" janban
    in_box useradd --system --uid "$JANBAN_ID" --gid janban --no-create-home --home-dir /var/lib/janban \
        --shell /usr/sbin/nologin --comment "Janban appliance" janban
    in_box systemd-sysusers
    # The files of this folder, as they lie there.
    tar --create --owner=0 --group=0 --mode='u+rwX,go=rX' --directory "$REPO/image/files" . |
        tar --extract --no-overwrite-dir --directory "$root"
    install -d -m 750 -g "$JANBAN_ID" "$etc/janban"
    install -d -m 750 -o "$JANBAN_ID" -g "$JANBAN_ID" "$root/var/lib/janban"
    mkdir -p "$root/data"
}

# Whose updates the box takes is said from outside; without that it takes none.
add_updates() {
    local root=$1
    [ -z "$UPDATE_KEYRING" ] || "$REPO/image/update/install" "$root" "$BASE" "$UPDATE_KEYRING"
}

# Google's library for the Coral is in no archive of Debian's: it is given by path and hash, or not there.
add_edgetpu() {
    local root=$1
    [ -n "$EDGETPU_DEB" ] || return 0
    cp "$EDGETPU_DEB" "$root/tmp/edgetpu.deb"
    in_box dpkg --install /tmp/edgetpu.deb
    rm "$root/tmp/edgetpu.deb"
}

add_settings() {
    local root=$1 language=C.UTF-8
    if [ "$LOCALE" = ko_KR ]; then
        language=ko_KR.UTF-8
        in_tools localedef --prefix /mnt/root --no-archive -i ko_KR -f UTF-8 ko_KR.UTF-8
    fi
    [ -f "$root/usr/share/zoneinfo/$TIMEZONE" ] || die "TIMEZONE=$TIMEZONE: is no time zone; write one as Asia/Seoul"
    ln -sfn "/usr/share/zoneinfo/$TIMEZONE" "$root/etc/localtime"
    echo "$TIMEZONE" >"$root/etc/timezone"
    echo "LANG=$language" >"$root/etc/locale.conf"
    mkdir -p "$root/etc/default"
    echo "LANG=$language" >"$root/etc/default/locale"
    rm -f "$root/etc/hostname"
    echo janban >"$root/etc/hostname"
    printf '127.0.0.1 localhost\n::1 localhost\n127.0.1.1 janban\n' >"$root/etc/hosts"
    ln -sf ../run/systemd/resolve/stub-resolv.conf "$root/etc/resolv.conf"
    printf 'IMAGE_ID=janban\nIMAGE_VERSION=%s\n' "$VERSION" >>"$root/usr/lib/os-release"
    # The clock of a box that was never set starts here, and not in 1970.
    touch "$root/usr/lib/clock-epoch"
}

enable_units() {
    in_box systemctl --quiet enable systemd-networkd systemd-resolved systemd-timesyncd nftables ssh \
        janban janban-provision janban-host-keys janban-wifi
    # Nobody logs in here, and nothing is installed here.
    in_box systemctl --quiet mask getty@tty1.service serial-getty@.service console-getty.service \
        systemd-networkd-wait-online.service apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer \
        e2scrub_all.timer e2scrub_reap.service systemd-firstboot.service
}

# What one build has and the next one has not.
clean_root() {
    local root=$1
    rm -f "$root"/etc/ssh/ssh_host_* "$root/var/lib/systemd/random-seed" "$root/etc/machine-id" "$root"/etc/*- \
        "$root/etc/.resolv.conf.systemd-resolved.bak"
    rm -rf "$root"/var/log/* "$root"/var/cache/* "$root"/var/lib/apt/lists/* "${root:?}"/tmp/* "${root:?}"/run/*
    rm -rf "${root:?}"/root/.[!.]*
    : >"$root/etc/machine-id"
    # Nothing is younger than the commit.
    find "$root" -newermt "@$SOURCE_DATE_EPOCH" -print0 |
        xargs -0 --no-run-if-empty touch --no-dereference --date="@$SOURCE_DATE_EPOCH"
}
