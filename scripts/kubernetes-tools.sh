#!/usr/bin/env bash
# Builds the Kubernetes tools that the tests of the chart use: bash scripts/kubernetes-tools.sh [TOOL...]
#
# They come from their sources through the Go module proxy, which needs Go 1.24 or newer and no container
# engine: helm, kubeconform and etcd take minutes, kube-apiserver about twenty on two cores. pebble, an ACME
# server, is for the tests of clients of the gateway, and takes a minute. They are kept
# outside the repository, in ${XDG_CACHE_HOME:-~/.cache}/ruawatch/bin, and a tool that is there is not built
# again. The definitions of KEDA, the Prometheus Operator and the Gateway API lie beside them, in crds.
# CI does not build any of it: the tests that need one are named as skipped where it is missing.
set -euo pipefail

HELM=v3.22.0
KUBECONFORM=v0.8.0
ETCD=v3.6.4
PEBBLE=v2.8.0
KUBERNETES=1.34.4
KEDA=v2.20.2
GATEWAY_API=v1.6.3
PROMETHEUS_OPERATOR=v0.85.0

bin="${XDG_CACHE_HOME:-$HOME/.cache}/ruawatch/bin"
mkdir -p "$bin"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export GOFLAGS="-mod=mod -buildvcs=false -trimpath" CGO_ENABLED=0

# A module of its own whose only purpose is to be the main one: `go install` refuses modules with replace
# directives, and Kubernetes and etcd have them. build NAME MODULE VERSION PACKAGE [LDFLAGS]
build() {
  local name=$1 module=$2 version=$3 package=$4 flags=${5:-}
  mkdir -p "$work/$name"
  (
    cd "$work/$name"
    [ -e go.mod ] || go mod init "example.org/$name" 2>/dev/null
    go mod edit -require "$module@$version"
    go build -ldflags "-s -w $flags" -o "$name" "$package"
  )
  mv "$work/$name/$name" "$bin/$name.new"
  mv "$bin/$name.new" "$bin/$name"
}

# Kubernetes requires its own parts at v0.0.0 and replaces them by folders that its module does not hold: each
# is published as a module, with the same minor and patch number.
kubernetes() {
  local name=$1 part parts flags=""
  mkdir -p "$work/$name"
  (cd "$work/$name" && go mod init "example.org/$name" 2>/dev/null)
  # All parts, one a line.
  parts=$(go mod download -json "k8s.io/kubernetes@v$KUBERNETES" | sed -n 's/.*"GoMod": "\(.*\)".*/\1/p' |
    xargs sed -n 's#^\t\(k8s.io/[a-z-]*\) v0\.0\.0$#\1#p')
  for part in $parts; do
    (cd "$work/$name" && go mod edit -replace "$part=$part@v0.${KUBERNETES#1.}")
  done
  for part in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    flags+=" -X $part.gitVersion=v$KUBERNETES -X $part.gitMajor=1 -X $part.gitMinor=$(cut -d. -f2 <<<"$KUBERNETES")"
  done
  build "$name" k8s.io/kubernetes "v$KUBERNETES" "k8s.io/kubernetes/cmd/$name" "$flags"
}

# The definitions of objects that Kubernetes itself does not have, from the modules of their projects.
crds() {
  local folder="${bin%/bin}/crds" one
  mkdir -p "$folder.new"
  for one in "github.com/kedacore/keda/v2@$KEDA config/crd/bases/keda.sh_scaledobjects.yaml" \
    "sigs.k8s.io/gateway-api@$GATEWAY_API config/crd/standard/gateway.networking.k8s.io_httproutes.yaml" \
    "github.com/prometheus-operator/prometheus-operator@$PROMETHEUS_OPERATOR example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml" \
    "github.com/prometheus-operator/prometheus-operator@$PROMETHEUS_OPERATOR example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml"; do
    install -m 0644 "$(go mod download -json "${one% *}" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')/${one#* }" "$folder.new/"
  done
  mv -T "$folder.new" "$folder"
}

make() {
  case $1 in
    crds) crds ;;
    helm)
      build helm helm.sh/helm/v3 $HELM helm.sh/helm/v3/cmd/helm "-X helm.sh/helm/v3/internal/version.version=$HELM \
        -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor=1 -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=34 \
        -X helm.sh/helm/v3/pkg/lint/rules.k8sVersionMajor=1 -X helm.sh/helm/v3/pkg/lint/rules.k8sVersionMinor=34"
      ;;
    kubeconform) build kubeconform github.com/yannh/kubeconform $KUBECONFORM github.com/yannh/kubeconform/cmd/kubeconform ;;
    etcd) build etcd go.etcd.io/etcd/server/v3 $ETCD go.etcd.io/etcd/server/v3 ;;
    pebble) build pebble github.com/letsencrypt/pebble/v2 $PEBBLE github.com/letsencrypt/pebble/v2/cmd/pebble ;;
    kube-apiserver | kubectl) kubernetes "$1" ;;
    *)
      echo "$1 is none of helm, kubeconform, etcd, kube-apiserver, kubectl, pebble, crds" >&2
      exit 2
      ;;
  esac
}

[ "$#" -gt 0 ] || set -- helm kubeconform pebble etcd crds kubectl kube-apiserver
for tool in "$@"; do
  place="$bin/$tool"
  [ "$tool" != crds ] || place="${bin%/bin}/crds"
  if [ -e "$place" ]; then
    echo "$tool is there: $place"
    continue
  fi
  started=$SECONDS
  make "$tool"
  echo "$tool made in $((SECONDS - started)) s: $place"
done
