#!/bin/sh
# Writes .env: the base images by the digest that their tags have now. `docker compose` reads it.
# Run it when they should be renewed (`make images`), and build and test again.
set -eu
cd "$(dirname "$0")/.."
digest() {
    docker buildx imagetools inspect "$1" --format '{{.Manifest.Digest}}'
}
pinned() {
    # Taken before the line is written: a registry that is away leaves the old file as it is.
    found=$(digest "$2")
    case "$found" in
        sha256:*) echo "$1=${2%%:*}:${2#*:}@$found" ;;
        *) echo "$2 has no digest: $found" >&2; exit 1 ;;
    esac
}
made=$(pinned PYTHON_IMAGE python:3.11-slim && pinned REDIS_IMAGE redis:7 && pinned POSTGRES_IMAGE postgres:16)
grep -vsE '^(PYTHON|REDIS|POSTGRES)_IMAGE=' .env > .env.new || true
echo "$made" >> .env.new
mv .env.new .env
echo "$made"
