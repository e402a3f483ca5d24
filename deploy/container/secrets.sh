#!/bin/sh
# Makes the secrets of compose.yaml, once:  deploy/container/secrets.sh [THIS MACHINE'S ADDRESS] [FOLDER]
# Run as root, each belongs to the user who reads it in the container: router and provider 10001, coturn 65534.
set -eu
cd "$(dirname "$0")"
address=${1:-127.0.0.1}
out=${2:-secrets}
umask 077
mkdir -p "$out"
for name in client-secret turn-secret database-password; do
  [ -s "$out/$name" ] || head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '\n=' > "$out/$name"
done
printf '127.0.0.1:5433:removid:removid:%s' "$(cat "$out/database-password")" > "$out/pgpass"
# Without certificates coturn has no TLS; then nothing listens for turns:.
sed -e "s/<192\.0\.2\.10>/$address/" -e 's/<desk\.example\.org>/localhost/' -e "s/<THE SECRET>/$(cat "$out/turn-secret")/" \
  -e '/^tls-listening-port/d' -e '/^cert=/d' -e '/^pkey=/d' -e '$a no-tls\nno-dtls' ../coturn/turnserver.conf > "$out/turnserver.conf"
if [ "$(id -u)" = 0 ]; then
  chown 10001:10001 "$out/client-secret" "$out/turn-secret" "$out/pgpass"
  chown 65534:65534 "$out/turnserver.conf"
  chmod 711 "$out"
fi
