#!/usr/bin/env bash
# Runs every test: format, build of the products, unit and parity tests, pipelines as a user types them.
#   Tests/run.sh
set -euo pipefail
cd "$(dirname "$0")/.."
source Pipelines/packages.sh
install_packages "${build_packages[@]}" "${run_packages[@]}" "${example_packages[@]}"

echo "== format"
swift format lint --strict --recursive --parallel Package.swift Sources Plugin Tests

echo "== products"
swift build -c release -Xswiftc -static-stdlib --explicit-target-dependency-import-check error

echo "== unit and parity tests"
# Built elsewhere, so that the products stay as they are.
swift test -c release -Xswiftc -enable-testing --scratch-path .build/test

echo "== operations with less than the processor has"
for instructions in avx2 baseline; do
  MOTIONTRANSFER_INSTRUCTION_SET=$instructions swift test -c release -Xswiftc -enable-testing --scratch-path .build/test \
    --skip-build --filter 'OperationGoldenTests|GradientTests'
done

echo "== pipelines"
Tests/EndToEnd/run.sh
