# shellcheck shell=bash
# The Python packages of the box, as wheels for its processor, by hash; image/requirements.txt says which.

# Sets WHEELS to the folder to be the box's site-packages.
make_wheels() {
    WHEELS=$CACHE/wheels-$(key_of "$REPO/image/requirements.txt" "$REPO/image/wheels.sh")
    [ ! -d "$WHEELS" ] || return 0
    make_uv
    say "fetching the Python packages (once)"
    # Wheels for the box on any machine: nothing of them runs here.
    logged "$BUILD/wheels.log" "fetching the Python packages" \
        "$UV/bin/uv" pip install --require-hashes --no-deps --only-binary :all: --link-mode copy \
        --cache-dir "$CACHE/uv-cache" --python-platform aarch64-manylinux_2_40 --python-version 3.13 \
        --target "$WORK/wheels" --requirements "$REPO/image/requirements.txt"
    rm -rf "$WORK/wheels/bin"
    mv "$WORK/wheels" "$WHEELS"
}

# Sets UV to an environment with uv: pip refuses packages that are not for the Python that it runs on.
make_uv() {
    UV=$CACHE/uv-$(key_of "$REPO/image/requirements-uv.txt")
    [ ! -d "$UV" ] || return 0
    logged "$BUILD/uv.log" "fetching uv" python3 -m venv "$WORK/uv"
    logged "$BUILD/uv.log" "fetching uv" "$WORK/uv/bin/python" -m pip install --quiet --require-hashes \
        --disable-pip-version-check --requirement "$REPO/image/requirements-uv.txt"
    mv "$WORK/uv" "$UV"
}
