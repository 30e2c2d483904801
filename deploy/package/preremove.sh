#!/bin/sh
# Only at the last removal, not in an upgrade: dpkg says "remove", rpm says how many stay.
case "$1" in
remove | 0)
  if [ -d /run/systemd/system ]; then
    systemctl disable --now peerd.service peerd-once.timer
  fi
  ;;
esac
