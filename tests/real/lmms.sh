#!/usr/bin/env bash
# A picture of LMMS with a MIDI file of ours opened in it: tests/real/lmms.sh FILE.mid PICTURE.png
# Needs what tests/real/install.sh lmms installs. LMMS has no way to report what it opened: look.
set -euo pipefail

file=$(realpath "$1")
picture=$(realpath -m "$2")
home=$(mktemp -d)
screen=:$((70 + RANDOM % 900))
Xvfb "$screen" -screen 0 860x480x24 -nolisten tcp > /dev/null 2>&1 &
x=$!
trap 'kill "${lmms:-$x}" "$x" 2> /dev/null; wait 2> /dev/null; rm -rf "$home"' EXIT
sleep 2
cat > "$home/.lmmsrc.xml" <<XML
<?xml version="1.0"?><!DOCTYPE lmms-config-file>
<lmms version="1.2.2" configversion="2">
  <app configured="1" nommapicons="0"/>
  <mixer audiodev="Dummy (no sound output)" mididev="Dummy (no MIDI support)"/>
  <paths workingdir="$home/lmms/" defaultsf2="/usr/share/sounds/sf2/TimGM6mb.sf2"/>
</lmms>
XML
mkdir -p "$home/lmms"
export DISPLAY=$screen HOME=$home
lmms --allowroot --config "$home/.lmmsrc.xml" --import "$file" > "$home/said" 2>&1 &
lmms=$!
sleep "${3:-25}"
import -window root "$picture"
echo "$picture"
