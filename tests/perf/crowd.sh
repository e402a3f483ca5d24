#!/bin/sh
# What 1, 2, 5 and 10 viewers of a page that scrolls cost (figures in docs/performance.md). Needs the bench's application
# (`cd tests/perf/glass && ./setup.sh`, and one run of it, which draws the page).
set -eu
cd "$(dirname "$0")/../.."
display=:78
Xvfb $display -screen 0 1920x1080x24 -nolisten tcp -noreset 2>/dev/null &
x=$!
trap 'kill $x 2>/dev/null' EXIT
while [ ! -e /tmp/.X11-unix/X78 ]; do sleep 0.1; done
(echo scroll 0; exec sleep 600) | DISPLAY=$display tests/perf/glass/glass-app "${TMPDIR:-/tmp}/glass-text.raw" 1920 1080 >/dev/null &
REMOVID_CROWD_DISPLAY=$display cargo test --release -p tests --test crowd -- --ignored --nocapture 2>&1 | grep -E 'viewers:|panicked|error' 
