#!/bin/sh
# A bare Debian or Ubuntu machine in; system libraries, .venv and model files out. Run by `make setup`, safe to run again.
#
# Each part looks first and acts only on what is missing, so a machine that has everything needs no root and no network.
# Variables: PYTHON (an interpreter of your choice), AHDETECT_NO_APT=1 (leave the system alone and say what it lacks).
set -eu
cd "$(dirname "$0")/.."

say() { printf 'setup: %s\n' "$*" >&2; }

# Packages by what they serve; `a|b` are names of one library in different releases, the first that exists is taken.
BUILD="gcc portaudio19-dev"                               # PyAudio is compiled on the machine
LIBRARIES="ca-certificates libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 libportaudio2|libportaudio2t64 libgl1 libgomp1 libegl1 libgles2 libglib2.0-0|libglib2.0-0t64"
SCREEN="libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0
  libxcb-render-util0 libxcb-shape0 libxcb-xinerama0 libxcb-xkb1 libdbus-1-3 libfontconfig1 libfreetype6"
TESTS="ffmpeg espeak-ng pulseaudio pulseaudio-utils xvfb"
BROWSER="chromium-headless-shell|chromium" # the smaller first; Ubuntu's chromium-browser only fetches a snap, which no container runs

usable() { # interpreter -> true where its version is supported and it can make a virtual environment with C headers
  command -v "$1" >/dev/null 2>&1 && "$1" - <<'EOF' >/dev/null 2>&1
import ensurepip, pathlib, sys, sysconfig, venv
supported = (3, 11) <= sys.version_info[:2] <= (3, 13)
sys.exit(not (supported and pathlib.Path(sysconfig.get_path("include"), "Python.h").exists()))
EOF
}

find_python() {
  for candidate in ${PYTHON:-} python3.11 python3.12 python3.13 python3; do
    if usable "$candidate"; then command -v "$candidate"; return; fi
  done
  return 1
}

installed() { dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q '^install ok installed'; }

missing() { # names -> those of which no alternative is installed
  for names in "$@"; do
    have=no
    for name in $(echo "$names" | tr '|' ' '); do installed "$name" && have=yes; done
    [ $have = yes ] || echo "$names"
  done
}

known() { apt-cache show "$1" 2>/dev/null | grep -q '^Package:'; }

choose() { # names -> for each the first alternative that this release has
  for names in "$@"; do
    for name in $(echo "$names" | tr '|' ' '); do
      if known "$name"; then echo "$name"; break; fi
    done
  done
}

apt() {
  if [ "$(id -u)" = 0 ]; then root=""; else root="sudo"; fi
  if [ -n "$root" ] && ! command -v sudo >/dev/null 2>&1; then
    say "no root and no sudo; as root run: apt-get install $(echo "$@" | sed 's/.*install//; s/ -y//; s/--[a-z-]*//g')"
    return 1
  fi
  $root env DEBIAN_FRONTEND=noninteractive apt-get -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 -qq "$@" >&2
}

system() {
  command -v dpkg-query >/dev/null 2>&1 && command -v apt-get >/dev/null 2>&1 || {
    say "this is no Debian or Ubuntu; needed are Python 3.11 to 3.13 with headers, gcc, PortAudio (with headers), libGL,"
    say "libEGL, libGLESv2, GLib; for windows libxkbcommon-x11 and libxcb-*; for the tests $TESTS"
    return 0
  }
  needed=$(missing $BUILD $LIBRARIES)
  wished=$(missing $SCREEN $TESTS)
  python=$(find_python) || python=""
  if [ -z "$needed$wished" ] && [ -n "$python" ]; then return 0; fi
  if [ -n "${AHDETECT_NO_APT:-}" ]; then
    say "not installed (AHDETECT_NO_APT is set):" $needed $wished ${python:-python3 python3-venv python3-dev}
    return 0
  fi
  say "installing system packages:" $needed $wished $([ -n "$python" ] || echo python3 python3-venv python3-dev)
  apt update || say "apt-get update failed; going on with the package lists that are here"
  if [ -z "$python" ]; then
    # the release's own python3 where it is new enough, else one that stands beside it (Ubuntu 22.04)
    apt install -y --no-install-recommends python3 python3-venv python3-dev || true
    find_python >/dev/null || for version in 3.11 3.12 3.13; do
      known "python$version-venv" || continue
      apt install -y --no-install-recommends "python$version" "python$version-venv" "python$version-dev" && break
    done
  fi
  if [ -n "$needed" ]; then
    apt install -y --no-install-recommends $(choose $needed) || {
      say "the packages above could not be installed: $(echo $needed)"
      return 1
    }
  fi
  if [ -n "$wished" ]; then
    apt install -y --no-install-recommends $(choose $wished) ||
      say "windows or some tests will not work without: $(echo $wished)"
  fi
}

environment() {
  if [ -e .venv ] && ! .venv/bin/python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
    say ".venv does not work here (moved, or of another Python); making it anew"
    rm -rf .venv
  fi
  if [ ! -e .venv ]; then
    python=$(find_python) || {
      say "no Python 3.11, 3.12 or 3.13 with venv and headers; install one (apt-get install python3 python3-venv python3-dev) or name it: make setup PYTHON=/path/to/python3.11"
      exit 1
    }
    say "making .venv with $python"
    "$python" -m venv .venv
  fi
  # torch first and alone: a build for the CPU, where the machine's pip is set up to offer one, is chosen here and kept.
  torch=$(grep '^torch==' constraints.txt)
  .venv/bin/python -m pip install --disable-pip-version-check --quiet "$torch" -c constraints.txt
  .venv/bin/python -m pip install --disable-pip-version-check --quiet -e '.[all]' -c constraints.txt
}

has_browser() { # true where there is one that the tests can use: a snap does not see their files
  for name in chromium-headless-shell chromium google-chrome; do
    case "$(command -v "$name" 2>/dev/null)" in "" | /snap/*) ;; *) return 0 ;; esac
  done
  ls -d "${PLAYWRIGHT_BROWSERS_PATH:-${XDG_CACHE_HOME:-$HOME/.cache}/ms-playwright}"/chromium* >/dev/null 2>&1
}

browser() { # one test needs it, so nothing fails without it
  if has_browser; then return 0; fi
  lacks="no Chromium: the test of the web example in a browser skips"
  if [ -n "${AHDETECT_NO_APT:-}" ] || ! command -v apt-get >/dev/null 2>&1; then
    say "$lacks; to have it: .venv/bin/playwright install --with-deps --only-shell chromium"
    return 0
  fi
  [ -n "$(choose "$BROWSER")" ] || apt update || true
  package=$(choose "$BROWSER")
  say "installing a browser for the tests: ${package:-the build that Playwright brings}"
  if [ -n "$package" ]; then
    apt install -y --no-install-recommends "$package" || say "$lacks"
  else
    timeout 240 .venv/bin/playwright install --with-deps --only-shell chromium >/dev/null 2>&1 ||
      say "$lacks"
  fi
}

system
say "Python packages (the first time takes some minutes)"
environment
browser
.venv/bin/ahdetect assets pull
say "done"
