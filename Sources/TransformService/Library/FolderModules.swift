// The path of an `import` in a transform -> a module's text, from the transforms folder only:
//
//     import "lib/time" as time;                  lib/time.jq, lib/time/time.jq
//     import "time" as time {search: "../lib"};   relative to the importing file's folder
//
// Paths are looked up in the folder's listing, never in the file system, so none leads outside.

import Glibc
import Synchronization
import Transforms

/// Reads the texts of a listing, each once.
final class FolderTexts: Sendable {
    static let programBytesMax = 256 << 10
    static let dataBytesMax = 16 << 20
    /// Bound on all texts of one load.
    static let bytesMax = 128 << 20

    private struct State {
        var texts: [String: [UInt8]] = [:]
        var byteCount = 0
    }

    let listing: FolderListing
    private let state = Mutex(State())

    init(_ listing: FolderListing) { self.listing = listing }

    /// - Parameter path: a key of the listing.
    func text(_ path: String) throws(LoadFault) -> [UInt8] {
        if let known = state.withLock({ $0.texts[path] }) { return known }
        guard let file = listing.files[path] else {
            throw LoadFault(path: path, message: "is not there")
        }
        let bytesMax = path.hasSuffix(".json") ? Self.dataBytesMax : Self.programBytesMax
        guard file.stamp.byteCount <= bytesMax else {
            throw LoadFault(
                path: path,
                message: "has \(file.stamp.byteCount) bytes; \(bytesMax) are allowed")
        }
        guard let text = Self.read(file.path, bytesMax) else {
            throw LoadFault(path: path, message: "can't be read: ", errorCode: errno)
        }
        let isFull = state.withLock { state in
            state.texts[path] = text
            state.byteCount += text.count
            return state.byteCount > Self.bytesMax
        }
        if isFull {
            throw LoadFault(
                path: path, message: "the texts have more than \(Self.bytesMax >> 20) MiB together")
        }
        return text
    }

    /// At most `bytesMax` bytes and one more.
    private static func read(_ path: String, _ bytesMax: Int) -> [UInt8]? {
        // A path that has become a link or a pipe since it was listed is refused.
        // Safety: the bridging keeps the path for the call's length.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        return SystemFile.readAll(descriptor, bytesMax: bytesMax)
    }
}

/// The modules of one program; records which ones are loaded.
final class FolderModules: ModuleSource {
    private let texts: FolderTexts
    /// The folder of the program's own file, relative to the root; empty for the root.
    private let programFolder: String
    private let loaded = Mutex<[String: [UInt8]]>([:])

    init(_ texts: FolderTexts, program path: String) {
        self.texts = texts
        programFolder = Self.folder(of: path)
    }

    /// Path relative to the folder -> text, of all loaded modules.
    var loadedTexts: [String: [UInt8]] { loaded.withLock { $0 } }

    func load(_ path: String, isData: Bool, search: [String]?, origin: String?)
        throws(CompileError) -> (text: [UInt8], folder: String, name: String)
    {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard !path.isEmpty, !path.hasPrefix("/"), !parts.contains("..") else {
            throw .missingModule("module path must be relative and without ..: \(path)")
        }
        let ending = isData ? ".json" : ".jq"
        let near = (search ?? []).compactMap { Self.joined(origin ?? programFolder, $0) }
        for folder in near + [""] {
            for candidate in [path + ending, path + "/" + (parts.last ?? "") + ending] {
                guard let file = Self.joined(folder, candidate), texts.listing.files[file] != nil
                else { continue }
                do throws(LoadFault) {
                    let text = try texts.text(file)
                    loaded.withLock { $0[file] = text }
                    return (text, Self.folder(of: file), file)
                } catch {
                    throw .missingModule(error.description)
                }
            }
        }
        throw .missingModule("module not found in the transforms folder: \(path)\(ending)")
    }

    /// `a/b` and `../c` -> `a/c`; nil if the path leads outside the folder.
    static func joined(_ folder: String, _ path: String) -> String? {
        guard !path.hasPrefix("/") else { return nil }
        var parts: [Substring] = []
        for part in folder.split(separator: "/") + path.split(separator: "/") where part != "." {
            if part == ".." {
                guard parts.popLast() != nil else { return nil }
            } else {
                parts.append(part)
            }
        }
        return parts.joined(separator: "/")
    }

    private static func folder(of path: String) -> String {
        path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
    }
}
