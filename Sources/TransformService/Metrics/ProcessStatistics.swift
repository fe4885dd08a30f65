// The system's files about this process and its container -> statistics:
//
//     /proc/self/statm               25113 3212 ...           pages: virtual, resident
//     /proc/self/fd                  st_size, or its entries  open descriptors
//     /sys/fs/cgroup/.../cpu.stat    nr_throttled 3           cgroup version 2 and 1
//                                    throttled_usec 120       version 2, microseconds
//                                    throttled_time 120000    version 1, nanoseconds

import Glibc

/// Statistics of one moment; 0 where the system has none.
struct ProcessStatistics: Sendable, Equatable {
    /// The effect of the container's CPU quota.
    struct Group: Sendable, Equatable {
        var periodCount: UInt64 = 0
        var throttledCount: UInt64 = 0
        var throttledNanoseconds: UInt64 = 0
    }

    /// Bound on the entries of `/proc/self/fd` that are counted one by one.
    private static let entryCountMax = 65_536

    var cpuSeconds = 0.0
    var residentBytes = 0
    var virtualBytes = 0
    var descriptorCount = 0
    var descriptorCountMax = 0
    var group: Group?

    /// - Parameter groupFile: the result of `findGroupFile`.
    static func now(groupFile: String?) -> ProcessStatistics {
        var statistics = ProcessStatistics()
        statistics.cpuSeconds = cpuSeconds()
        let pages = SystemFile.read("/proc/self/statm")?.split(separator: " ").prefix(2)
            .compactMap { Int($0) }
        if let pages, pages.count == 2 {
            statistics.virtualBytes = pages[0] * Int(getpagesize())
            statistics.residentBytes = pages[1] * Int(getpagesize())
        }
        statistics.descriptorCount = descriptorCount()
        var limit = rlimit()
        // Safety: the call fills the one value that it is given.
        if unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            statistics.descriptorCountMax = Int(clamping: limit.rlim_cur)
        }
        statistics.group = groupFile.flatMap(SystemFile.read).flatMap(Self.group)
        return statistics
    }

    private static func cpuSeconds() -> Double {
        var usage = rusage()
        // Safety: the call fills the one value that it is given.
        guard unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else { return 0 }
        return Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
            + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1_000_000
    }

    /// Newer kernels give the count as the folder's size; else the entries are counted.
    private static func descriptorCount() -> Int {
        var status = stat()
        // Safety: the call fills the one value; the bridging keeps the path for the call's length.
        if unsafe stat("/proc/self/fd", &status) == 0, status.st_size > 0 {
            return Int(status.st_size)
        }
        // Safety: the folder is open while it is read, and closed once.
        guard let folder = unsafe opendir("/proc/self/fd") else { return 0 }
        defer { unsafe closedir(folder) }
        var count = 0
        while count < entryCountMax, unsafe readdir(folder) != nil { count += 1 }
        // Except `.`, `..` and the descriptor of the folder itself.
        return max(0, count - 3)
    }

    /// Parses the text of `cpu.stat`; nil without a quota.
    static func group(_ text: String) -> Group? {
        var group: Group?
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: " ")
            guard parts.count == 2, let number = UInt64(parts[1]) else { continue }
            var found = group ?? Group()
            switch parts[0] {
            case "nr_periods": found.periodCount = number
            case "nr_throttled": found.throttledCount = number
            case "throttled_usec": found.throttledNanoseconds = number &* 1_000
            case "throttled_time": found.throttledNanoseconds = number
            default: continue
            }
            group = found
        }
        return group
    }

    /// The path of this process' `cpu.stat`.
    /// - Parameter root: a prefix of the system's paths, for tests.
    static func findGroupFile(root: String = "") -> String? {
        ControlGroup.folders(of: "cpu", root: root).map { $0.path + "/cpu.stat" }
            .first { SystemFile.read($0).flatMap(Self.group) != nil }
    }
}
