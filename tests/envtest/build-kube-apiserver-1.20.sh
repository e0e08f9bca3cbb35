#!/usr/bin/env bash
# Builds kube-apiserver 1.20.2, the oldest server that the live tests support, and links etcd beside it. The source is Debian 12's
# package `kubernetes`, the last one that holds the server.
#
#   tests/envtest/build-kube-apiserver-1.20.sh [FOLDER]
#
# Prints the folder, which is the value for KUBEBUILDER_ASSETS. Does nothing if the folder has the programs already.
# A cold build takes three to six minutes on two cores. It needs root for apt-get.
set -euo pipefail

assets=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/regcred/envtest/v1.20.2}
if [ -x "$assets/kube-apiserver" ] && [ -x "$assets/etcd" ]; then
    echo "$assets"
    exit 0
fi

say() { echo "envtest: $*" >&2; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

install_tools() {
    local sources=/etc/apt/sources.list.d/regcred-envtest.sources
    if ! grep -qs deb-src /etc/apt/sources.list.d/*; then
        sed 's/^Types:.*/Types: deb-src/' /etc/apt/sources.list.d/debian.sources > "$sources"
    fi
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends \
        dpkg-dev etcd-server golang-go golang-github-modern-go-reflect2-dev
}

fetch_source() {
    (cd "$scratch" && apt-get source --download-only -qq kubernetes=1.20.5+really1.20.2-1.1+deb12u1)
    mkdir -p "$tree"
    tar -xf "$scratch"/kubernetes_*.orig.tar.gz --strip-components=1 -C "$tree"
    # The bundled reflect2 relies on the map headers of Go before 1.18. Debian packages a newer release without this problem.
    rm -r "$tree/vendor/github.com/modern-go/reflect2"
    cp -r /usr/share/gocode/src/github.com/modern-go/reflect2 "$tree/vendor/github.com/modern-go/"
}

# The source does not contain the OpenAPI definitions. They are generated from every package that requests it.
generate_openapi() {
    go build -o "$scratch/openapi-gen" ./vendor/k8s.io/kube-openapi/cmd/openapi-gen
    find -L pkg vendor/k8s.io -type f -name '*.go' -not -name 'zz_generated*' \
        -not -path '*/_examples/*' -not -path '*/sample-*' -not -path 'vendor/k8s.io/code-generator/*' \
        -exec grep -l '+k8s:openapi-gen=' {} + | xargs -n 1 dirname | sort -u > "$scratch/packages"
    "$scratch/openapi-gen" --logtostderr \
        --input-dirs "$(sed 's|^|k8s.io/kubernetes/|' "$scratch/packages" | paste -s -d ,)" \
        --output-package k8s.io/kubernetes/pkg/generated/openapi --output-file-base zz_generated.openapi \
        --output-base "$GOPATH/src" --go-header-file hack/boilerplate/boilerplate.generatego.txt \
        --report-filename "$scratch/violations"
}

build_server() {
    local version='-s -w' package
    for package in client-go/pkg/version component-base/version; do
        package=k8s.io/kubernetes/vendor/k8s.io/$package
        version+=" -X $package.gitVersion=v1.20.2 -X $package.gitMajor=1 -X $package.gitMinor=20"
    done
    go build -ldflags "$version" -o "$scratch/kube-apiserver" ./cmd/kube-apiserver
}

{
    export GOPATH=$scratch/go GOCACHE=$scratch/cache GO111MODULE=off GOFLAGS= CGO_ENABLED=0
    tree=$GOPATH/src/k8s.io/kubernetes
    say "installing compilers"
    install_tools
    say "fetching the source"
    fetch_source
    cd "$tree"
    say "generating the OpenAPI definitions"
    generate_openapi
    say "building kube-apiserver"
    build_server
    mkdir -p "$assets"
    ln -sf "$(command -v etcd)" "$assets/etcd"
    mv "$scratch/kube-apiserver" "$assets/kube-apiserver" # last: what is there is whole
} >&2
echo "$assets"
