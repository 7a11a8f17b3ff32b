#!/usr/bin/env bash
# Build the container image on a bare Debian and prove what it promises: it predicts and serves as a
# user other than root, on a read-only root, without torch, compilers or caches, and stays small.
#
# Needs root on Debian or Ubuntu, but no container engine: the base comes from debootstrap, and
# buildah builds and runs with plain chroots. Both are installed when they are missing.
#
#   HORNET_IMAGE_CACHE   where the base is kept between runs (default: the user's cache folder)
#   HORNET_IMAGE_SUITE   the Debian release of the base (default: bookworm)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly LIMIT_MB=300 # what the image may add to its base
readonly SUITE=${HORNET_IMAGE_SUITE:-bookworm}
readonly CACHE=${HORNET_IMAGE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/hornet-image-test}
readonly BASE=localhost/hornet-test-base:$SUITE
readonly IMAGE=localhost/hornet-test:latest
readonly MODEL=models/hornet-resnet18.onnx
REVISION=$(git rev-parse HEAD 2>/dev/null || echo unknown)
readonly REVISION

say() { printf '[%3d s] %s\n' "$SECONDS" "$*"; }
fail() {
    printf 'image-test: %s\n' "$*" >&2
    exit 1
}

# Our own storage, so that nothing here touches the user's images.
buildah() {
    command buildah --storage-driver vfs --root "$CACHE/storage" --runroot "$CACHE/run" "$@"
}

install_tools() {
    local missing=()
    # Not command -v: that finds our function buildah, too.
    type -P pgrep >/dev/null || missing+=(procps)
    type -P buildah >/dev/null || missing+=(buildah)
    type -P debootstrap >/dev/null || missing+=(debootstrap)
    [[ ${#missing[@]} -eq 0 ]] && return
    say "installing ${missing[*]}"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends "${missing[@]}" >/dev/null
}

make_base() {
    local root=$scratch/base container
    say "making a base of Debian $SUITE"
    debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates \
        "$SUITE" "$root" >"$scratch/debootstrap.log" 2>&1 ||
        fail "debootstrap failed: $(tail -n 5 "$scratch/debootstrap.log")"
    rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
    tar -C "$root" -cf "$scratch/base.tar" .
    container=$(buildah from scratch)
    buildah add --quiet "$container" "$scratch/base.tar" / >/dev/null
    buildah commit --quiet --rm "$container" "$BASE" >/dev/null
    rm -rf "$root" "$scratch/base.tar"
}

# Print what pip is told here, in its environment or its files, about one of its settings.
pip_setting() {
    local variable=PIP_${1^^}
    variable=${variable//-/_}
    if [[ -n ${!variable:-} ]]; then
        printf '%s' "${!variable}"
    else
        "${PYTHON:-python3}" -m pip config get "global.$1" 2>/dev/null || true
    fi
}

# Write the secrets that let pip reach its index from inside the build; no layer keeps them.
# Settings that name local folders would mean nothing in there and stay out.
write_pip_secrets() {
    local key value certificate
    printf '[global]\n' >"$scratch/pip.conf"
    for key in index-url extra-index-url proxy trusted-host default-timeout; do
        value=$(pip_setting "$key" | tr -s '[:space:]' '\n' | grep -v '^file:' | paste -sd ' ' || true)
        [[ -z $value ]] || printf '%s = %s\n' "$key" "$value" >>"$scratch/pip.conf"
    done
    certificate=$(pip_setting cert)
    certificate=${certificate:-${REQUESTS_CA_BUNDLE:-}}
    if [[ -f $certificate ]]; then
        cp "$certificate" "$scratch/ca.pem"
        printf 'cert = /run/secrets/ca.pem\n' >>"$scratch/pip.conf"
    else
        : >"$scratch/ca.pem"
    fi
}

build_image() {
    local arguments=() name
    for name in HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy; do
        [[ -z ${!name:-} ]] || arguments+=(--build-arg "$name=${!name}")
    done
    write_pip_secrets
    say "building the image"
    # Docker's format, since OCI's has no health checks.
    buildah bud --quiet --isolation chroot --network host --format docker --target runtime \
        --build-arg "BASE_IMAGE=$BASE" \
        --build-arg "VERSION=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)" \
        --build-arg "REVISION=$REVISION" \
        "${arguments[@]}" \
        --secret "id=pip.conf,src=$scratch/pip.conf" --secret "id=ca.pem,src=$scratch/ca.pem" \
        --tag "$IMAGE" . >"$scratch/build.log" 2>&1 || {
        tail -n 40 "$scratch/build.log" >&2
        fail "the image does not build; its last lines are above"
    }
}

# Print the image's configuration through a template.
image() {
    buildah inspect --type image --format "{{with .Docker.Config}}$1{{end}}" "$IMAGE"
}

# Run a command in the container as the image's own user, with the examples where pictures go.
inside() {
    buildah run --isolation chroot --volume "$PWD/data/examples:/data:ro" "$container" -- "$@"
}

# Fail unless standard input is the CSV of predict: a heading and a verdict for every picture.
expect_verdicts() {
    local rows verdicts
    rows=$(tail -n +2)
    verdicts=$(grep -cE ',(present|absent|unsure),[01]\.[0-9]{6},' <<<"$rows" || true)
    [[ $verdicts -ge 1 && $verdicts -eq $(wc -l <<<"$rows") ]] || fail "$1: not a verdict each: $rows"
    say "$1: $verdicts verdicts"
}

check_size() {
    local base_container base_mb image_mb
    base_container=$(buildah from "$BASE")
    base_mb=$(du -sm "$(buildah mount "$base_container")" | cut -f 1)
    image_mb=$(du -sm "$root" | cut -f 1)
    buildah rm "$base_container" >/dev/null
    say "size: $image_mb MB, of which $((image_mb - base_mb)) MB are added to the base (limit $LIMIT_MB)"
    [[ $((image_mb - base_mb)) -le $LIMIT_MB ]] || fail "the image adds more than $LIMIT_MB MB to its base"
}

check_contents() {
    local configuration leftover
    configuration=$(image '{{.Entrypoint}} {{.Cmd}} {{.User}} {{.StopSignal}} {{index .Labels "org.opencontainers.image.revision"}}')
    [[ $configuration == "[hornet] [serve --host 0.0.0.0] 10001:10001 SIGTERM $REVISION" ]] ||
        fail "unexpected start or label: $configuration"
    [[ $(inside id -u) == 10001 ]] || fail "the image runs as user $(inside id -u)"
    inside python -c '
import importlib.util as util, sys
heavy = "torch torchvision albumentations onnx onnxscript sklearn safetensors".split()
found = [name for name in heavy if util.find_spec(name)]
sys.exit(f"in the image, but only training needs them: {found}" if found else 0)'
    for leftover in opt/hornet/bin/pip usr/bin/gcc usr/bin/cc src opt/builder root/.cache \
        run/secrets/ca.pem tmp/wheel; do
        [[ ! -e $root/$leftover ]] || fail "/$leftover is left in the image"
    done
    # Bound by the build, they may stay behind as empty mount points, never with anything in them.
    [[ ! -s $root/etc/pip.conf ]] || fail "/etc/pip.conf is left in the image"
    say "no torch, no compiler, no cache, user 10001"
}

# Become the image's own user on its own root, made read-only, with the image's environment and
# the examples where pictures go; arguments: more variables and the command. With --pid it is
# process 1, as in a container.
readonly_root() {
    local options=()
    [[ $1 != --pid ]] || { options=(--pid --fork) && shift; }
    # Mounts made in a mount namespace of their own vanish with it.
    # shellcheck disable=SC2016 # expanded by the inner shell
    exec unshare --mount "${options[@]}" bash -euc '
        mount --bind "$1" "$2" && mount -o remount,bind,ro "$2"
        mount --bind "$3" "$2/data" && mount --rbind /proc "$2/proc" && mount --rbind /dev "$2/dev"
        ! touch "$2/written" 2>/dev/null
        root=$2 && shift 3
        exec chroot --userspec=10001:10001 "$root" /usr/bin/env -i "$@"
    ' - "$root" "$scratch/readonly" "$PWD/data/examples" "${environment[@]}" "$@"
}

check_predictions() {
    inside hornet --help >/dev/null
    inside hornet predict /data | expect_verdicts "as the image's user"
    [[ -z $(ls -A "$root/var/lib/hornet") ]] || fail "predicting wrote into the user's home folder"
    (readonly_root hornet predict /data) | expect_verdicts "on a read-only root"
}

# Start what the image starts by itself, as process 1 on a read-only root; ask it; stop it.
check_service() {
    local port command health answer
    port=$(python3 -c 'import socket; s = socket.create_server(("", 0)); print(s.getsockname()[1])')
    mapfile -t command < <(image '{{range .Entrypoint}}{{println .}}{{end}}{{range .Cmd}}{{println .}}{{end}}' | grep .)
    mapfile -t health < <(image '{{range .Healthcheck.Test}}{{println .}}{{end}}' | grep .)
    [[ ${health[0]:-} == CMD ]] || fail "the image has no health check"
    health=("HORNET_PORT=$port" "${health[@]:1}")

    (readonly_root --pid "HORNET_PORT=$port" "${command[@]}") >"$scratch/address" 2>"$scratch/serve.log" &
    server=$!
    until [[ -s $scratch/address ]]; do
        kill -0 "$server" 2>/dev/null || fail "it does not serve: $(tail -n 5 "$scratch/serve.log")"
        sleep 0.2
    done
    (readonly_root "${health[@]}") || fail "the health check says that a good server is ill"
    answer=$(inside python -c '
import sys, urllib.request as request
picture = open("/data/hornet-on-hive.png", "rb").read()
query = request.Request(sys.argv[1], picture, {"Content-Type": "image/png"})
print(request.build_opener(request.ProxyHandler({})).open(query, timeout=60).read().decode())
' "http://127.0.0.1:$port/predict")
    # A drawing may be unlike anything that the packed model has seen.
    grep -qE '"label": *"(present|unsure)", *"probability": *(0\.[5-9]|1)' <<<"$answer" ||
        fail "not the verdict on hornet-on-hive.png: $answer"

    # To the process itself, as an engine does; unshare hands on its exit code.
    kill -TERM "$(pgrep --parent "$server")"
    wait "$server" || fail "SIGTERM ended the server with exit code $?: $(tail -n 5 "$scratch/serve.log")"
    server=
    ! (readonly_root "${health[@]}") 2>/dev/null || fail "the health check says that a dead server is well"
    say "serves on a read-only root: healthy, a verdict, exit code 0 after SIGTERM"
}

main() {
    [[ $EUID -eq 0 ]] || fail "must run as root (it installs packages and mounts folders)"
    command -v apt-get >/dev/null || fail "needs Debian or Ubuntu, for debootstrap"
    [[ -f $MODEL ]] || fail "$MODEL is missing; the image carries it"
    [[ -n $(ls -A data/examples 2>/dev/null) ]] || fail "data/examples is empty"

    mkdir -p "$CACHE"
    scratch=$(mktemp -d "$CACHE/scratch.XXXXXX")
    container='' server=''
    trap '[[ -z $server ]] || pkill -KILL --parent "$server" || true; [[ -z $container ]] || buildah rm "$container" >/dev/null; rm -rf --one-file-system "$scratch"' EXIT
    mkdir "$scratch/readonly"

    install_tools
    buildah inspect --type image "$BASE" >/dev/null 2>&1 || make_base
    build_image
    container=$(buildah from "$IMAGE")
    root=$(buildah mount "$container")
    mapfile -t environment < <(image '{{range .Env}}{{println .}}{{end}}' | grep .)
    check_size
    check_contents
    check_predictions
    check_service
    buildah rmi --prune >/dev/null 2>&1 || true # what earlier builds left behind
    say "the image is good: $IMAGE"
}

main "$@"
