// The path of an `import` -> the text of a module's file, as jq finds it: in the folders of the
// import's `search` metadata, relative to the importing module; without it, in the current folder
// and those of `-L`.
//
//     import "a/b"      DIR/a/b.jq, DIR/a/b/jq/main.jq, DIR/a/b/b.jq; `.json` for data

import Glibc
import Transforms

struct FileModules: ModuleSource {
    /// The folders of `-L` as given; nil without that option.
    let listed: [String]?
    /// The base of relative `search` paths in the program itself.
    let programFolder: String

    /// The value of `get_search_list`.
    var searchList: [String] {
        listed?.map { SystemFile.realPath($0) ?? $0 } ?? FileModules.standard
    }

    private static let standard = ["~/.jq", "$ORIGIN/../lib/jq", "$ORIGIN/../lib"]

    // Safety: getenv gives null or a string that ends in 0; nothing changes the environment.
    private static var homeFolder: String? {
        unsafe getenv("HOME").map { unsafe String(cString: $0) }
    }

    /// The file `~/.jq`. A folder of that name is searched for modules.
    var home: (text: [UInt8], folder: String, name: String)? {
        guard let folder = FileModules.homeFolder,
            let text = try? FileBytes.readAll(folder + "/.jq")
        else { return nil }
        return (text, folder, folder + "/.jq")
    }

    func load(_ path: String, isData: Bool, search: [String]?, origin: String?)
        throws(CompileError) -> (text: [UInt8], folder: String, name: String)
    {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        if path.contains("\0") { throw .missingModule("Module path contains a NUL byte") }
        if path.contains("\\") {
            throw .missingModule(
                "Modules must be named by relative paths using '/', not '\\' (\(path))")
        }
        for (index, part) in parts.enumerated() {
            if part == ".." {
                throw .missingModule(
                    "Relative paths to modules may not traverse to parent directories (\(path))")
            }
            if index > 0 && part == parts[index - 1] {
                throw .missingModule(
                    "module names must not have equal consecutive components: \(path)")
            }
        }
        let base = origin ?? programFolder
        let ending = isData ? ".json" : ".jq"
        for folder in search ?? ["."] + (listed ?? FileModules.standard) {
            let folder = FileModules.expanded(folder, from: search == nil ? nil : base)
            for name in [path, path + "/jq/main", path + "/" + (parts.last ?? "")] {
                let file = folder + "/" + name + ending
                guard let text = try? FileBytes.readAll(file) else { continue }
                let real = SystemFile.realPath(file) ?? file
                return (text, FileModules.folder(of: real), real)
            }
        }
        throw .missingModule("module not found: \(path)")
    }

    /// `~` and `$ORIGIN` at the beginning mean the home folder and that of the executable; `.` is
    /// the current folder.
    /// - Parameter base: of other paths; nil: the current folder.
    private static func expanded(_ path: String, from base: String?) -> String {
        if path == "." { return path }
        if path.hasPrefix("~/"), let home = homeFolder { return home + path.dropFirst() }
        if path.hasPrefix("$ORIGIN/") {
            let origin = folder(of: CommandLine.arguments.first ?? ".")
            return origin + path.dropFirst("$ORIGIN".count)
        }
        guard let base, !path.hasPrefix("/") else { return path }
        return base + "/" + path
    }

    /// The part before the last `/`; `.` without one.
    static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
