# The two commands of the README, and the smaller ones behind them.
.PHONY: help lab lab-down lab-status test test-faults test-data test-mesh test-pipeline test-backup format

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

lab: ## From a bare machine to the running platform: bundle, seven machines, site.yml
	@scripts/lab.sh up

lab-down: ## Remove the lab's machines, network and state
	@scripts/lab.sh down

lab-status: ## Say which of the lab's machines run
	@scripts/lab.sh status

test: ## Everything that must hold; one group: make test GROUPS="unit static"; with all faults: GROUPS=all
	@scripts/test.sh $(GROUPS)

test-faults: ## The platform under power cuts, drains and killed runs, in a lab of its own
	@scripts/test.sh bundle faults

test-data: ## Data stores in a lab of their own: killed members, sites and all power gone, under a load of writes
	@NILECARE_BUNDLE_SETS=data scripts/test.sh data

test-mesh: ## Mesh, monitoring, pipeline and deliveries in a lab of their own: certificates, shares, upgrade, canaries
	@NILECARE_BUNDLE_SETS=mesh,monitoring,pipeline scripts/test.sh mesh

test-pipeline: ## What keeps an image out: signatures, bills of materials, scans, by the real programs
	@NILECARE_BUNDLE_SETS=pipeline scripts/test.sh pipeline

test-backup: ## Backups of etcd taken, damaged, verified and restored, by the real programs
	@NILECARE_BUNDLE_SETS=backup scripts/test.sh backup

format: ## Lay out the Python files
	@.venv/bin/ruff check --fix . && .venv/bin/ruff format .
