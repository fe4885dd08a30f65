// swift-tools-version: 6.3
// transform-service: jq 1.8 programs over HTTP. Dependencies point one way:
// TransformService -> HTTPKit, Transforms; those two know nothing of each other.

import PackageDescription

let strict: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .strictMemorySafety(),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .unsafeFlags(
        ["-enforce-exclusivity=unchecked", "-Xfrontend", "-function-sections"],
        .when(configuration: .release)),
]

// The evaluator is one recursion that passes closures on (`Evaluator.each`). Specialising it for each
// closure has no end: the optimizer was at 24 GB after 10 minutes when it was stopped.
// Functions that are alike but for what they call would be merged, at the cost of a jump each.
let evaluator: [SwiftSetting] = [
    .unsafeFlags(
        [
            "-Xllvm", "-sil-disable-pass=closure-specialize", "-Xllvm",
            "-swiftmergefunc-threshold=0",
        ], .when(configuration: .release))
]

// Functions that runs use lie next to each other: code that is used takes memory by 64 KiB around.
// Benchmarks/function_order.py writes the list.
let functionOrder = "\(Context.packageDirectory)/Sources/TransformService/function-order.txt"
let linking: [LinkerSetting] = [
    .unsafeFlags(
        [
            "-use-ld=lld", "-Xlinker", "--symbol-ordering-file=\(functionOrder)", "-Xlinker",
            "--no-warn-symbol-ordering",
        ], .when(platforms: [.linux], configuration: .release))
]

let package = Package(
    name: "transform-service",
    products: [
        .executable(name: "transform-service", targets: ["TransformService"])
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    ],
    targets: [
        .target(name: "Transforms", dependencies: ["CGlibc"], swiftSettings: strict + evaluator),
        .target(
            name: "HTTPKit",
            dependencies: ["CGlibc", .product(name: "NIOCore", package: "swift-nio")],
            swiftSettings: strict),
        // C headers that Swift's own Glibc module leaves out: CMalloc, CEpoll, CIntrinsics, CFiles.
        .systemLibrary(name: "CGlibc"),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .executableTarget(
            name: "TransformService",
            dependencies: [
                "HTTPKit", "Transforms", "CGlibc", "CZlib",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            exclude: ["function-order.txt"],
            // The one place that says which version this is.
            resources: [.embedInCode("VERSION")],
            swiftSettings: strict,
            linkerSettings: linking),
        // What both test targets use.
        .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: strict),
        .testTarget(
            name: "TransformsTests",
            dependencies: ["TestSupport", "Transforms"],
            exclude: ["Fixtures"],
            swiftSettings: strict),
        .testTarget(
            name: "ServiceTests",
            dependencies: [
                "TestSupport", "HTTPKit", "Transforms", "TransformService", "CGlibc", "CZlib",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ],
            swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6]
)
