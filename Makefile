# SPDX-License-Identifier: GPL-2.0
# The user's side of the build; the kernel's side is Kbuild.
#
#   make demo     see it work, on Debian's stock kernel in an emulator
#   make test     test it there
#   make          build memintro.ko for the running kernel, or for KDIR=...

KVER ?= $(shell uname -r)
# What tools/kdir has made for that kernel, else its headers as they are.
ifndef KDIR
KDIR := $(or $(shell tools/kdir --ready --kernel '$(KVER)' 2>/dev/null),/lib/modules/$(KVER)/build)
endif
PREFIX ?= /usr/local
# DKMS makes this key, and signs with it; make install does too where it is.
SIGN_KEY ?= /var/lib/dkms/mok.key
SIGN_CERT ?= /var/lib/dkms/mok.pub
KERNEL ?= stock
MINUTES ?= 10
# For test; make hands it on to the kernel's build where it is given.
ARCH ?= amd64
PAGES ?= 4K
# What memintro needs of a kernel, as options of tools/kdir.
NEEDS = $(shell cat tools/needs)
MODULE = $(DESTDIR)/lib/modules/$(KVER)/updates/memintro.ko
.PHONY: all rust-metadata install client install-client demo shell test cells bench stress check kdir deb test-install rust-analyzer clean help

all: rust-metadata
	$(MAKE) -C $(KDIR) M=$(CURDIR) modules

rust-metadata:
	@test -e $(KDIR)/rust/libkernel.rmeta || { \
		echo "memintro: $(KDIR) cannot build Rust modules."; \
		! tools/kdir --check --download --kernel $(KVER) $(NEEDS) || echo "  It can be made to: make kdir"; \
		echo "  For another kernel tree: make KDIR=/path/to/it"; \
		echo "  To see memintro in an emulator: make demo"; \
		exit 1; } >&2

install: all
	install -D -m 644 memintro.ko $(MODULE)
	strip -g $(MODULE)
	@if [ -r '$(SIGN_KEY)' ] && [ -r '$(SIGN_CERT)' ]; then \
		echo "signing it with $(SIGN_KEY)"; \
		$(KDIR)/scripts/sign-file sha256 '$(SIGN_KEY)' '$(SIGN_CERT)' $(MODULE); \
	else \
		echo "memintro: not signed: there is no $(SIGN_KEY); docs/install.md says when that matters" >&2; \
	fi
	$(if $(DESTDIR),,depmod $(KVER))
	@if command -v cargo >/dev/null; then \
		$(MAKE) --no-print-directory install-client; \
	else \
		echo "memintro: without its client: there is no cargo; type: sudo apt-get install cargo" >&2; \
	fi

client:
	cd tools/memintro && cargo build --release --locked
	cd tools/memintro && cargo run -q --locked --example manuals -- target/manuals

install-client: client
	install -D -m 755 tools/memintro/target/release/memintro $(DESTDIR)$(PREFIX)/bin/memintro
	install -D -m 755 -t $(DESTDIR)$(PREFIX)/share/memintro tools/kdir tools/doctor
	install -m 644 -t $(DESTDIR)$(PREFIX)/share/memintro tools/needs
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man1 tools/memintro/target/manuals/man1/*
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man5 packaging/man/memintro.5
	cd tools/memintro/target/manuals && find bash-completion zsh fish -type f \
		-exec install -D -m 644 {} $(abspath $(DESTDIR)$(PREFIX))/share/{} \;

demo:
	@selftests/vm/run -- selftests/demo

shell:
	@selftests/vm/run -- env OUTER_LANG="$${LC_ALL:-$${LC_CTYPE:-$${LANG-}}}" selftests/shell

test:
	@ARCH='$(ARCH)' KERNEL='$(KERNEL)' PAGES='$(PAGES)' selftests/vm/test

# An hour of stress may take much longer than an hour to end on a slow machine.
stress:
	@selftests/vm/run --kernel $(KERNEL) --memory $(if $(filter debug,$(KERNEL)),4,3)G --timeout $$(($(MINUTES) * 120 + 1800)) \
		--append "hugepagesz=1G hugepages=1 hugepagesz=2M hugepages=16" \
		-- selftests/all --stress $$(($(MINUTES) * 60))

cells:
	@selftests/vm/cells

bench:
	@selftests/bench/run $(if $(HERE),--here) $(if $(QUICK),--quick)

check:
	@selftests/check

kdir:
	@tools/kdir --download --kernel $(KVER) $(NEEDS)
	@echo 'now type: make'

deb:
	@packaging/make-deb

test-install: deb
	@selftests/vm/test-install

rust-analyzer:
	$(MAKE) -C $(KDIR) M=$(CURDIR) rust-analyzer

clean:
	@rm -rf .tmp_versions rust-project.json .module-common.o .*.cmd
	@rm -f *.o *.ko *.mod *.mod.c modules.order Module.symvers
	@rm -f src/*.o src/.*.cmd src/helpers/*.o src/helpers/.*.cmd

help:
	@echo 'On any machine with Debian 12 or newer, nothing else installed:'
	@echo '  make demo           boot the stock kernel in an emulator and show memintro'
	@echo '  make shell          a root shell there, memintro loaded, its client at hand'
	@echo '  make test           the tests; the last line counts the results (ALL=1: stress and more,'
	@echo '                      LONG=1: more of each, V=1: show all output)'
	@echo '  make test ARCH=arm64    on another architecture, emulated; PAGES=16K: larger pages'
	@echo '  make test KERNEL=rt     on another of Debian'"'"'s kernels: cloud, 7.2, sid'
	@echo '  make cells          compile for kernels that Debian does not ship'
	@echo '  make test KERNEL=debug  on a kernel with KASAN, lockdep and so on, built once'
	@echo '  make stress MINUTES=N  many readers, targets that change all the time, random system calls'
	@echo '  make bench          measure memintro beside its rivals; QUICK=1: in 3 minutes;'
	@echo '                      HERE=1, as root: on this machine, where memintro is loaded'
	@echo '  make check          format, lints, documentation, spelling'
	@echo '  make deb            Debian packages: the module for DKMS, the client'
	@echo '  make test-install   install those in an emulated Debian, reboot, purge'
	@echo 'On a machine whose kernel takes Rust modules:'
	@echo '  make                build memintro.ko; then: sudo insmod memintro.ko'
	@echo '  sudo make install   install it for modprobe, and the client where there is cargo'
	@echo '  make client         build the client; sudo make install-client: that alone'
	@echo '  make kdir           prepare Debian's kernel headers for any Rust module'
	@echo '  make rust-analyzer  rust-project.json for an editor; KDIR must be a whole tree'
	@echo '  make clean          remove what make built here'
	@echo 'KDIR=DIR names another kernel tree, KVER=VERSION another installed kernel.'
