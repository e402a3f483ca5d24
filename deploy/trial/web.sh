# The whole of web mode on one machine, for trying it out: a router, a small OpenID provider that believes every name,
# and one enrolled host with a desktop of its own. Sourced by run.sh.

# Runs until it is stopped; everything that it started ends with it.
run_web() {
  local bin="${CARGO_TARGET_DIR:-target}/release" port="${REMOVID_TRIAL_PORT:-8444}" dir line issuer token
  dir="${REMOVID_TRIAL_DIR:-${XDG_STATE_HOME:-$HOME/.local/state}/removid-trial}"
  local url="https://localhost:$port/"
  mkdir -p "$dir/host"
  chmod 700 "$dir" "$dir/host"
  trap 'trap - EXIT; kill $(jobs -p) 2>/dev/null; wait' EXIT
  trap 'exit 0' INT TERM HUP

  [ -s "$dir/client-secret" ] || (umask 077 && head -c 32 /dev/urandom | base64 | tr -d '\n=' > "$dir/client-secret")
  node deploy/trial/provider.mjs "$(printf '{"port":%s,"client":{"id":"removid","secret":"%s","redirect":"%sauth/callback/trial","home":"%s"},"people":%s}' \
    "${REMOVID_TRIAL_PROVIDER_PORT:-8445}" "$(cat "$dir/client-secret")" "$url" "$url" \
    '{"ada":{"name":"Ada (administrator)","groups":["admins"]},"bob":{"name":"Bob","groups":["staff"]}}')" \
    > "$dir/provider.out" 2> "$dir/provider.log" &
  wait_for "$dir/provider.out" issuer "$dir/provider.log"
  issuer=$(sed -n 's/.*"issuer":"\([^"]*\)".*/\1/p' "$dir/provider.out")

  cat > "$dir/router.toml" <<END
# Made by ./run.sh web, for trying it out; made anew at every start.
public-url = "$url"
listen = "[::]:$port"
state-dir = "$dir"
admins = [{ provider = "trial", group = "admins" }]

[[provider]]
id = "trial"
name = "the trial provider"
issuer = "$issuer"
client-id = "removid"
client-secret-file = "$dir/client-secret"
scopes = ["openid", "profile", "email", "groups"]
END
  "$bin/removid-router" --config "$dir/router.toml" > "$dir/router.out" 2> "$dir/router.log" &
  wait_for "$dir/router.out" "$url" "$dir/router.log"

  printf '%s' '{"allow":{"labels":{"trial":["yes"]}},"rights":{"view":true,"sound":true,"input_keyboard":true,"input_pointer":true,"clipboard_to_host":true,"clipboard_from_host":true,"display_resize":true}}' |
    "$bin/removid-router" --config "$dir/router.toml" role set staff -
  "$bin/removid-router" --config "$dir/router.toml" role bind staff --provider trial --group staff
  if [ ! -s "$dir/host/router.json" ]; then
    (umask 077 && "$bin/removid-router" --config "$dir/router.toml" enroll-token --label trial=yes > "$dir/enroll-token")
    "$bin/removid" enroll "$url" --token-file "$dir/enroll-token" --ca "$dir/tls-cert.pem" --state-dir "$dir/host"
    rm -f "$dir/enroll-token"
  fi
  "$bin/removid" agent --desktop virtual --state-dir "$dir/host" "$@" > "$dir/agent.log" 2>&1 &
  wait_for "$dir/router.log" 'Host connected' "$dir/agent.log"

  say 'REMOVID in web mode, for trying it out on this machine alone'
  cat <<END
  $url
  Log in as ada (administrator) or bob, with any password: the provider believes everybody.
  Your browser warns of the certificate once: the router made it itself.
  Logs and state: $dir            Ctrl+C stops everything
END
  wait -n || true
  die "one of the parts ended; its log is in $dir"
}

# Waits until a file says something; shows the log if the part ends first or takes too long.
wait_for() {
  local tries=300
  until grep -q -- "$2" "$1" 2>/dev/null; do
    tries=$((tries - 1))
    if [ $tries = 0 ] || ! kill -0 $! 2>/dev/null; then tail -n 20 "$3" >&2; die "a part did not start; its log is $3"; fi
    sleep 0.1
  done
}
