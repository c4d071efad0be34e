# `make help` lists what there is.

GO       ?= go
CC       ?= cc
DESTDIR  ?=
PREFIX   ?= /usr/local
SYSCONFDIR ?= /etc
FUZZTIME ?= 10s
SOAKTIME ?= 1m
SOAKS    ?= 20
VERSION  ?=
BIN      ?= bin

CFLAGS      ?= -O2
CWARNINGS    = -Wall -Wextra -pedantic
STATICCHECK  = honnef.co/go/tools/cmd/staticcheck@v0.8.2
C_EXAMPLES   = $(patsubst examples/%.c,bin/examples/%,$(wildcard examples/*.c))
PORTS        = $(patsubst examples/ports/%/tls.patch,bin/ports/%-tls,$(wildcard examples/ports/*/tls.patch))
LDFLAGS      = $(if $(VERSION),-ldflags "-s -w -X main.release=$(VERSION)")

.PHONY: help build examples ports demo quick check test race test-suites soak model test-all cover bench lint fuzz completion install uninstall deb clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' Makefile

build: ## build bin/ssa, and bin/ssa-pkcs11 for keys on tokens where there is a C compiler
	CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false $(LDFLAGS) -o $(BIN)/ssa ./cmd/ssa
	@if command -v $(CC) >/dev/null && [ "$$($(GO) env GOARCH)" = "$$($(GO) env GOHOSTARCH)" ]; then \
		CGO_ENABLED=1 CGO_CFLAGS="-O2 -g -fstack-protector-strong -D_FORTIFY_SOURCE=2" CGO_LDFLAGS="-Wl,-z,relro,-z,now" \
			$(GO) build -trimpath -buildvcs=false -buildmode=pie $(LDFLAGS) -o $(BIN)/ssa-pkcs11 ./cmd/ssa-pkcs11; \
	else \
		echo "bin/ssa-pkcs11 is not built: it needs a C compiler for this architecture ($(CC))"; \
	fi

examples: $(C_EXAMPLES) ## build the C examples into bin/examples

bin/examples/%: examples/%.c include/netinet/tls.h
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(CWARNINGS) -Iinclude -o $@ $<

ports: $(PORTS) ## fetch, patch and build the ported programs into bin/ports

bin/ports/%-tls: examples/ports/build examples/ports/%/tls.patch include/netinet/tls.h
	examples/ports/build $*

demo: build examples ## see it work: a TLS server and clients without a TLS library
	@$(GO) run -buildvcs=false ./examples/demo

# Tests, from what takes a minute to what takes hours.

quick: ## what an author runs before every commit, in about a minute: format, vet, unit tests, house rules
	@out=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$out" || { echo "not formatted (gofmt -w):"; echo "$$out"; exit 1; }
	$(GO) vet ./...
	$(GO) test . ./abi/... ./cmd/... ./internal/...

check: ## the tests that this machine can run as it is
	$(GO) test ./...

test: ## install what the tests need (as root), then run everything, skipping nothing
	@scripts/test

race: ## `make check` under the race detector, ssa itself too
	SSA_TEST_BUILDFLAGS=-race $(GO) test -race ./...

model: ## verify the formal model of a socket with spin, and compare it with the code
	@scripts/setup scripts/packages-model.txt
	$(GO) test -count=1 ./test/model ./internal/socket -run 'Model|Code|Comparison|Walk'

test-suites: ## run other people's socket suites natively and with every TCP socket a TLS socket; takes minutes
	@scripts/setup scripts/packages-suites.txt
	$(GO) test -tags suites -count=1 -v -timeout 90m ./test/suites $(SUITES)

soak: ## what depends on chance, again and again: every fuzz target for SOAKTIME (1m), tests of races and leaks SOAKS (20) times
	@scripts/fuzz $(SOAKTIME)
	$(GO) test -count=$(SOAKS) -timeout 2h -run 'Storm|Race|Leak|AnyMoment|AtEveryByte|Random|Wild' ./internal/... ./test/hostile ./test/policy

test-all: test race test-suites soak ## all of the above; takes hours

cover: ## the tests with coverage, of all processes, and figures per package; PACKAGES="./test/contract" for some
	@scripts/cover $(PACKAGES)

bench: ## install the peers (as root), then measure ssa beside them; BENCHFLAGS="-only bulk -rounds 3" for a part
	@scripts/setup-bench
	$(GO) run -buildvcs=false ./bench $(or $(BENCHFLAGS),-out docs/benchmarks)

lint: ## formatting, vet for both architectures, staticcheck, go.mod, shell syntax
	@out=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$out" || { echo "not formatted (gofmt -w):"; echo "$$out"; exit 1; }
	GOARCH=amd64 CGO_ENABLED=0 $(GO) vet ./...
	GOARCH=arm64 CGO_ENABLED=0 $(GO) vet ./...
	CGO_ENABLED=0 $(GO) vet -tags ssacover,suites ./cmd/ssa ./internal/coverage ./test/suites
	$(GO) run $(STATICCHECK) ./...
	$(GO) mod tidy -diff
	@for f in scripts/* examples/ports/build dist/debian/p* dist/testdata/*.sh; do case $$f in *.txt) ;; *) sh -n $$f || exit 1 ;; esac; done

fuzz: ## every fuzz target for FUZZTIME (10s) each
	@scripts/fuzz $(FUZZTIME)

completion: ## write the shell completions for bash, zsh and fish into bin/completion
	@mkdir -p $(BIN)/completion
	@for shell in bash zsh fish; do \
		GOOS= GOARCH= CGO_ENABLED=0 $(GO) run -trimpath -buildvcs=false ./cmd/ssa completion $$shell >$(BIN)/completion/ssa.$$shell || exit 1; \
	done

install: build completion ## install everything below DESTDIR and PREFIX; what is in SYSCONFDIR (/etc) already stays
	@BIN='$(BIN)' DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' SYSCONFDIR='$(SYSCONFDIR)' scripts/install

uninstall: ## remove what `make install` installed, but nothing in SYSCONFDIR
	@BIN='$(BIN)' DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' SYSCONFDIR='$(SYSCONFDIR)' scripts/install --remove

deb: LDFLAGS = -ldflags "-s -w -X main.release=$(VERSION)"
deb: build completion ## build a Debian package into bin, of version VERSION
	@BIN='$(BIN)' VERSION='$(VERSION)' scripts/deb

clean: ## remove what was built
	rm -rf bin
