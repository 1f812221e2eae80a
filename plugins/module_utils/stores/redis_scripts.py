# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What runs in a member of Valkey: how it starts, who goes first after a power cut, and how it leaves.

Sentinel knows who leads, but not whose data are newest when members come back from their disks: the offsets
that it compares are lost with the process. So the primary counts every second, in its data, in one key of the
platform's own: ``term count``. A term begins with each new primary. The key is written and copied like all
others, so it says how far the data of a member reach.

A member always starts as a replica, of nobody and with priority 0, by which Sentinel never chooses it. It
becomes primary, or choosable, only by what stands in ``SERVER``.
"""

from __future__ import annotations

POSITION = "nilecare:position"
"""Key that says how far data reach. No service may touch it."""

# Also when memory is full; not when no replica would get it.
TICK = """\
#!lua flags=allow-oom
local term, count = string.match(redis.call('GET', KEYS[1]) or '0 0', '^(%d+) (%d+)$')
return redis.call('SET', KEYS[1], string.format('%.0f %.0f', term + ARGV[1], count + 1))
"""

# What the other scripts share. `ask` and `own` never wait long, and say nothing when there is no answer.
COMMON = f"""\
umask 077
OWN_ACCOUNTS='admin exporter proxy replica sentinel'
ask() {{ # host port command...
  host=$1 port=$2
  shift 2
  timeout 3 "$CLI" -t 1 --tls --cacert "$TLS/ca.crt" --sni "$host" -h "$host" -p "$port" --user admin \\
    --no-auth-warning "$@" 2> /dev/null
}}
own() {{
  timeout 5 "$CLI" -s "$HOME/server.sock" --user admin --no-auth-warning "$@" 2> /dev/null
}}
field() {{ # name; of $info
  value=${{info#*"$1:"}}
  [ "$value" != "$info" ] || return 1
  value=${{value%%[!-A-Za-z0-9._]*}}
}}
say() {{ echo "member: $*"; }}
hash_of() {{
  sum=$(printf '%s' "$1" | sha256sum)
  echo "#${{sum%% *}}"
}}
is_own() {{ # user
  case " default $OWN_ACCOUNTS " in *" $1 "*) return 0 ;; esac
  return 1
}}
# Services' users of a file or of what ACL LIST says: all lines that are not of the platform's own accounts.
services() {{
  while read -r word name rules; do
    if [ "$word" = user ] && ! is_own "$name"; then printf 'user %s %s\\n' "$name" "$rules"; fi
  done
}}
replace() {{ # file; with what is read, at once
  cat > "$1.new" && sync "$1.new" && mv "$1.new" "$1"
}}
POSITION={POSITION}
"""

SERVER = """\
#!/bin/sh
set -uf
here=${0%/*}
. "$here/common.sh"
mkdir -p "$DATA/server"

accounts() {
  echo 'user default off'
  echo "user admin on $(hash_of "$VALKEYCLI_AUTH") ~* &* +@all"
  echo "user exporter on $(hash_of "$EXPORTER") $EXPORTER_RULES"
  echo "user proxy on $(hash_of "$PROXY") -@all +info +ping +quit"
  echo "user replica on $(hash_of "$REPLICA") -@all +psync +replconf +ping"
  echo "user sentinel on $(hash_of "$SENTINEL") $SENTINEL_RULES"
  if [ -e "$DATA/server/users.acl" ]; then services < "$DATA/server/users.acl"; fi
}
accounts | replace "$DATA/server/users.acl"

replace "$HOME/server.conf" << END
include $here/server.conf
replica-announce-ip $OWN
primaryauth "$REPLICA"
replicaof 127.0.0.1 1
replica-priority 0
END

# Whether position $1 is newer than $2.
ahead() {
  [ "${1% *}" -gt "${2% *}" ] || { [ "${1% *}" -eq "${2% *}" ] && [ "${1#* }" -gt "${2#* }" ]; }
}
# The other's position, role and priority; $position is `?` without an answer.
position_of() {
  answer=$(printf 'GET %s\\nINFO replication\\n' "$POSITION" | ask "$1" "$PORT")
  case $answer in
    LOADING*) position=loading ;;
    [0-9]*' '[0-9]*) position=${answer%%"
"*} ;;
    "
"*) position='0 0' ;;
    *) position='?' ;;
  esac
  info=$answer other_role= other_priority=
  if field role; then other_role=$value; fi
  if field slave_priority; then other_priority=$value; fi
}

# Who leads, by the Sentinel with the newest word: $named; $heard of them answered. They are $calm when none
# misses the primary, or chooses another one, and each had an answer of it since this server began. They look
# at roles every 10 s, and give up who they hold for a replica 20 s after one that is silent.
who_leads() {
  named= heard=0 newest=-1 calm=yes
  for member in $MEMBERS; do
    answer=$(ask "$member" "$SENTINEL_PORT" SENTINEL PRIMARY "$NAME") || continue
    address= epoch= key= flags= silence= role= since=
    while read -r line; do
      case $key in
        ip) address=$line ;;
        config-epoch) epoch=$line ;;
        flags) flags=$line ;;
        last-ok-ping-reply) silence=$line ;;
        role-reported) role=$line ;;
        role-reported-time) since=$line ;;
      esac
      key=$line
    done << END
$answer
END
    [ -n "$address" ] && [ -n "$epoch" ] || continue
    heard=$((heard + 1))
    [ "$flags" = master ] && [ "${silence:-999999}" -lt $((($(uptime) - born) * 1000)) ] || calm=no
    [ "$role" = master ] || [ "${since:-999999}" -lt 10000 ] || calm=no
    if [ "$epoch" -gt "$newest" ]; then newest=$epoch named=$address; fi
  done
}

# Seconds that no correction of the clock changes.
uptime() {
  read -r seconds rest < /proc/uptime
  echo "${seconds%%.*}"
}

# A member that was in step with no primary since its process began.
cold() {
  mine=$(own GET "$POSITION") || return
  case $mine in
    [0-9]*' '[0-9]*) ;;
    '') mine='0 0' ;;
    *) return ;; # it still reads its data
  esac
  [ "$began" -ge 0 ] || began=$(uptime)
  who_leads
  [ "$heard" -gt 0 ] || return
  if [ "$named" != "$OWN" ] && field master_host && [ "$value" != "$named" ]; then
    say "follow $named"
    own REPLICAOF "$named" "$PORT" > /dev/null
  fi
  priority=
  if field slave_priority; then priority=$value; fi
  silent=0 others=0 leader='?' choosable=no
  for member in $MEMBERS; do
    [ "$member" != "$OWN" ] || continue
    position_of "$member"
    case $position in
      loading) return ;;
      '?') silent=$((silent + 1)) && continue ;;
    esac
    others=$((others + 1))
    # Somebody leads, or has newer data: it is not this one's turn.
    [ "$other_role" != master ] || return
    if ahead "$position" "$mine"; then return; fi
    [ "$other_priority" = 0 ] || choosable=yes
    [ "$member" != "$named" ] || leader=$position
  done
  # Whoever has nothing founds a store only when all say that they have nothing. With data, two are enough,
  # for one of any two members took part in what was confirmed; the third is waited for.
  waited=no
  [ $(($(uptime) - began)) -lt "$WAIT" ] || waited=yes
  if [ "$silent" -gt 0 ]; then
    [ "$mine" != '0 0' ] && [ "$others" -gt 0 ] && [ "$waited" = yes ] || return
  fi
  if [ "$named" = "$OWN" ]; then
    [ "$heard" -gt 1 ] || return
    # Where another one may be chosen, Sentinels must not be about to: there would be two.
    if [ "$choosable" = yes ]; then
      [ "$calm" = yes ] || return
      [ "$heard" -gt 2 ] || [ "$waited" = yes ] || return
    fi
    say "lead, from $mine"
    own REPLICAOF NO ONE > /dev/null
  elif [ "$leader" = '?' ] || ahead "$mine" "$leader"; then
    [ "$priority" = 0 ] || return
    say "may be chosen, with $mine"
    own CONFIG SET replica-priority 100 > /dev/null
  fi
}

# Services' users come from the primary: a member whose volume was lost gets them so.
take_users() {
  field master_host || return
  theirs=$(ask "$value" "$PORT" ACL LIST | services)
  mine=$(own ACL LIST | services)
  if [ -z "$theirs" ] || [ "$theirs" = "$mine" ]; then return; fi
  say 'users of services as the primary has them'
  {
    accounts | while read -r word name rules; do
      if is_own "$name"; then echo "$word $name $rules"; fi
    done
    printf '%s\\n' "$theirs"
  } | replace "$DATA/server/users.acl"
  own ACL LOAD > /dev/null
}

look() {
  info=$(own INFO replication) && field role || return
  if [ "$value" = master ]; then
    warm=no
    if [ "$(own --eval "$here/tick.lua" "$POSITION" , "$new")" = OK ]; then new=0; fi
    return
  fi
  new=1
  if field master_link_status && [ "$value" = up ] && field master_sync_in_progress && [ "$value" = 0 ]; then
    if [ "$warm" = no ]; then
      say 'in step'
      own CONFIG SET replica-priority 100 > /dev/null && warm=yes
      turn=0
    fi
    if [ $((turn % 30)) -eq 0 ]; then take_users; fi
    turn=$((turn + 1))
  elif [ "$warm" = no ]; then
    cold
  fi
}

began=-1 warm=no new=1 turn=0 born=$(uptime)
"$SERVER_PROGRAM" "$HOME/server.conf" &
server=$!
trap 'kill -TERM "$server"' TERM INT
while kill -0 "$server" 2> /dev/null; do
  look
  touch "$HOME/alive"
  sleep "$LOOK" &
  wait $! || true
done
wait "$server"
"""

# Sentinel writes into its configuration what it learns; that is kept, and all else is as it is told today.
# Each knows all others from the start, under numbers that come from their names: none is ever counted twice.
WATCH = """\
#!/bin/sh
set -uf
here=${0%/*}
. "$here/common.sh"
mkdir -p "$DATA/sentinel"
users=$DATA/server/users.acl
state=$DATA/sentinel/sentinel.conf

accounts() {
  echo 'user default off'
  echo "user admin on $(hash_of "$VALKEYCLI_AUTH") ~* &* +@all"
  echo "user sentinel on $(hash_of "$SENTINEL") ~* &* +@all"
  if [ -e "$users" ]; then
    services < "$users" | while read -r word name rules; do
      passwords=
      for rule in $rules; do
        case $rule in '#'*) passwords="$passwords $rule" ;; esac
      done
      echo "user $name on$passwords $CLIENT_RULES"
    done
  fi
}
learned() {
  if [ ! -e "$state" ]; then
    echo "sentinel monitor $NAME $FIRST $PORT 2"
    return
  fi
  while read -r line; do
    case $line in
      'sentinel monitor '* | 'sentinel config-epoch '* | 'sentinel leader-epoch '* | \\
      'sentinel current-epoch '*) echo "$line" ;;
    esac
  done < "$state"
}
{
  cat "$here/sentinel.conf"
  echo "sentinel announce-ip $OWN"
  for pair in $SENTINELS; do
    if [ "${pair%=*}" = "$OWN" ]; then echo "sentinel myid ${pair#*=}"; fi
  done
  learned
  cat << END
sentinel down-after-milliseconds $NAME $DOWN_AFTER
sentinel failover-timeout $NAME $FAILOVER_TIMEOUT
sentinel parallel-syncs $NAME 1
sentinel auth-user $NAME sentinel
sentinel auth-pass $NAME "$SENTINEL"
sentinel sentinel-user sentinel
sentinel sentinel-pass "$SENTINEL"
END
  leader=$(learned | while read -r sentinel word name address rest; do
    if [ "$word" = monitor ]; then echo "$address"; fi
  done)
  for member in $MEMBERS; do
    if [ "$member" != "$leader" ]; then echo "sentinel known-replica $NAME $member $PORT"; fi
  done
  for pair in $SENTINELS; do
    if [ "${pair%=*}" != "$OWN" ]; then
      echo "sentinel known-sentinel $NAME ${pair%=*} $SENTINEL_PORT ${pair#*=}"
    fi
  done
} | replace "$state"
accounts | replace "$DATA/sentinel/users.acl"

sum_of_users() { if [ -e "$users" ]; then cksum < "$users"; fi; }
read_at=$(sum_of_users)
"$SENTINEL_PROGRAM" "$state" --sentinel &
sentinel=$!
trap 'kill -TERM "$sentinel"' TERM INT
while kill -0 "$sentinel" 2> /dev/null; do
  touch "$HOME/alive"
  sleep 5 &
  wait $! || true
  now=$(sum_of_users)
  if [ "$now" != "$read_at" ]; then
    accounts | replace "$DATA/sentinel/users.acl"
    if [ "$(ask "$OWN" "$SENTINEL_PORT" ACL LOAD)" = OK ]; then read_at=$now; fi
  fi
done
wait "$sentinel"
"""

# Ready is who leads, and who follows closely: how many bytes are missing is known by the primary's own count.
READY = """\
#!/bin/sh
set -uf
here=${0%/*}
. "$here/common.sh"
info=$(own INFO replication) && field role || exit 1
[ "$value" != master ] || exit 0
field master_link_status && [ "$value" = up ] || exit 1
field master_sync_in_progress && [ "$value" = 0 ] || exit 1
field master_last_io_seconds_ago && [ "$value" -le "$DOWN_SECONDS" ] || exit 1
field slave_repl_offset && mine=$value && field master_host && leader=$value || exit 1
info=$(ask "$leader" "$PORT" INFO replication) && field master_repl_offset || exit 1
[ $((value - mine)) -le "$LAG" ]
"""

WATCHING = """\
#!/bin/sh
set -uf
here=${0%/*}
. "$here/common.sh"
[ "$(ask "$OWN" "$SENTINEL_PORT" PING)" = PONG ]
"""

# Alive is a script that goes round, whatever the server does: Sentinel sees to that.
ALIVE = """\
#!/bin/sh
set -u
changed=$(stat -c %Y "$HOME/alive") && [ $(($(date +%s) - changed)) -lt 60 ]
"""

# A primary hands over before it ends: writes wait until a replica has all, so none is lost.
LEAVE = """\
#!/bin/sh
set -uf
here=${0%/*}
. "$here/common.sh"
tries=0
while [ "$tries" -lt 20 ]; do
  info=$(own INFO replication) && field role && [ "$value" = master ] || exit 0
  if [ $((tries % 10)) -eq 0 ]; then
    for member in $MEMBERS; do
      [ "$member" != "$OWN" ] || continue
      [ "$(ask "$member" "$SENTINEL_PORT" SENTINEL FAILOVER "$NAME" COORDINATED)" != OK ] || break
    done
  fi
  tries=$((tries + 1))
  sleep 1
done
"""
