// A folder -> its relevant files, with their stamps. Hidden entries are skipped; symbolic links are
// followed if they stay inside. So it can read a Kubernetes ConfigMap:
//
//     DIR/..2026_11_22/totals.jq          hidden
//     DIR/..data -> ..2026_11_22          hidden; swapped when the ConfigMap changes
//     DIR/totals.jq -> ..data/totals.jq   the file `totals.jq`

import Glibc

/// Identifies a state of a file.
struct FileStamp: Sendable, Equatable {
    var device: UInt64
    var inode: UInt64
    var byteCount: Int
    var modifiedSeconds: Int
    var modifiedNanoseconds: Int
    var changedSeconds: Int
    var changedNanoseconds: Int

    init(_ status: stat) {
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        byteCount = Int(status.st_size)
        modifiedSeconds = Int(status.st_mtim.tv_sec)
        modifiedNanoseconds = Int(status.st_mtim.tv_nsec)
        changedSeconds = Int(status.st_ctim.tv_sec)
        changedNanoseconds = Int(status.st_ctim.tv_nsec)
    }
}

/// The `.jq` and `.json` files of a folder. Equal listings have equal texts.
struct FolderListing: Sendable, Equatable {
    /// Bounds of a folder.
    static let entryCountMax = 100_000
    static let fileCountMax = 10_000
    static let depthMax = 8
    static let nameBytesMax = 255

    struct File: Sendable, Equatable {
        /// The file's real path, without links.
        var path: String
        var stamp: FileStamp
    }

    /// The folder's real path, without links.
    private(set) var root = ""
    /// By the path relative to the folder: `lib/time.jq`.
    private(set) var files: [String: File] = [:]
    private(set) var faults: [LoadFault] = []
    private var entryCount = 0

    /// - Complexity: O(entries), a system call or two for each.
    init(_ folder: String) {
        guard let resolved = SystemFile.realPath(folder) else {
            faults.append(LoadFault(path: "", errorCode: errno))
            return
        }
        guard let status = Self.status(resolved), status.st_mode & S_IFMT == S_IFDIR else {
            faults.append(LoadFault(path: "", message: "is not a folder"))
            return
        }
        root = resolved
        scan("", resolved, [FileStamp(status).inode])
    }

    /// - Parameters:
    ///   - path: of the folder relative to the root, with a slash at its end; empty for the root.
    ///   - ancestors: the inodes of the folder and of those that contain it.
    private mutating func scan(_ path: String, _ folder: String, _ ancestors: [UInt64]) {
        guard let names = Self.names(in: folder) else {
            faults.append(LoadFault(path: path, errorCode: errno))
            return
        }
        for name in names.sorted() where !name.hasPrefix(".") {
            entryCount += 1
            if entryCount > Self.entryCountMax || files.count >= Self.fileCountMax {
                let isFirst = faults.last?.message.hasPrefix("more than") != true
                if isFirst {
                    let message =
                        "more than \(Self.fileCountMax) files or \(Self.entryCountMax) "
                        + "entries"
                    faults.append(LoadFault(path: "", message: message))
                }
                return
            }
            visit(path + name, folder + "/" + name, ancestors)
        }
    }

    private mutating func visit(_ path: String, _ fullPath: String, _ ancestors: [UInt64]) {
        let isText = path.hasSuffix(".jq") || path.hasSuffix(".json")
        guard let resolved = SystemFile.realPath(fullPath),
            let status = Self.status(resolved)
        else {
            let code = errno
            // Other files may be broken.
            guard isText else { return }
            faults.append(
                LoadFault(path: path, message: "can't be followed: ", errorCode: code))
            return
        }
        let isFolder = status.st_mode & S_IFMT == S_IFDIR
        guard isFolder || isText else { return }
        guard resolved.hasPrefix(root == "/" ? "/" : root + "/") || resolved == root else {
            faults.append(LoadFault(path: path, message: "leads out of the folder"))
            return
        }
        let stamp = FileStamp(status)
        if isFolder {
            if ancestors.contains(stamp.inode) {
                faults.append(LoadFault(path: path, message: "leads back to a folder around it"))
            } else if ancestors.count > Self.depthMax {
                let message = "is more than \(Self.depthMax) folders deep"
                faults.append(LoadFault(path: path, message: message))
            } else {
                scan(path + "/", resolved, ancestors + [stamp.inode])
            }
        } else if status.st_mode & S_IFMT != S_IFREG {
            faults.append(LoadFault(path: path, message: "is not a regular file"))
        } else if path.hasSuffix(".jq") && !Self.isValid(path) {
            faults.append(
                LoadFault(
                    path: path,
                    message: "the name is not of letters, digits, `-`, `_` and `.`, "
                        + "\(Self.nameBytesMax) bytes at most"))
        } else {
            files[path] = File(path: resolved, stamp: stamp)
        }
    }

    /// Whether the name is allowed: ASCII letters, digits and `-_.`, folders with `/`.
    static func isValid(_ path: String) -> Bool {
        path.utf8.count <= nameBytesMax
            && path.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
                    UInt8(ascii: "."), UInt8(ascii: "/"):
                    true
                default: false
                }
            }
    }

    // MARK: The system's calls

    private static func status(_ path: String) -> stat? {
        var status = stat()
        // Safety: the call fills the structure that it is given.
        return unsafe stat(path, &status) == 0 ? status : nil
    }

    private static func names(in folder: String) -> [String]? {
        guard let stream = unsafe opendir(folder) else { return nil }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        // Safety: an entry is valid until the next call; its name ends in zero and is copied.
        while names.count <= entryCountMax, let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) {
                    unsafe String(cString: $0)
                }
            }
            names.append(name)
        }
        return names
    }
}
