// The path of an `import` -> the text of a module's file, as jq looks for it: relative to the
// importing module first, where its metadata says `search`, then in the folders of `-L`.
//
//     import "a/b"      DIR/a/b.jq, DIR/a/b/b.jq        DIR/a/b.json, DIR/a/b/b.json for data

import Glibc
import Transforms

struct FileModules: ModuleSource {
    /// The folders of `-L` as they were given, if any was.
    let listed: [String]?
    /// What the program's own `search` paths are relative to.
    let programFolder: String

    /// The folders of `-L`, or jq's own where there are none: `~` and `$ORIGIN` at the beginning
    /// are the home folder and that of the command's own file. Found when asked for: few programs
    /// have modules.
    var folders: [String] {
        let listed = listed ?? ["~/.jq", "$ORIGIN/../lib/jq", "$ORIGIN/../lib"]
        // Safety: getenv gives null or a string that ends in 0; nothing changes the environment.
        let home = unsafe getenv("HOME").map { unsafe String(cString: $0) }
        let origin = FileModules.folder(of: CommandLine.arguments.first ?? ".")
        return listed.map { folder in
            if folder.hasPrefix("~"), let home { return home + folder.dropFirst() }
            if folder.hasPrefix("$ORIGIN") { return origin + folder.dropFirst("$ORIGIN".count) }
            return folder
        }
    }

    func load(_ path: String, isData: Bool, search: [String], origin: String?) throws(CompileError)
        -> (text: [UInt8], folder: String, name: String)
    {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        if path.isEmpty || path.hasPrefix("/") || parts.contains("..") {
            throw .missingModule("module path must be relative and without ..: \(path)")
        }
        let base = origin ?? programFolder
        let near = search.map { $0.hasPrefix("/") ? $0 : base + "/" + $0 }
        let ending = isData ? ".json" : ".jq"
        for folder in near + folders {
            for candidate in [path + ending, path + "/" + (parts.last ?? "") + ending] {
                let file = folder + "/" + candidate
                guard let text = try? FileBytes.readAll(file) else { continue }
                return (text, FileModules.folder(of: file), file)
            }
        }
        throw .missingModule("module not found: \(path)")
    }

    /// The part in front of the last `/`; `.` where there is none.
    static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
