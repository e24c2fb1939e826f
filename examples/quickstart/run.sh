#!/bin/sh
# run.sh: the demo's outage on a Kafka of your own. Set BOOTSTRAP=host:port for a broker that you have; without it one is
# started on loopback and stopped in the end. Needs kcat and python3-confluent-kafka (make kafka installs them).
set -eu
cd "$(dirname "$0")/../.."
rootnote=${ROOTNOTE_BINARY:-build/release/rootnote}
room=$(mktemp -d)
daemon=
ours=
finish() {
  [ -z "$daemon" ] || kill "$daemon" 2>/dev/null || true
  wait
  [ -z "$ours" ] || MAKEFLAGS='' make -s kafka-stop
  rm -rf "$room"
}
trap finish EXIT
trap 'exit 130' INT TERM

if [ -z "${BOOTSTRAP-}" ]; then
  ours=yes
  BOOTSTRAP=$(MAKEFLAGS='' make -s kafka | tail -n 1)
fi
echo "Kafka is at $BOOTSTRAP"

echo "The story, with times that end now, and the rules"
"$rootnote" demo dns --format json --record "$room" >"$room/demo.jsonl"
/usr/bin/python3 examples/quickstart/story.py "$BOOTSTRAP" "$room"

echo "kcat produces it"
for topic in topology telegraf synthetic events; do
  kcat -P -q -b "$BOOTSTRAP" -t "$topic" -K '\t' -z lz4 -l "$room/$topic.keyed"
done

echo "Rootnote reads it"
QUICKSTART_KAFKA=$BOOTSTRAP QUICKSTART_RULES=$room/store.rn \
  "$rootnote" run -c examples/quickstart/rootnote.yaml 2>"$room/rootnote.log" &
daemon=$!

echo "kcat reads the incidents"
# Rootnote makes its topics when it starts. Each line: key, revision's state and what happened; the last one whole.
until kcat -L -q -b "$BOOTSTRAP" -t rootnote.incidents 2>/dev/null | grep -q 'with [1-9].* partition'; do
  if ! kill -0 "$daemon" 2>/dev/null; then cat "$room/rootnote.log" >&2; exit 1; fi
  sleep 0.2
done
mkfifo "$room/incidents"
timeout 120 kcat -C -q -u -b "$BOOTSTRAP" -t rootnote.incidents -o beginning -X isolation.level=read_committed \
  >"$room/incidents" 2>/dev/null &
reader=$!
while read -r line; do
  printf '%s\n' "$line" >"$room/incident.json"
  printf '%s\n' "$line" | sed -E 's/.*"incident_id":"([^"]*)".*"revision":([0-9]+).*"state":"([^"]*)","reason":"([^"]*)".*"title":"([^"]*)".*/\1 \2 \3 (\4): \5/'
  case $line in *'"status":"resolved"'*) break ;; esac
done <"$room/incidents"
kill "$reader" 2>/dev/null || true
grep -q '"status":"resolved"' "$room/incident.json" || { cat "$room/rootnote.log" >&2; exit 1; }

echo
"$rootnote" explain "$room/incident.json"
