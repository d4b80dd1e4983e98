#!/usr/bin/env bash
# Installs through apt what the tests drive as real processes, where it is missing.
set -euo pipefail
missing=()
command -v chromium >/dev/null || missing+=(chromium)
command -v redis-server >/dev/null || missing+=(redis-server)
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing+=(postgresql)
# What lints, types and tests dashboard/browser; the product itself needs neither.
NODE_AT_LEAST=18
major() { node --version | sed -E 's/^v([0-9]+).*/\1/'; }
command -v node >/dev/null && [ "$(major)" -ge "$NODE_AT_LEAST" ] || missing+=(nodejs)
command -v npm >/dev/null || missing+=(npm)
AXE=4.14.1
axe=.cache/axe-$AXE
install_axe() {
    [ -f "$axe/axe.min.js" ] && return
    mkdir -p "$axe"
    npm pack --silent --pack-destination "$axe" "axe-core@$AXE" >/dev/null
    tar -xzf "$axe/axe-core-$AXE.tgz" -C "$axe" --strip-components=1 package/axe.min.js package/LICENSE
    rm "$axe/axe-core-$AXE.tgz"
}
if [ ${#missing[@]} -eq 0 ]; then
    install_axe
    exit 0
fi
sudo=""
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "Please install: ${missing[*]}" >&2; exit 1; }
    sudo=sudo
fi
echo "Installing ${missing[*]} through apt ..."
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -qq
$sudo apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
install_axe
