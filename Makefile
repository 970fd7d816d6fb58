# Everything a newcomer needs is `make run` and `make test`. Each installs or builds what it lacks.

ADDR ?= 127.0.0.1:8080
GO   ?= go
TOOL  = $(GO) tool -modfile=tools.mod

.PHONY: run build test browser generate check lint bench race screenshots clean

# Serve a demo: made-up people and keys in a throw-away database.
run: build
	@exec bin/keydesk serve --demo --addr $(ADDR)

# Go compiles only what changed; the first time it compiles SQLite too, which is most of the wait.
build:
	@test -x bin/keydesk || echo "Building Keydesk. The first time takes up to 3 minutes, most of it for SQLite ..."
	@$(GO) build -o bin/keydesk ./cmd/keydesk

# Unit, storage, handler and browser tests.
test: browser node_modules
	$(GO) test -count=1 -parallel=3 ./...

race: browser node_modules
	$(GO) test -race -count=1 ./...

# What the browser tests drive.
browser:
	@.ci/install chromium chromium chromium-browser google-chrome

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

bench:
	$(GO) test -run='^$$' -bench=. -benchmem ./...

# Pictures of every page into screenshots/, and the README's into docs/.
screenshots: browser
	$(GO) test -tags=screenshots -count=1 -run=TestScreenshots ./cmd/keydesk

clean:
	rm -rf bin node_modules screenshots
