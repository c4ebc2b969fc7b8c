# What .ci/run and .ci/full share; sourced by them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec </dev/null

export CI=true DEBIAN_FRONTEND=noninteractive PIP_DISABLE_PIP_VERSION_CHECK=1
export npm_config_fund=false npm_config_audit=false npm_config_update_notifier=false
# The suites that need Redis, Dovecot, Knot, BIND, PowerDNS or Unbound say so and skip without them; here that
# is a failure.
export RUAWATCH_NO_SKIP=1
NODE_24=24.9.0

work=$(mktemp -d)
# Postgres runs as a user of its own when we are root, and must be able to enter.
chmod 755 "$work"
trap 'rm -rf "$work"' EXIT
failed=()
beside=()
export CHECKDMARC_PYTHON="$work/checkdmarc-python"
export CERTBOT_PYTHON="$work/certbot-python"
export KUBERNETES_VALIDATE="$work/kubernetes-validate-python"
export SCHEMATHESIS="$work/schemathesis-program" SCHEMATHESIS_EXAMPLES="${SCHEMATHESIS_EXAMPLES:-2}"

told() {
  local name=$1 rc=$2 seconds=$3
  if [ "$rc" -ne 0 ]; then failed+=("$name"); fi
  printf -- '-- %s: %s in %s s\n' "$name" "$([ "$rc" -eq 0 ] && echo passed || echo "FAILED ($rc)")" "$seconds"
}

step() {
  local name=$1 rc=0 started=$SECONDS
  shift
  printf '\n== %s\n' "$name"
  # Not as the condition of an if: that would switch `set -e` off inside.
  set +e
  (
    set -euo pipefail
    "$@"
  )
  rc=$?
  set -e
  told "$name" "$rc" "$((SECONDS - started))"
}

# Runs a step beside those that follow, up to the next `join`, which prints what it said.
beside() {
  local name=$1 log="$work/beside-${#beside[@]}"
  shift
  (
    set +e
    trap - EXIT
    started=$SECONDS
    (
      set -euo pipefail
      "$@"
    ) >"$log" 2>&1
    echo "$? $((SECONDS - started))" >"$log.end"
  ) &
  beside+=("$!|$log|$name")
}

join() {
  local one pid log name rc seconds
  for one in "${beside[@]}"; do
    IFS='|' read -r pid log name <<<"$one"
    wait "$pid" || true
    printf '\n== %s (beside others)\n' "$name"
    cat "$log"
    rc=1 seconds='?'
    if [ -e "$log.end" ]; then read -r rc seconds <"$log.end"; fi
    told "$name" "$rc" "$seconds"
    rm -f "$log" "$log.end"
  done
  beside=()
}

servers() {
  local missing=()
  command -v redis-server >/dev/null || missing+=(redis-server)
  # Its OAuth 2 support is part of dovecot-core, which dovecot-imapd depends on.
  [ -x /usr/sbin/dovecot ] && [ -x /usr/lib/dovecot/imap ] || missing+=(dovecot-imapd)
  [ -e /usr/lib/dovecot/modules/auth/libdriver_pgsql.so ] || missing+=(dovecot-pgsql)
  [ -x /usr/lib/dovecot/lmtp ] || missing+=(dovecot-lmtpd)
  [ -x /usr/bin/chromium ] || missing+=(chromium)
  [ -x /usr/sbin/knotd ] || missing+=(knot)
  [ -x /usr/sbin/named ] || missing+=(bind9)
  [ -x /usr/sbin/pdns_server ] || missing+=(pdns-server)
  [ -e /usr/share/pdns-backend-sqlite3 ] || missing+=(pdns-backend-sqlite3)
  [ -x /usr/sbin/opendkim ] || missing+=(opendkim)
  [ -x /usr/bin/rspamd ] || missing+=(rspamd)
  [ -x /usr/sbin/postfix ] || missing+=(postfix)
  [ -e /usr/lib/postfix/postfix-pgsql.so ] || missing+=(postfix-pgsql)
  [ -e /usr/lib/postfix/postfix-lmdb.so ] || missing+=(postfix-lmdb)
  [ -x /usr/bin/lego ] || missing+=(lego)
  [ -x /usr/bin/swaks ] || missing+=(swaks)
  [ -x /usr/sbin/opendmarc ] || missing+=(opendmarc)
  [ -x /usr/sbin/unbound ] || missing+=(unbound)
  [ -x /usr/bin/promtool ] || missing+=(prometheus)
  [ -x /usr/sbin/rsyslogd ] || missing+=(rsyslog)
  [ -e /usr/lib/x86_64-linux-gnu/rsyslog/lmnsd_gtls.so ] || missing+=(rsyslog-gnutls)
  command -v pgbouncer >/dev/null || missing+=(pgbouncer)
  ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing+=(postgresql)
  command -v openssl >/dev/null || missing+=(openssl)
  command -v git >/dev/null || missing+=(git)
  [ -e /etc/ssl/certs/ca-certificates.crt ] || missing+=(ca-certificates)
  python3 -m pip --version >/dev/null 2>&1 || missing+=(python3-pip)
  if [ "${#missing[@]}" -eq 0 ]; then
    echo 'All servers and tools are there.'
    return
  fi
  # Packages of servers start them; the tests start their own, on ports of their own. 101 tells Debian not to.
  if [ ! -e /usr/sbin/policy-rc.d ]; then
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
    chmod 755 /usr/sbin/policy-rc.d
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
  fi
  apt-get update -q
  apt-get install -y -q --no-install-recommends "${missing[@]}"
}

# The other checker that ours is held against (test/dns/check/checkdmarc.test.ts), in a folder of its own.
checkdmarc() {
  python3 -m pip install --quiet --root-user-action=ignore --target "$work/checkdmarc" checkdmarc==6.0.4 dnstwist==20250130
  printf '#!/bin/sh\nPYTHONPATH="%s" exec python3 "$@"\n' "$work/checkdmarc" >"$CHECKDMARC_PYTHON"
  chmod 755 "$CHECKDMARC_PYTHON"
  "$CHECKDMARC_PYTHON" -c 'import checkdmarc; print(checkdmarc.__version__)'
}

# A client of the gateway (test/gateway/certbot.test.ts), in a folder of its own.
certbot() {
  python3 -m pip install --quiet --root-user-action=ignore --target "$work/certbot" certbot-dns-rfc2136
  printf '#!/bin/sh\nPYTHONPATH="%s" exec python3 "$@"\n' "$work/certbot" >"$CERTBOT_PYTHON"
  chmod 755 "$CERTBOT_PYTHON"
  "$CERTBOT_PYTHON" -c 'import certbot_dns_rfc2136'
}

# The schemas of Kubernetes that the chart is held against (test/deploy/helm.test.ts), in a folder of its own.
kubernetes_validate() {
  python3 -m pip install --quiet --root-user-action=ignore --target "$work/kubernetes-validate" kubernetes-validate==1.37.0
  printf '#!/bin/sh\nPYTHONPATH="%s" exec python3 "$@"\n' "$work/kubernetes-validate" >"$KUBERNETES_VALIDATE"
  chmod 755 "$KUBERNETES_VALIDATE"
  "$KUBERNETES_VALIDATE" -c 'import kubernetes_validate as v; print(v.latest_version())'
}

# What makes up calls of the console's API (test/console/api/schemathesis.test.ts), in a folder of its own.
schemathesis() {
  python3 -m pip install --quiet --root-user-action=ignore --target "$work/schemathesis" schemathesis==4.32.5
  printf '#!/bin/sh\nPYTHONPATH="%s" exec python3 "%s/bin/schemathesis" "$@"\n' "$work/schemathesis" "$work/schemathesis" >"$SCHEMATHESIS"
  chmod 755 "$SCHEMATHESIS"
  "$SCHEMATHESIS" --version
}

# Taken once, before steps beside one another ask npx for it.
other_node() {
  cd "$work"
  npx -y "node@$NODE_24" --version
}

# The servers, the dependencies and the build, from a clean checkout; nothing else can run without them.
prepare() {
  echo "node $(node --version), npm $(npm --version)"
  step 'servers and tools' servers
  beside 'checkdmarc' checkdmarc
  beside 'certbot' certbot
  beside 'kubernetes-validate' kubernetes_validate
  beside 'schemathesis' schemathesis
  beside "Node $NODE_24" other_node
  step 'npm ci' npm ci
  join
  if [ "${#failed[@]}" -gt 0 ]; then
    printf '\nFAILED: %s. Nothing else can run.\n' "${failed[*]}"
    node .ci/totals.mjs
  fi
}

# The reports of other people's repositories lie beside the checkout, where they are at all: they are no part
# of it.
exclude=()
if [ ! -e ../shared/samples/expected.tsv ]; then exclude+=(test/report/samples.test.ts test/e2e/samples.test.ts); fi
if [ ! -e ../shared/suites/spf/rfc7208-tests.yml ]; then exclude+=(test/dns/spf/suite.test.ts); fi

# Tools of Kubernetes, and pebble, take half an hour to build, so CI takes what scripts/kubernetes-tools.sh
# has built on this machine. without TEST TOOL... leaves a test out where one is missing.
missing_tools=()
without() {
  local test=$1 tool
  shift
  for tool in "$@"; do
    if [ ! -x "${XDG_CACHE_HOME:-$HOME/.cache}/ruawatch/bin/$tool" ]; then
      exclude+=("$test")
      missing_tools+=("$tool, for $test")
      return
    fi
  done
}
without test/deploy/helm.test.ts helm
without test/deploy/helm-install.test.ts helm etcd kube-apiserver kubectl ../crds
without test/cluster/real-api.test.ts etcd kube-apiserver
without test/gateway/acme.test.ts pebble
without test/docs/kubernetes-steps.test.ts helm etcd kube-apiserver kubectl
# vitest.config.ts reads it. Not RUAWATCH_…: the program refuses settings that it does not know.
TESTS_LEFT_OUT=$(IFS=:; echo "${exclude[*]}")
export TESTS_LEFT_OUT

# Tests, with a JSON result beside the usual report: tests NAME VERSION SECONDS COMMAND..., where VERSION is
# that of Node, or "" for the one at hand. What failed is run once more, each file by itself (.ci/again.mjs);
# totals.mjs names what passed only then.
tests() {
  local name=$1 version=$2 seconds=$3 rc=0 node=(node)
  shift 3
  if [ -n "$version" ]; then node=(npx -y "node@$version"); fi
  if [ "${#exclude[@]}" -gt 0 ]; then echo "Left out, since not all of ../shared or of the tools of Kubernetes is here: ${exclude[*]}"; fi
  if [ "${#missing_tools[@]}" -gt 0 ]; then printf 'NOT RUN, not built by scripts/kubernetes-tools.sh: %s\n' "${missing_tools[@]}"; fi
  timeout "$seconds" "$@" --reporter=json "--outputFile.json=$work/$name-first.json" || rc=$?
  "${node[@]}" .ci/again.mjs "$work/$name-first.json" "$rc" "$work/$name.json" "$work/$name-retried.json"
}

# The same by another version of Node, with what they came to.
tests_on() {
  local version=$1 seconds=$2
  shift 2
  tests "node-$version" "$version" "$seconds" npx -y "node@$version" node_modules/vitest/vitest.mjs run --reporter=dot "$@"
  node .ci/totals.mjs "$work/node-$version.json" "$work/node-$version-retried.json"
}

# What failed, and how long all took.
verdict() {
  if [ "${#failed[@]}" -gt 0 ]; then
    printf '\nFAILED steps:\n'
    printf '  %s\n' "${failed[@]}"
  fi
  echo "In $((SECONDS / 60)) minutes and $((SECONDS % 60)) seconds."
  [ "${#failed[@]}" -eq 0 ]
}

# The same with the tests' result as the last line. The exit code is 0 only when every step passed and no test
# failed or was skipped.
finish() {
  local steps=0 rc=0
  verdict || steps=$?
  node .ci/totals.mjs "$work/result.json" "$work/result-retried.json" || rc=$?
  [ "$rc" -eq 0 ] && [ "$steps" -eq 0 ]
}
