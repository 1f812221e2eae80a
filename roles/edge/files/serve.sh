#!/bin/sh
# Runs NGINX and has it take over a new configuration or certificate when the volumes carry one.
# A configuration that NGINX refuses is not taken over: the old one goes on serving.
conf=/etc/edge/nginx.conf
nginx -c "$conf" -g 'daemon off;' &
server=$!
trap 'kill -QUIT "$server" 2>/dev/null' TERM INT

state() { readlink /etc/edge/..data /etc/edge-tls/..data; }

taken=$(state)
while kill -0 "$server" 2>/dev/null; do
  sleep 2 &
  wait $! 2>/dev/null
  found=$(state)
  [ "$found" = "$taken" ] && continue
  taken=$found
  if nginx -t -q -c "$conf"; then
    kill -HUP "$server"
  else
    echo "the new configuration was refused; the old one goes on serving" >&2
  fi
done
wait "$server"
