#!/bin/sh
# The unpacked bundle in, an entry in the user's menu out; changes nothing outside ~/.local. `--remove` takes it away.
set -eu
HERE=$(cd "$(dirname "$0")" && pwd)
DATA=${XDG_DATA_HOME:-$HOME/.local/share}
ENTRY=$DATA/applications/ahdetect.desktop
ICON=$DATA/icons/hicolor/scalable/apps/ahdetect.svg
if [ "${1:-}" = "--remove" ]; then
    rm -f "$ENTRY" "$ICON"
    exit 0
fi
mkdir -p "$(dirname "$ENTRY")" "$(dirname "$ICON")"
cp "$HERE/share/ahdetect.svg" "$ICON"
sed "s|^Exec=ahdetect-gui|Exec=\"$HERE/ahdetect-gui\"|" "$HERE/share/ahdetect.desktop" > "$ENTRY"
echo "ahdetect stands in the menu now; its model files come with: $HERE/ahdetect assets pull"
