// The container's CPU quota -> how many threads can run at once:
//
//     /proc/self/cgroup                       0::/kubepods/pod1            version 2
//     /sys/fs/cgroup/kubepods/pod1/cpu.max    150000 100000                1.5 CPUs, so 2 threads
//     /sys/fs/cgroup/cpu/cpu.cfs_quota_us     150000                       version 1
//     /sys/fs/cgroup/cpu/cpu.cfs_period_us    100000

import Glibc

enum CPUQuota {
    private static let fileBytesMax = 64 * 1024

    /// CPUs that this process may use: the smallest of quotas and its affinity, rounded up.
    /// - Parameter root: what stands before the system's paths, in tests.
    static func count(root: String = "") -> Int {
        min(quota(root: root) ?? Int.max, affinityCount(root: root))
    }

    /// The bits of the mask in `Cpus_allowed: ff,ffffffff`.
    private static func affinityCount(root: String) -> Int {
        let allowed = "Cpus_allowed:"
        guard let status = read(root + "/proc/self/status"),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix(allowed) })
        else { return 1 }
        let count = line.dropFirst(allowed.count).reduce(0) {
            $0 + ($1.hexDigitValue ?? 0).nonzeroBitCount
        }
        return max(1, count)
    }

    static func quota(root: String) -> Int? {
        guard let groups = read(root + "/proc/self/cgroup") else { return nil }
        var smallest: Int?
        for line in groups.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            let isSecond = parts[1].isEmpty
            guard isSecond || parts[1].split(separator: ",").contains("cpu") else { continue }
            let base = root + "/sys/fs/cgroup" + (isSecond ? "" : "/cpu")
            // A limit of a group above holds too. Inside a container the path may lead nowhere,
            // and the base is the container's own group.
            var path = parts[2].split(separator: "/").map(String.init)
            while true {
                let folder = ([base] + path).joined(separator: "/")
                if let count = isSecond ? second(folder) : first(folder) {
                    smallest = min(smallest ?? count, count)
                }
                if path.isEmpty { break }
                path.removeLast()
            }
        }
        return smallest
    }

    private static func second(_ folder: String) -> Int? {
        guard let text = read(folder + "/cpu.max") else { return nil }
        let numbers = text.split { $0 == " " || $0 == "\n" }.map { Int($0) }
        guard numbers.count == 2 else { return nil }
        return threads(numbers[0], numbers[1])
    }

    private static func first(_ folder: String) -> Int? {
        func number(_ name: String) -> Int? {
            read(folder + "/" + name)?.split(separator: "\n").first.flatMap { Int($0) }
        }
        return threads(number("cpu.cfs_quota_us"), number("cpu.cfs_period_us"))
    }

    /// `max` and -1 stand for no quota.
    private static func threads(_ quota: Int?, _ period: Int?) -> Int? {
        guard let quota, let period, quota > 0, period > 0 else { return nil }
        return max(1, (quota + period - 1) / period)
    }

    private static func read(_ path: String) -> String? {
        // Safety: the bridging keeps the path for the call's length.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: fileBytesMax)
        // Safety: the array is as long as the count that is passed.
        let count = unsafe bytes.withUnsafeMutableBytes {
            unsafe Glibc.read(descriptor, $0.baseAddress, $0.count)
        }
        return count < 0 ? nil : String(decoding: bytes[..<count], as: UTF8.self)
    }
}
