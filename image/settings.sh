# shellcheck shell=bash
# What config.mk may set, checked; and what follows from it. docs/image.md explains every name.

REPO=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BUILD=${BUILD:-$REPO/build/image}
export CACHE=$BUILD/cache
SITE=${SITE:-canteen-1}
LOCALE=${LOCALE:-ko_KR}
TIMEZONE=${TIMEZONE:-Asia/Seoul}
WIFI_COUNTRY=${WIFI_COUNTRY:-KR}
BASE=${BASE:-debian}
EDGETPU_DEB=${EDGETPU_DEB:-}
UPDATE_KEYRING=${UPDATE_KEYRING:-}
EDGETPU_DEB_SHA256=${EDGETPU_DEB_SHA256:-}
MIRROR=${MIRROR:-http://deb.debian.org/debian}
SECURITY_MIRROR=${SECURITY_MIRROR:-http://deb.debian.org/debian-security}
RASPIOS_MIRROR=${RASPIOS_MIRROR:-http://archive.raspberrypi.com/debian}
RASPIOS_KEYRING=${RASPIOS_KEYRING:-}

check_settings() {
    [[ $SITE =~ ^[A-Za-z0-9_-]{1,64}$ ]] || die "SITE=$SITE: is no name of a site; use letters, digits, '-' and '_'"
    [[ $LOCALE =~ ^(ko_KR|en)$ ]] || die "LOCALE=$LOCALE: is not known; use ko_KR or en"
    [[ $TIMEZONE =~ ^[A-Za-z0-9_+/-]+$ ]] || die "TIMEZONE=$TIMEZONE: is no time zone; write one as Asia/Seoul"
    [[ $WIFI_COUNTRY =~ ^[A-Z]{2}$ ]] || die "WIFI_COUNTRY=$WIFI_COUNTRY: is no country; write two letters as KR"
    [[ $BASE =~ ^(debian|raspios)$ ]] || die "BASE=$BASE: is not known; use debian or raspios"
    if [ "$BASE" = raspios ]; then
        [ -f "$RASPIOS_KEYRING" ] ||
            die "BASE=raspios: RASPIOS_KEYRING=$RASPIOS_KEYRING is no file; name raspberrypi-archive-keyring.gpg of a Raspberry Pi OS"
        say "BASE=raspios is untested: no machine that this was written on reaches Raspberry Pi's archive" >&2
    fi
    [ -z "$EDGETPU_DEB" ] || check_edgetpu_deb
    [ -z "$UPDATE_KEYRING" ] || [ -f "$UPDATE_KEYRING" ] ||
        die "UPDATE_KEYRING=$UPDATE_KEYRING: there is no such file"
}

check_edgetpu_deb() {
    [ -f "$EDGETPU_DEB" ] || die "EDGETPU_DEB=$EDGETPU_DEB: there is no such file"
    [ -n "$EDGETPU_DEB_SHA256" ] ||
        die "EDGETPU_DEB_SHA256: is missing; give the hash of $EDGETPU_DEB that you trust (sha256sum)"
    local found
    found=$(sha256sum "$EDGETPU_DEB" | cut -d' ' -f1)
    [ "$found" = "$EDGETPU_DEB_SHA256" ] ||
        die "$EDGETPU_DEB: has the wrong hash, $found; EDGETPU_DEB_SHA256 wants $EDGETPU_DEB_SHA256"
}

# The image's name, and the time that everything in it bears: those of the commit, whenever it is built.
name_image() {
    local commit date version
    commit=$(in_git rev-parse --short=10 HEAD) || die "$REPO: is no clone of a repository; the image is named after its commit"
    SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(in_git log -1 --format=%ct)}
    date=$(date --utc --date="@$SOURCE_DATE_EPOCH" +%Y%m%d)
    version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$REPO/pyproject.toml")
    [ -z "$(in_git status --porcelain --untracked-files=no)" ] || commit=$commit-dirty
    VERSION=$version-g$commit
    NAME=janban-$date-$VERSION
    [ "$BASE" = debian ] || NAME=$NAME-$BASE
    export SOURCE_DATE_EPOCH
}

# Root builds in a clone that somebody else owns.
in_git() {
    git -c safe.directory="$REPO" -C "$REPO" "$@"
}
