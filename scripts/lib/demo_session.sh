# What the scripted contractor does inside the workspace. Its lines show on the recorded terminal.
PS4=; cd /workspaces/carrel || exit 1
step() { printf '\n\033[1;32mcontractor$\033[0m %s\n' "$*"; eval "$*"; sleep 0.2; } # for what the session says of it
step 'ls; git log --oneline | head -3'
step 'make -s -C examples/hello && ./examples/hello/hello contractor'
step 'sed -i "s/hello, %s/good day, %s/" examples/hello/hello.c && make -s -C examples/hello && ./examples/hello/hello contractor'
step 'git commit -qam "Greet politely" && git status --short && git log --oneline | head -1'
step 'cat launcher/service/server.cc'
step 'echo "I was here" >> docs/architecture.md'
step 'exec 3<>/dev/tcp/192.0.2.10/443' 2>&1
step 'cat /etc/shadow'
step 'examples/token/check_token.sh ci https://ci.example.org'
printf '\n'
exit 0
