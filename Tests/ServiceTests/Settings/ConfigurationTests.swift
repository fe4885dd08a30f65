// Flags and environment variables -> settings; the list of settings; quotas of CPU and memory.

import HTTPKit
import Testing

@testable import TransformService

struct ConfigurationTests {
    @Test func hasDefaults() throws {
        let settings = try Configuration(flags: [:], environment: [:], cpuCount: 3)
        var expected = Configuration()
        expected.workerCount = 3
        expected.loopCount = 3
        #expect(settings == expected)
    }

    @Test func takesFlagsBeforeVariables() throws {
        let environment = ["TRANSFORM_TIMEOUT_MS": "7", "TRANSFORM_BODY_MIB": "3"]
        let settings = try Configuration(
            flags: ["timeout-ms": "9"], environment: environment, cpuCount: 1)
        #expect(settings.timeoutNanoseconds == 9_000_000)
        #expect(settings.bodyBytesMax == 3 << 20)
    }

    @Test func refusesWhatIsOutOfRange() {
        for setting in Setting.all {
            guard let range = setting.range else { continue }
            let (low, high) = (range.lowerBound, range.upperBound)
            for text in ["\(low)", "\(high)"] {
                #expect(throws: Never.self) {
                    try Configuration(
                        flags: [setting.name: text], environment: [:], cpuCount: 1)
                }
            }
            for text in ["\(low - 1)", "\(high + 1)", "x", "1.5", " 1"] {
                let environment = [Setting.variable(setting.name): text]
                #expect(throws: ConfigurationError.self, "\(setting.name) \(text)") {
                    try Configuration(flags: [:], environment: environment, cpuCount: 1)
                }
            }
        }
    }

    @Test(arguments: [
        ("log-level", "loud"), ("log-format", "xml"), ("lenient", "yes"), ("transforms", ""),
        ("unix", ""), ("unix", "/" + String(repeating: "a", count: 107)),
    ])
    func refusesWrongValues(_ name: String, _ text: String) {
        #expect(throws: ConfigurationError.self) {
            try Configuration(flags: [name: text], environment: [:], cpuCount: 1)
        }
    }
}

/// The list of settings, compared with `Configuration`.
struct SettingTests {
    @Test func namesAreUnique() {
        #expect(Set(Setting.all.map(\.name)).count == Setting.all.count)
    }

    /// A number's default lies within its bounds, and is what an empty configuration has.
    @Test func defaultsAreValues() throws {
        for setting in Setting.all {
            guard let usual = setting.defaultText, let number = Int(usual) else { continue }
            #expect(setting.range?.contains(number) == true, "\(setting.name)")
            var settings = Configuration()
            #expect(setting.set(&settings, usual))
            #expect(settings == Configuration(), "\(setting.name)")
        }
    }

    @Test func everySettingChangesSomething() throws {
        for setting in Setting.all {
            let texts =
                setting.range.map { ["\($0.lowerBound)", "\($0.upperBound)"] }
                ?? ["true", "error", "json", "/x"]
            let isChanged = texts.contains { text in
                var settings = Configuration()
                return setting.set(&settings, text) && settings != Configuration()
            }
            #expect(isChanged, "\(setting.name)")
        }
    }

    @Test func variablesTurnSwitchesOff() throws {
        for (text, isLenient) in [("true", true), ("1", true), ("false", false), ("0", false)] {
            let settings = try Configuration(
                flags: [:],
                environment: ["TRANSFORM_LENIENT": text, "TRANSFORM_NO_INLINE_PROGRAMS": text],
                cpuCount: 1)
            #expect(settings.isLenient == isLenient)
            #expect(settings.servesInlinePrograms == !isLenient)
        }
    }

    @Test func unixBeforeHostAndPort() throws {
        let settings = try Configuration(
            flags: ["unix": "/tmp/a", "port": "1"], environment: ["TRANSFORM_HOST": "b"],
            cpuCount: 1)
        #expect(settings.address == .unix(path: "/tmp/a"))
    }
}

/// Quotas and limits, read from a folder with the files of `/proc` and `/sys`.
struct CPUQuotaTests {
    private static func withFiles(_ files: [String: String], _ body: (String) -> Void) {
        let folder = TransformFolder(files)
        withExtendedLifetime(folder) { body(folder.path) }
    }

    @Test(
        arguments: [
            (
                [
                    "/proc/self/cgroup": "0::/a/b\n",
                    "/sys/fs/cgroup/a/b/cpu.max": "150000 100000\n",
                ], 2
            ),
            (["/proc/self/cgroup": "0::/a/b\n", "/sys/fs/cgroup/cpu.max": "50000 100000\n"], 1),
            (["/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": "max 100000\n"], nil),
            (
                [
                    "/proc/self/cgroup": "4:cpu,cpuacct:/x\n",
                    "/sys/fs/cgroup/cpu/x/cpu.cfs_quota_us": "300000\n",
                    "/sys/fs/cgroup/cpu/x/cpu.cfs_period_us": "100000\n",
                ], 3
            ),
            (
                [
                    "/proc/self/cgroup": "4:cpu,cpuacct:/x\n",
                    "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                    "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
                ], nil
            ),
            ([:], nil),
        ] as [([String: String], Int?)])
    func readsQuotas(_ files: [String: String], _ expected: Int?) {
        Self.withFiles(files) { #expect(CPUQuota.quota(root: $0) == expected) }
    }

    @Test(
        arguments: [
            (
                [
                    "/proc/self/cgroup": "0::/a/b\n", "/sys/fs/cgroup/a/memory.max": "1000\n",
                    "/sys/fs/cgroup/a/b/memory.max": "max\n",
                ], 1_000
            ),
            (
                [
                    "/proc/self/cgroup": "3:memory:/x\n",
                    "/sys/fs/cgroup/memory/x/memory.limit_in_bytes": "4096\n",
                    "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
                ], 4_096
            ),
            (["/proc/self/cgroup": "3:memory:/x\n"], nil),
            ([:], nil),
        ] as [([String: String], Int?)])
    func readsMemoryLimits(_ files: [String: String], _ expected: Int?) {
        Self.withFiles(files) {
            #expect(MemoryQuota.limit(root: $0) == expected)
            if let expected { #expect(MemoryQuota.byteCount(root: $0) == expected / 8 * 7) }
        }
        #expect(MemoryQuota.byteCount() > 0)
    }

    @Test func countsAllowedCPUs() {
        let status = "Name:\tx\nCpus_allowed:\tf,0000000f\nCpus_allowed_list:\t0\n"
        let files = ["/proc/self/status": status]
        Self.withFiles(files) { #expect(CPUQuota.count(root: $0) == 8) }
        #expect(CPUQuota.count() >= 1)
    }
}
