// The process's control groups -> the folders of their limits:
//
//     /proc/self/cgroup                       0::/kubepods/pod1            version 2
//     /sys/fs/cgroup/kubepods/pod1/cpu.max
//     /sys/fs/cgroup/memory/pod1/memory.limit_in_bytes                     version 1
//
// The limit of an ancestor group applies too. Inside a container the path may not exist; then the
// base is the container's own group.

enum ControlGroup {
    struct Folder {
        var path: String
        /// Whether it is a group of version 2.
        var isVersion2: Bool
    }

    /// The folders of a controller's groups, from the process's own up to the root.
    /// - Parameter root: a prefix of the system's paths, for tests.
    static func folders(of controller: String, root: String) -> [Folder] {
        guard let groups = SystemFile.read(root + "/proc/self/cgroup") else { return [] }
        var folders: [Folder] = []
        for line in groups.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            let isVersion2 = parts[1].isEmpty
            guard isVersion2 || parts[1].split(separator: ",").contains(Substring(controller))
            else {
                continue
            }
            let base = root + "/sys/fs/cgroup" + (isVersion2 ? "" : "/" + controller)
            var path = parts[2].split(separator: "/").map(String.init)
            while true {
                let folder = ([base] + path).joined(separator: "/")
                folders.append(Folder(path: folder, isVersion2: isVersion2))
                if path.isEmpty { break }
                path.removeLast()
            }
        }
        return folders
    }
}
