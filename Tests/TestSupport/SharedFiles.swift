// Files as bytes and as text: those of the checkout, and of the suites and data beside it.

import Glibc

package enum SharedFiles {
    /// The package's root folder.
    package static let root: String = {
        let parts = #filePath.split(separator: "/").dropLast(3)
        return "/" + parts.joined(separator: "/")
    }()

    /// `$SHARED_DIR`, or `shared` beside the package.
    package static var folder: String {
        if let set = unsafe getenv("SHARED_DIR") { return unsafe String(cString: set) }
        return root + "/../shared"
    }

    /// The folder of JSONTestSuite's texts, and whether it is there.
    package static var jsonTestSuite: String { folder + "/suites/json/test_parsing" }
    package static var hasJSONTestSuite: Bool { !names(in: jsonTestSuite).isEmpty }

    /// A file of our own cases; empty where it is missing: tests expect a number of cases.
    package static func fixture(_ name: String) -> String {
        text(root + "/Tests/TransformsTests/Fixtures/" + name) ?? ""
    }

    /// The names in a folder, sorted; none where there is no such folder.
    package static func names(in folder: String) -> [String] {
        guard let stream = unsafe opendir(folder) else { return [] }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
                unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) {
                    unsafe String(cString: $0)
                }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// All files under a folder that end in `ending`, as paths below it.
    package static func files(
        under folder: String, ending: String, below: String = ""
    ) -> [String] {
        names(in: folder).flatMap { name -> [String] in
            if name.hasPrefix(".") { return [] }
            if name.hasSuffix(ending) { return [below + name] }
            return files(under: folder + "/" + name, ending: ending, below: below + name + "/")
        }
    }

    package static func read(_ path: String) -> [UInt8]? {
        guard let file = unsafe fopen(path, "r") else { return nil }
        defer { unsafe fclose(file) }
        var all: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = unsafe fread(&part, 1, part.count, file)
            if count == 0 { return all }
            all.append(contentsOf: part[..<count])
        }
    }

    package static func text(_ path: String) -> String? {
        read(path).map { String(decoding: $0, as: UTF8.self) }
    }
}
