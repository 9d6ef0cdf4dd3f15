#!/usr/bin/env bash
# Installs, from Debian's packages, the programs that tests/real opens our files with.
# Where that cannot be done (no root, no apt, no network) it says so and ends well: the tests skip.
#
#   tests/real/install.sh          MuseScore 3, fluidsynth, timidity: under a minute
#   tests/real/install.sh lmms     and LMMS with a screen of its own, for tests/real/lmms.sh
set -uo pipefail

packages=(fluidsynth timgm6mb-soundfont timidity musescore3)
[ "${1:-}" = lmms ] && packages+=(lmms xvfb xauth imagemagick)

skip() {
    echo "tests/real: $1; tests with real programs will be skipped" >&2
    exit 0
}

installed() {
    command -v fluidsynth > /dev/null && command -v timidity > /dev/null || return 1
    command -v mscore3 mscore musescore3 musescore > /dev/null || return 1 # any of them
    [ -e /usr/share/sounds/sf2/TimGM6mb.sf2 ] || [ -e /usr/share/sounds/sf2/default-GM.sf2 ]
}

[ "${1:-}" = lmms ] || ! installed || exit 0
[ "$(id -u)" = 0 ] || skip "not root"
command -v apt-get > /dev/null || skip "no apt-get"
export DEBIAN_FRONTEND=noninteractive
timeout 120 apt-get -qq update > /dev/null 2>&1 || skip "the list of packages cannot be read"
timeout 300 apt-get -qq install -y --no-install-recommends "${packages[@]}" > /dev/null 2>&1 \
    || skip "${packages[*]} cannot be installed"
