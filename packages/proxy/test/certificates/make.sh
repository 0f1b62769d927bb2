#!/bin/sh
# Makes the certificates of the tests: an authority, two servers and a client, for 100 years.
set -eu
cd "$(dirname "$0")"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500 \
  -subj '/CN=Test authority' -keyout ca.key -out ca.crt
issue() {
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$1" \
    -keyout "$1.key" -out "$1.csr"
  printf 'subjectAltName=%s\n' "$2" > "$1.ext"
  openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 36500 \
    -extfile "$1.ext" -out "$1.crt"
  rm "$1.csr" "$1.ext"
}
issue one.example 'DNS:one.example,DNS:*.wild.example,IP:127.0.0.1'
issue two.example 'DNS:two.example'
issue client 'DNS:client'
rm -f ca.key ca.srl
