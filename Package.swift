// swift-tools-version: 6.2
// Motion transfer for GStreamer: see README.md. One target per layer; an arrow downward is the only import allowed.
import PackageDescription

let swiftSettings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

/// A layer of the engine: `Sources/<name>`.
func layer(_ name: String, _ dependencies: Target.Dependency...) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: swiftSettings)
}

/// Tests of one layer: `Tests/<name>Tests`.
func tests(_ name: String, _ dependencies: Target.Dependency...) -> Target {
  .testTarget(
    name: "\(name)Tests", dependencies: [.target(name: name)] + dependencies,
    path: "Tests/\(name)Tests", swiftSettings: swiftSettings)
}

/// A library that exports what a version script lists, and nothing of the engine.
func exporting(_ versionScript: String) -> [LinkerSetting] {
  [.unsafeFlags(["-Xlinker", "--version-script=\(Context.packageDirectory)/\(versionScript)"])]
}

let package = Package(
  name: "motiontransfer",
  products: [
    .library(name: "gstmotiontransfer", type: .dynamic, targets: ["MotionTransferElement"]),
    .executable(name: "motiontransfer", targets: ["MotionTransferCLI"]),
    // libmotiontransfer-1.0.so: the engine for embedders in C.
    .library(name: "motiontransfer-1.0", type: .dynamic, targets: ["MotionTransferC"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
  ],
  targets: [
    // Arithmetic
    .systemLibrary(
      name: "COpenBLAS", path: "Sources/COpenBLAS", pkgConfig: "openblas",
      providers: [.apt(["libopenblas-dev"])]),
    .target(name: "CKernels"),
    layer("Kernels", "CKernels", "COpenBLAS"),
    layer("Tensors", "Kernels"),
    // Models
    layer("Layers", "Tensors", "Kernels"),
    layer("Checkpoints", "Layers", "Tensors"),
    layer("Diffusion", "Checkpoints", "Layers", "Tensors"),
    // Methods
    layer("MotionTransfer", "Diffusion", "Checkpoints", "Layers", "Tensors", "Kernels"),
    layer("Metrics", "Checkpoints", "Layers", "Tensors"),
    layer("Training", "MotionTransfer", "Diffusion", "Checkpoints", "Layers", "Tensors"),
    // Shells
    .systemLibrary(name: "CMotionTransfer", path: "Sources/CMotionTransfer"),
    .target(
      name: "MotionTransferC", dependencies: ["CMotionTransfer", "MotionTransfer"], exclude: ["exports.map"],
      swiftSettings: swiftSettings, linkerSettings: exporting("Sources/MotionTransferC/exports.map")),
    .systemLibrary(
      name: "CGStreamer", path: "Plugin/CGStreamer",
      pkgConfig: "gstreamer-1.0 gstreamer-base-1.0 gstreamer-video-1.0 gstreamer-app-1.0",
      providers: [.apt(["libgstreamer1.0-dev", "libgstreamer-plugins-base1.0-dev"])]),
    .target(
      name: "CGstMotionTransfer", dependencies: ["CGStreamer"], path: "Plugin/Shell",
      exclude: ["exports.map"]),
    .target(
      name: "Media", dependencies: ["CGStreamer", "MotionTransfer"], path: "Plugin/Media",
      swiftSettings: swiftSettings),
    .target(
      name: "MotionTransferElement",
      dependencies: ["CGStreamer", "CGstMotionTransfer", "Media", "MotionTransfer"],
      path: "Plugin/Element", swiftSettings: swiftSettings, linkerSettings: exporting("Plugin/Shell/exports.map")),
    .executableTarget(
      name: "MotionTransferCLI",
      dependencies: [
        "Checkpoints", "Layers", "Media", "Metrics", "MotionTransfer", "Tensors", "Training",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: swiftSettings),
    // Tests
    .systemLibrary(
      name: "CGstCheck", path: "Tests/CGstCheck", pkgConfig: "gstreamer-check-1.0 gstreamer-controller-1.0"),
    .testTarget(
      name: "ElementTests",
      dependencies: [
        "MotionTransferElement", "Media", "MotionTransfer", "CGStreamer", "CGstMotionTransfer", "CGstCheck",
      ],
      path: "Tests/ElementTests", swiftSettings: swiftSettings),
    tests("MotionTransfer", "Diffusion", "Checkpoints", "Layers", "Tensors"),
    tests("Kernels"),
    tests("Tensors", "Kernels", "Layers", "Checkpoints"),
    tests("Checkpoints", "Layers", "Tensors"),
    tests("Diffusion", "Checkpoints", "Kernels", "Layers", "Tensors"),
    .testTarget(
      name: "TokenizerTests", dependencies: ["Diffusion", "Checkpoints"], path: "Tests/TokenizerTests",
      swiftSettings: swiftSettings),
    tests("Training", "Checkpoints", "Tensors"),
    tests("Metrics", "Checkpoints", "Layers", "Tensors"),
    // Our side of Tests/Benchmarks/run.py
    .executableTarget(
      name: "BenchmarkWorker", dependencies: ["Diffusion", "Checkpoints", "Kernels", "Layers", "Tensors"],
      path: "Tests/Benchmarks/Worker", swiftSettings: swiftSettings),
  ]
)

// Tests/Fuzz/run.sh: an executable whose main function is libFuzzer's, only where it is asked for.
if Context.environment["MOTIONTRANSFER_FUZZ"] != nil {
  package.targets.append(
    .executableTarget(
      name: "Fuzz", dependencies: ["Checkpoints", "Diffusion", "MotionTransfer", "Tensors"], path: "Tests/Fuzz",
      exclude: ["corpus", "run.sh"], swiftSettings: swiftSettings + [.unsafeFlags(["-parse-as-library"])]))
}
