# The usual verbs. Each is one command that can be typed as well.
.DEFAULT_GOAL := help
.PHONY: help build test lint format demo docs bench ci package install

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

build: ## the program, target/release/renewd
	cargo build --release --locked

test: ## the tests; no root, no network
	cargo test --locked

lint: ## format and clippy, warnings denied
	cargo fmt --check
	cargo clippy --all-targets --locked -- -D warnings

format: ## format the code
	cargo fmt

demo: ## the whole job against a simulated provider
	cargo run --release --locked -- demo

docs: ## the API documentation, warnings denied
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --locked

bench: ## a cycle over large fleets, beside the least that any program must do
	scripts/bench-fleet

ci: ## everything that must hold before a change lands
	.ci/run

package: ## the Debian package, under target/package
	scripts/package

DOC = $(DESTDIR)/usr/share/doc/renewd
NEW = target/release/renewd
SCHEMAS = config plan once status history explain forecast leases backtest check changes verify options order provider-check done \
  plan-file webhook error

install: build ## the files of the package on this machine, without it (root)
	install -D -m 0755 $(NEW) $(DESTDIR)/usr/bin/renewd
	install -D -m 0755 packaging/lib/backup $(DESTDIR)/usr/lib/renewd/backup
	install -D -m 0644 systemd/renewd.sysusers $(DESTDIR)/usr/lib/sysusers.d/renewd.conf
	install -D -m 0644 packaging/renewd.tmpfiles $(DESTDIR)/usr/lib/tmpfiles.d/renewd.conf
	install -D -m 0644 -t $(DESTDIR)/usr/lib/systemd/system systemd/*.service systemd/*.timer
	install -D -m 0644 -t $(DOC) docs/*.md config/renewd.example.toml
	for part in providers how-to decisions; do install -D -m 0644 -t $(DOC)/$$part docs/$$part/*.md || exit 1; done
	install -D -m 0644 -t $(DOC)/examples/policies config/examples/*.toml
	for part in providers prometheus grafana; do install -D -m 0644 -t $(DOC)/examples/$$part contrib/$$part/* || exit 1; done
	scripts/sbom | install -D -m 0644 /dev/stdin $(DOC)/renewd.cdx.json
	$(NEW) man --dir $(DESTDIR)/usr/share/man
	$(NEW) completions bash | install -D -m 0644 /dev/stdin $(DESTDIR)/usr/share/bash-completion/completions/renewd
	$(NEW) completions zsh | install -D -m 0644 /dev/stdin $(DESTDIR)/usr/share/zsh/vendor-completions/_renewd
	$(NEW) completions fish | install -D -m 0644 /dev/stdin $(DESTDIR)/usr/share/fish/vendor_completions.d/renewd.fish
	for name in $(SCHEMAS); do $(NEW) schema $$name | install -D -m 0644 /dev/stdin $(DESTDIR)/usr/share/renewd/schema/$$name.json || exit 1; done
