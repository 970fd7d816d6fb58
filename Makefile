# Everything a newcomer needs is `make run` and `make test`. Each installs or builds what it lacks.

ADDR ?= 127.0.0.1:8080
GO   ?= go
TOOL  = $(GO) tool -modfile=tools.mod

.PHONY: run build test browser proxies postgres faults emulator generate check lint bench race prove fuzz screenshots lighthouse clean

# Serve a demo: made-up people and keys in a throw-away database.
run: build
	@exec bin/keydesk serve --demo --addr $(ADDR)

# Go compiles only what changed; the first time it compiles SQLite too, which is most of the wait.
build:
	@test -x bin/keydesk || echo "Building Keydesk. The first time takes up to 3 minutes, most of it for SQLite ..."
	@$(GO) build -o bin/keydesk ./cmd/keydesk

# Unit, storage and handler tests, the latter two on both databases, and then those of the whole program, whose browsers
# have the machine for themselves.
test: browser proxies postgres faults node_modules
	$(GO) test $(TESTFLAGS) $$($(GO) list ./... | grep -v /cmd/keydesk$$)
	KEYDESK_TEST_POSTGRES=1 $(GO) test $(TESTFLAGS) ./db ./handlers
	$(GO) test $(TESTFLAGS) ./cmd/keydesk

TESTFLAGS = -count=1 -parallel=3 -timeout=40m

race: browser proxies postgres faults node_modules
	$(GO) test -race $(TESTFLAGS) ./...

# The long forms of what is shown under faults, with the figures of docs/proofs.md: about an hour, with nothing else on the
# machine.
prove: browser proxies postgres faults emulator node_modules fuzz
	KEYDESK_PROVE=1 $(GO) test -count=1 -v -timeout=3h -run='Consistency|^TestProve' ./db
	KEYDESK_PROVE=1 $(GO) test -count=1 -v -timeout=3h -run='^TestProve' ./handlers
	KEYDESK_PROVE=1 $(GO) test -count=1 -v -timeout=3h -run='^TestProve|^TestErrorsOfTheSystem' ./cmd/keydesk

# Try what takes bytes from outside with made-up ones, each for so long.
FUZZTIME ?= 30s
fuzz:
	@set -e; for package in $$($(GO) list ./...); do for target in $$($(GO) test -list '^Fuzz' $$package | grep ^Fuzz); do \
		$(GO) test -run='^$$' -fuzz="^$$target$$" -fuzztime=$(FUZZTIME) $$package; done; done

# What the browser tests drive.
browser:
	@.ci/install chromium chromium chromium-browser google-chrome
	@.ci/install chromium-driver chromedriver

# What the tests of deploy/ run, each on ports and files of its own. Ordinary users do not find what is in /usr/sbin.
proxies:
	@.ci/install nginx-light nginx /usr/sbin/nginx
	@.ci/install caddy caddy
	@.ci/install haproxy haproxy /usr/sbin/haproxy

# What the tests start servers of, each of their own. Debian keeps the programs out of the way, one folder for a version.
postgres:
	@.ci/install postgresql postgres /usr/lib/postgresql/15/bin/postgres /usr/lib/postgresql/16/bin/postgres \
		/usr/lib/postgresql/17/bin/postgres /usr/lib/postgresql/18/bin/postgres

# What makes disks that fail, fill up or lose their power.
faults:
	@.ci/install strace strace
	@.ci/install e2fsprogs mkfs.ext4 /usr/sbin/mkfs.ext4

# What runs the program under a clock that is set.
emulator:
	@.ci/install qemu-user qemu-x86_64 qemu-aarch64
	@.ci/install faketime faketime

node_modules: package.json package-lock.json
	@.ci/install npm npm
	npm ci --no-audit --no-fund --loglevel=error
	@touch node_modules

# The generated files, which are committed so that `make run` needs only Go.
generate: node_modules
	$(TOOL) templ generate -log-level=warn
	cp node_modules/htmx.org/dist/htmx.min.js static/htmx.min.js
	npx @tailwindcss/cli --input views/app.css --output static/app.css --minify

# What .ci/run holds against the committed tree.
check: generate lint
	gofmt -l . | (! grep .)
	$(TOOL) templ fmt -fail .
	git diff --exit-code
	@test -z "$$(git status --porcelain)" || (git status --short; echo "There are files that are not committed."; exit 1)

lint:
	$(TOOL) golangci-lint run ./...

# What the parts cost, and then the whole under load, against yardsticks that run in turn with it.
bench: postgres
	@.ci/install sqlite3 sqlite3
	$(GO) test -run='^$$' -bench=. -benchmem ./...
	KEYDESK_TEST_POSTGRES=1 $(GO) test -run='^$$' -bench=. -benchmem ./db
	$(GO) test -tags=measure -count=1 -v -run=TestMeasureInstances ./cmd/keydesk
	$(GO) build -o bin/keydesk ./cmd/keydesk
	$(GO) build -o bin/bench ./cmd/bench
	bin/bench

# Pictures of every page into screenshots/, and the README's into docs/.
screenshots: browser
	$(GO) test -tags=screenshots -count=1 -run=TestScreenshots ./cmd/keydesk

# Lighthouse's scores of the pages: 100 for accessibility and best practices, 95 or more for performance.
lighthouse: browser
	@.ci/install npm npm
	$(GO) test -tags=lighthouse -count=1 -v -run=TestLighthouse ./cmd/keydesk

clean:
	rm -rf bin node_modules screenshots
