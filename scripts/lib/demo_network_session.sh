# What the scripted contractor does inside the workspace with a way out. Its lines show on the recorded terminal.
cd || exit 1
tracker=https://tracker.example.com
say() { printf '\n\033[2m# %s\033[0m\n' "$*"; }
step() { printf '\033[1;32mcontractor$\033[0m %s\n' "$*"; eval "$*"; sleep 0.2; } # for what the session says of it
say "The ticket may be read. The tracker wants a token, and the gateway outside writes it into the request:"
step "curl -s $tracker/tickets/7"
say "Nothing in here holds it: not what curl sends, no variable, no file of a credential."
step "curl -sv $tracker/tickets/7 2>&1 | grep '^[<>] [A-Z]'"
step '{ env; ls -A /run/carrel/credentials; } | grep -i -e token -e bearer -e tracker || echo nothing'
say "What lies below a ticket is not in the profile. One can ask before, or try; the answer is the same."
step "carrel why $tracker/tickets/7/comments"
step "curl -s -d 'on it' $tracker/tickets/7/comments"
say "A name that no rule has does not exist. Nobody outside is asked for it."
step 'curl -sS https://paste.example.net/'
say "So the contractor asks, with the line that the denial named."
step 'carrel request network tracker.example.com:443 --for "comment on ticket 7" --until 5m'
for _ in $(seq 150); do
  carrel why $tracker/tickets/7/comments >/dev/null && break
  sleep 0.1
done
sleep 0.3 # until the approver has read on
say "Approved: the same request passes, and is recorded like every other."
step "curl -s -d 'on it' $tracker/tickets/7/comments"
printf '\n'
exit 0
