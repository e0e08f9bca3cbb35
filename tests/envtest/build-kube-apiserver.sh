#!/usr/bin/env bash
# Builds the current kube-apiserver, kube-controller-manager and kubectl from the Go modules in current/go.mod, and links etcd
# beside them. The live tests run against these programs.
#
#   tests/envtest/build-kube-apiserver.sh [FOLDER]
#
# Prints the folder, which is the value for KUBEBUILDER_ASSETS. Does nothing if the folder has the programs already.
# A cold build takes 15 minutes of CPU time (8 to 9 minutes on two idle cores) and 2.5 GiB of disk.
#
# To move to a newer version, change the version of k8s.io/kubernetes (v1.X.Y) and of all `replace` lines (v0.X.Y) in
# current/go.mod, and run `go mod tidy` there.
set -euo pipefail

module=$(cd "$(dirname "$0")/current" && pwd)
# Do not use `go list`: an existing build does not need Go.
version=$(sed -n 's|^\s*k8s\.io/kubernetes \(v[0-9.]*\).*|\1|p' "$module/go.mod")
assets=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/regcred/envtest/$version}
programs=(kube-apiserver kube-controller-manager kubectl)

is_built() {
    local program
    for program in "${programs[@]}" etcd; do
        [ -x "$assets/$program" ] || return 1
    done
}

say() { echo "envtest: $*" >&2; }

# Since 1.21, Go downloads the toolchain in go.mod.
check_go() {
    local minor
    minor=$(go env GOVERSION 2>/dev/null | sed -n 's/^go1\.\([0-9]*\).*/\1/p') || true
    if [ "${minor:-0}" -lt 21 ]; then
        say "cannot build kube-apiserver $version: Go 1.21 or newer is missing"
        say "install Go from https://go.dev/dl, or set KUBEBUILDER_ASSETS to a folder with ${programs[*]} and etcd"
        exit 1
    fi
}

build() {
    local major minor package=k8s.io/component-base/version flags program
    IFS=. read -r major minor _ <<< "${version#v}"
    # Without a version, the server reports v0.0.0 and rejects some of its own defaults.
    flags="-s -w -X $package.gitVersion=$version -X $package.gitMajor=$major -X $package.gitMinor=$minor"
    cd "$module"
    mkdir -p "$assets"
    for program in "${programs[@]}"; do
        say "building $program $version"
        # Use a temporary name first, because an interrupted build must not look finished.
        CGO_ENABLED=0 GOFLAGS=-mod=readonly go build -trimpath -ldflags "$flags" \
            -o "$assets/$program.new" "k8s.io/kubernetes/cmd/$program"
        mv "$assets/$program.new" "$assets/$program"
    done
}

if ! is_built; then
    {
        check_go
        if ! command -v etcd; then
            say "installing etcd"
            apt-get update -qq
            apt-get install -y -qq --no-install-recommends etcd-server
        fi
        build
        ln -sf "$(command -v etcd)" "$assets/etcd"
    } >&2
fi
echo "$assets"
