# Everything a newcomer needs is `make run` and `make test`. Each installs or builds what it lacks.

ADDR ?= 127.0.0.1:8080
GO   ?= go
TOOL  = $(GO) tool -modfile=tools.mod
# Those that look for secrets and flaws and list the parts, of a file of their own: they and the linters want other versions
# of the same modules.
GUARD = $(GO) tool -modfile=security.mod

.PHONY: run build release test browser proxies postgres faults units emulator generate check lint secrets modules sums sbom vuln \
	release-check bench race prove fuzz screenshots lighthouse clean

# Serve a demo: made-up people and keys in a throw-away database.
run: build
	@exec bin/keydesk serve --demo --addr $(ADDR)

# Go compiles only what changed; the first time it compiles SQLite too, which is most of the wait.
build:
	@test -x bin/keydesk || echo "Building Keydesk. The first time takes up to 3 minutes, most of it for SQLite ..."
	@$(GO) build -o bin/keydesk ./cmd/keydesk

# What is handed out, the same to the byte wherever and whenever it is made of the same commit by the same Go: nothing that
# the environment says counts but GOOS and GOARCH.
release: export CGO_ENABLED = 0
release: export GOFLAGS =
release: export GOEXPERIMENT =
release: export GOFIPS140 = off
release: export GOWORK = off
release: export GOAMD64 = v1
release: export GOARM64 = v8.0
release:
	@$(GO) build -trimpath -buildvcs=auto -ldflags='-s -w' -o bin/release/keydesk ./cmd/keydesk
	@$(GO) version -m bin/release/keydesk | grep -E 'keydesk: go|GOOS|GOARCH|vcs\.'
	@sha256sum bin/release/keydesk

# Unit, storage and handler tests, the latter two on both databases unless they choose one, and then those of the whole
# program, whose browsers have the machine for themselves.
test: browser proxies postgres faults units node_modules
	KEYDESK_TEST_ONCE='$(ONCE)' $(GO) test $(TESTFLAGS) $$($(GO) list ./... | grep -v /cmd/keydesk$$)
	KEYDESK_TEST_POSTGRES=1 $(GO) test $(TESTFLAGS) -skip='$(ONCE)' ./db ./handlers
	$(GO) test $(TESTFLAGS) ./cmd/keydesk

TESTFLAGS = -count=1 -parallel=3 -timeout=40m

# Tests that choose their databases themselves, so that the first run is enough. dbtest.New fails in one that is named here; one
# that looks at KEYDESK_TEST_POSTGRES itself must not be.
ONCE = ^Test(Comparison|Consistency|Migration|Move|Postgres(Database|Writers)|ProveDiskErrors|ProveTamperingIsFound|Source|Target)

race: browser proxies postgres faults units node_modules
	$(GO) test -race $(TESTFLAGS) ./...

# The long forms of what is shown under faults, with the figures of docs/proofs.md: about an hour, with nothing else on the
# machine.
prove: browser proxies postgres faults units emulator node_modules fuzz
	KEYDESK_PROVE=1 $(GO) test -count=1 -v -timeout=3h -run='Consistency|^TestProve' ./db
	KEYDESK_PROVE=1 $(GO) test -count=1 -v -timeout=3h -run='^TestProve' ./handlers
	KEYDESK_PROVE=1 $(GO) test -count=1 -v -timeout=3h -run='^TestProve|^TestErrorsOfTheSystem|^TestBuildIsReproducible' ./cmd/keydesk

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

# What reads deploy/keydesk.service as systemd does.
units:
	@.ci/install systemd systemd-analyze

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
check: generate lint secrets modules
	gofmt -l . | (! grep .)
	$(TOOL) templ fmt -fail .
	git diff --exit-code
	@test -z "$$(git status --porcelain)" || (git status --short; echo "There are files that are not committed."; exit 1)

lint:
	$(TOOL) golangci-lint run ./...

# Passwords and keys, in the tree and in its history.
secrets:
	$(GUARD) gitleaks git --no-banner --redact --verbose --log-level=warn --log-opts=HEAD .
	$(GUARD) gitleaks dir --no-banner --redact --verbose --log-level=warn .

# That the modules are still what go.sum says.
modules:
	$(GO) mod verify

# That the hashes of what is taken are those of the public checksum database, as a machine learns them that has no go.sum.
sums: export GOFLAGS =
sums: export GONOSUMDB =
sums: export GOPRIVATE =
sums: export GOSUMDB = sum.golang.org
sums:
	@set -e; for sums in go.sum tools.sum security.sum; do dir=$$(mktemp -d); grep -v '/go.mod h1:' $$sums | sort >$$dir/ours; \
		(cd $$dir && awk '{print $$1 "@" $$2}' ours | xargs $(GO) mod download -json | awk -F'"' \
			'$$2 == "Path" {p = $$4} $$2 == "Version" {v = $$4} $$2 == "Sum" {print p, v, $$4}' | sort >theirs); \
		diff $$dir/ours $$dir/theirs; echo "$$sums agrees with $$GOSUMDB on $$(wc -l <$$dir/ours) modules"; rm -r $$dir; done

# The lists of what the program is made of, with their licences: docs/security/sbom-*.cdx.json and licences.md.
sbom: node_modules
	@mkdir -p bin docs/security
	CGO_ENABLED=0 GOOS=linux GOARCH=amd64 GOFLAGS= $(GO) build -trimpath -buildvcs=false -o bin/sbom-keydesk ./cmd/keydesk
	$(GUARD) cyclonedx-gomod bin -json -noserial -notimestamp -output bin/sbom-go.json bin/sbom-keydesk
	npm sbom --package-lock-only --sbom-format=cyclonedx >bin/sbom-npm.json
	$(GO) run ./cmd/sbom

# Known flaws in what is called of the modules and of Go. VULNDB=file:///folder asks a copy of the database instead.
VULNDB ?= https://vuln.go.dev
vuln:
	$(GUARD) govulncheck -db=$(VULNDB) ./...

# What a release must pass besides .ci/run; it asks the databases of checksums and of flaws.
release-check: modules sums vuln release

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
