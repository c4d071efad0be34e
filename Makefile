# `make help` lists what there is.

GO       ?= go
CC       ?= cc
DESTDIR  ?=
PREFIX   ?= /usr/local
FUZZTIME ?= 10s

CFLAGS      ?= -O2
CWARNINGS    = -Wall -Wextra -pedantic
STATICCHECK  = honnef.co/go/tools/cmd/staticcheck@v0.8.2
C_EXAMPLES   = $(patsubst examples/%.c,bin/examples/%,$(wildcard examples/*.c))
PORTS        = $(patsubst examples/ports/%/tls.patch,bin/ports/%-tls,$(wildcard examples/ports/*/tls.patch))
MAN_PAGES    = $(wildcard docs/man/*.[0-9])

.PHONY: help build examples ports demo test check race lint fuzz install clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' Makefile

build: ## build bin/ssa
	CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -o bin/ssa ./cmd/ssa

examples: $(C_EXAMPLES) ## build the C examples into bin/examples

bin/examples/%: examples/%.c include/netinet/tls.h
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(CWARNINGS) -Iinclude -o $@ $<

ports: $(PORTS) ## fetch, patch and build the ported programs into bin/ports

bin/ports/%-tls: examples/ports/build examples/ports/%/tls.patch include/netinet/tls.h
	examples/ports/build $*

demo: build examples ## see it work: a TLS server and clients without a TLS library
	@$(GO) run -buildvcs=false ./examples/demo

test: ## install what the tests need (as root), then run everything, skipping nothing
	@scripts/test

check: ## the tests that this machine can run as it is
	$(GO) test ./...

race: ## the same under the race detector, ssa itself too
	SSA_TEST_BUILDFLAGS=-race $(GO) test -race ./...

lint: ## formatting, vet for both architectures, staticcheck, go.mod, shell syntax
	@out=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$out" || { echo "not formatted (gofmt -w):"; echo "$$out"; exit 1; }
	GOARCH=amd64 CGO_ENABLED=0 $(GO) vet ./...
	GOARCH=arm64 CGO_ENABLED=0 $(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...
	$(GO) mod tidy -diff
	@for f in scripts/* examples/ports/build; do case $$f in *.txt) ;; *) sh -n $$f || exit 1 ;; esac; done

fuzz: ## every fuzz target for FUZZTIME (10s) each
	@scripts/fuzz $(FUZZTIME)

install: build ## install ssa, <netinet/tls.h>, manual pages and a policy to start from, below DESTDIR and PREFIX
	install -D -m 755 bin/ssa $(DESTDIR)$(PREFIX)/bin/ssa
	install -D -m 644 include/netinet/tls.h $(DESTDIR)$(PREFIX)/include/netinet/tls.h
	install -D -m 644 dist/policy.yaml $(DESTDIR)$(PREFIX)/share/doc/ssa/policy.yaml
	@for page in $(MAN_PAGES); do \
		install -D -m 644 $$page $(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$${page##*/} || exit 1; \
	done

clean: ## remove what was built
	rm -rf bin
