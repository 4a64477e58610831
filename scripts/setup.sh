#!/bin/sh
# Installs what the tests need and this machine lacks: redis-server, a Chromium
# for the test of the demo's page, and a C compiler for the race detector.
set -eu

packages=""
command -v redis-server >/dev/null || packages="$packages redis-server"
command -v gcc >/dev/null || packages="$packages gcc libc6-dev"
command -v chromium >/dev/null || command -v chromium-browser >/dev/null ||
	command -v google-chrome >/dev/null || packages="$packages chromium"
[ -n "$packages" ] || exit 0

if ! command -v apt-get >/dev/null; then
	echo "The tests need:$packages"
	echo "Install them with the package manager of this system and run make test again."
	exit 1
fi
root=""
[ "$(id -u)" = 0 ] || root="sudo"
echo "Installing:$packages"
$root apt-get update -qq
# RUNLEVEL=1: the package's own redis-server service is not wanted, the tests
# start their own.
$root env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >/dev/null
