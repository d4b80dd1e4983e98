#!/bin/sh
# Pins the base images that Dockerfile and compose name to the digests their tags have now.
# `make images` runs it once a month; build and test again after.
set -eu
cd "$(dirname "$0")/.."
digest() {
    docker buildx imagetools inspect "$1" --format '{{.Manifest.Digest}}'
}
pinned() {
    case "$(digest "$1")" in
        sha256:?*) digest "$1" ;;
        *) echo "$1 has no digest" >&2; exit 1 ;;
    esac
}
# All are taken before a line is written: a registry that is away leaves both files as they are.
python=$(pinned python:3.11-slim)
redis=$(pinned redis:7)
postgres=$(pinned postgres:16)
sed -i "s#python:3.11-slim@sha256:[0-9a-f]*#python:3.11-slim@$python#" Dockerfile
sed -i "s#redis:7@sha256:[0-9a-f]*#redis:7@$redis#; s#postgres:16@sha256:[0-9a-f]*#postgres:16@$postgres#" \
    docker-compose.yml
grep -ho '[a-z]*:[0-9a-z.-]*@sha256:.*' Dockerfile docker-compose.yml
