#!/bin/sh
# After an installation nothing is started: there is no spec yet. After an upgrade what ran goes on with the new program.
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload
  systemctl try-restart peerd.service
fi
