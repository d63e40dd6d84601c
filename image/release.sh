# shellcheck shell=bash
# What leaves the workshop: the image and all that belongs to it, each under its final name only when it is whole.

# Of the root file system, before the card is made of it.
list_contents() {
    local root=$WORK/root
    python3 "$REPO/image/contents.py" --root "$root" --models "$REPO/models" --name "$NAME" --version "$VERSION" \
        --time "$SOURCE_DATE_EPOCH" --packages "$WORK/$NAME.packages" --sbom "$WORK/$NAME.cdx.json"
}

release() {
    local image=$NAME.img.zst suffix
    say "compressing"
    in_tools bmaptool --quiet create --output "$NAME.bmap" card.img
    in_tools zstd --quiet -9 -T0 card.img -o "$image"
    (cd "$WORK" && sha256sum "$image" >"$NAME.sha256")
    for suffix in packages cdx.json bmap sha256 img.zst; do
        sync "$WORK/$NAME.$suffix"
        mv "$WORK/$NAME.$suffix" "$BUILD/$NAME.$suffix"
        ln -sfn "$NAME.$suffix" "$BUILD/janban-latest.$suffix"
    done
    say "$BUILD/$image: $(du --apparent-size --block-size=1M "$BUILD/$image" | cut -f1) MB in ${SECONDS} s"
}
