#!/bin/bash
# Checks a Carrel credential offline: signature (Ed25519) against the JWKS beside it, audience, expiry.
# Prints what it found, never the token. usage: check_token.sh NAME AUDIENCE
set -euo pipefail
folder=/run/carrel/credentials/$1
audience=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

unbase64url() {
  local text
  text=$(tr -d '\n' | tr -- '-_' '+/')
  while [ $((${#text} % 4)) -ne 0 ]; do text+='='; done
  printf '%s' "$text" | base64 -d
}
field() { grep -o "\"$1\":\"\?[^,\"}]*" | head -1 | sed 's/^"[a-z]*":"\?//'; }

IFS=. read -r header payload signature < "$folder/token" || [ -n "$signature" ] # it ends without a line feed
printf '%s.%s' "$header" "$payload" > "$work/signed"
printf '%s' "$signature" | unbase64url > "$work/signature"
key_id=$(printf '%s' "$header" | unbase64url | field kid)
x=$(tr '{' '\n' < "$folder/jwks.json" | grep -F "\"kid\":\"$key_id\"" | field x)
# An Ed25519 public key in DER is this fixed prefix and the 32 bytes (RFC 8410).
{ printf '\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00'; printf '%s' "$x" | unbase64url; } > "$work/key.der"
openssl pkeyutl -verify -pubin -inkey "$work/key.der" -keyform DER -rawin -in "$work/signed" -sigfile "$work/signature" > /dev/null
claims=$(printf '%s' "$payload" | unbase64url)
[ "$(printf '%s' "$claims" | field aud)" = "$audience" ] || { echo "wrong audience"; exit 1; }
left=$(($(printf '%s' "$claims" | field exp) - $(date +%s)))
[ "$left" -gt 0 ] || { echo "expired"; exit 1; }
echo "token \"$1\": signature good, audience $audience, valid for $left more seconds"
