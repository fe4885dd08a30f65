// The container's CPU quota -> how many threads can run at once:
//
//     /proc/self/cgroup                       0::/kubepods/pod1            version 2
//     /sys/fs/cgroup/kubepods/pod1/cpu.max    150000 100000                1.5 CPUs, so 2 threads
//     /sys/fs/cgroup/cpu/cpu.cfs_quota_us     150000                       version 1
//     /sys/fs/cgroup/cpu/cpu.cfs_period_us    100000

enum CPUQuota {
    /// CPUs that this process may use: the smallest quota or its affinity, rounded up.
    /// - Parameter root: a prefix of the system's paths, for tests.
    static func count(root: String = "") -> Int {
        min(quota(root: root) ?? Int.max, affinityCount(root: root))
    }

    /// The number of bits set in `Cpus_allowed: ff,ffffffff`.
    private static func affinityCount(root: String) -> Int {
        let allowed = "Cpus_allowed:"
        guard let status = SystemFile.read(root + "/proc/self/status"),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix(allowed) })
        else { return 1 }
        let count = line.dropFirst(allowed.count).reduce(0) {
            $0 + ($1.hexDigitValue ?? 0).nonzeroBitCount
        }
        return max(1, count)
    }

    static func quota(root: String) -> Int? {
        var smallest: Int?
        for folder in ControlGroup.folders(of: "cpu", root: root) {
            if let count = folder.isVersion2
                ? quotaOfVersion2(folder.path) : quotaOfVersion1(folder.path)
            {
                smallest = min(smallest ?? count, count)
            }
        }
        return smallest
    }

    private static func quotaOfVersion2(_ folder: String) -> Int? {
        guard let text = SystemFile.read(folder + "/cpu.max") else { return nil }
        let numbers = text.split { $0 == " " || $0 == "\n" }.map { Int($0) }
        guard numbers.count == 2 else { return nil }
        return threads(numbers[0], numbers[1])
    }

    private static func quotaOfVersion1(_ folder: String) -> Int? {
        func number(_ name: String) -> Int? {
            SystemFile.read(folder + "/" + name)?.split(separator: "\n").first.flatMap { Int($0) }
        }
        return threads(number("cpu.cfs_quota_us"), number("cpu.cfs_period_us"))
    }

    /// `max` and -1 mean no quota.
    private static func threads(_ quota: Int?, _ period: Int?) -> Int? {
        guard let quota, let period, quota > 0, period > 0 else { return nil }
        return max(1, (quota + period - 1) / period)
    }
}
