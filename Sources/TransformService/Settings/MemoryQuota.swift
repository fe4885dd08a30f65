// The container's memory limit -> the bound on the memory of all requests together.

import Glibc

enum MemoryQuota {
    /// Version 1 uses a number of this size for no limit.
    private static let unlimitedBytes = 1 << 60

    /// Seven eighths of the container's limit, which also covers the kernel's memory for it;
    /// without a limit, half of the machine's memory.
    /// - Parameter root: a prefix of the system's paths, for tests.
    static func byteCount(root: String = "") -> Int {
        if let limit = limit(root: root) { return limit / 8 * 7 }
        return sysconf(Int32(_SC_PHYS_PAGES)) / 2 * sysconf(Int32(_SC_PAGESIZE))
    }

    /// The smallest limit of the container and its ancestor groups; nil for none.
    static func limit(root: String) -> Int? {
        var smallest: Int?
        for folder in ControlGroup.folders(of: "memory", root: root) {
            let name = folder.isVersion2 ? "/memory.max" : "/memory.limit_in_bytes"
            guard let text = SystemFile.read(folder.path + name),
                let limit = text.split(separator: "\n").first.flatMap({ Int($0) }),
                limit < unlimitedBytes
            else { continue }
            smallest = min(smallest ?? limit, limit)
        }
        return smallest
    }
}
