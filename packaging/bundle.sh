#!/bin/sh
# The checkout in, dist/ahdetect/ and dist/ahdetect-VERSION-linux-ARCH.tar.gz out: a folder that runs without Python.
#
#   sh packaging/bundle.sh          needs the extras gui and bundle: .venv/bin/pip install -e '.[gui,bundle]'
#
# Build on the oldest system that is to run it: the C library of the building machine is the oldest that it accepts.
set -eu
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-.venv/bin/python}
rm -rf build/bundle dist/ahdetect
mkdir -p build/bundle
# As it is installed: folders and import paths differ in the checkout (CONTRIBUTING.md), PyInstaller wants one tree.
"$PYTHON" -m pip install --quiet --no-deps --no-build-isolation --target build/bundle/site .
PYTHONPATH=$PWD/build/bundle/site "$PYTHON" -m PyInstaller --noconfirm --log-level WARN \
    --workpath build/bundle/work --distpath dist packaging/ahdetect.spec
mkdir -p dist/ahdetect/share
cp packaging/ahdetect.desktop LICENSE dist/ahdetect/share/
cp packaging/icon.svg dist/ahdetect/share/ahdetect.svg
cp packaging/icon-256.png dist/ahdetect/share/ahdetect.png
cp packaging/install.sh dist/ahdetect/
# It starts, and all screens with all that they need are in it.
dist/ahdetect/ahdetect --version
dist/ahdetect/ahdetect -c 'from ahdetect.gui.screens import SCREENS; [screen.warm() for screen in SCREENS]'
NAME=ahdetect-$("$PYTHON" -c 'from importlib.metadata import version; print(version("ahdetect"))')-linux-$(uname -m)
tar -C dist -czf "dist/$NAME.tar.gz" ahdetect
echo "dist/$NAME.tar.gz ($(du -h "dist/$NAME.tar.gz" | cut -f1), unpacked $(du -sh dist/ahdetect | cut -f1))"
