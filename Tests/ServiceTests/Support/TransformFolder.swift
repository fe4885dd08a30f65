// Names and texts -> a folder on disk for a test, removed after it.

import Glibc

@testable import TransformService

/// A folder in /tmp.
final class TransformFolder: Sendable {
    let path: String

    init(_ files: [String: String] = [:]) {
        var template = Array("/tmp/transforms-test-XXXXXX\u{0}".utf8.map { CChar($0) })
        // Safety: the template ends in zero and is filled in place.
        _ = unsafe mkdtemp(&template)
        path = String(decoding: template.dropLast().map { UInt8($0) }, as: UTF8.self)
        for (name, text) in files { write(name, text) }
    }

    deinit { _ = Command.run(["rm", "-rf", path]) }

    /// Writes a file, and the folders around it. It appears complete: it is renamed once written.
    func write(_ name: String, _ text: String) {
        var folder = path
        for part in name.split(separator: "/").dropLast() {
            folder += "/" + part
            unsafe mkdir(folder, 0o755)
        }
        let file = path + "/" + name
        let descriptor = unsafe open(file + ".new", O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        let bytes = Array(text.utf8)
        // Safety: the array is as long as the count that is passed.
        _ = unsafe bytes.withUnsafeBytes {
            unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
        }
        close(descriptor)
        unsafe rename(file + ".new", file)
    }

    func remove(_ name: String) { unsafe unlink(path + "/" + name) }

    func link(_ name: String, to target: String) { unsafe symlink(target, path + "/" + name) }

    /// Points a link to another target atomically, as Kubernetes does.
    func swap(_ name: String, to target: String) {
        unsafe symlink(target, path + "/.swap")
        unsafe rename(path + "/.swap", path + "/" + name)
    }

    /// A ConfigMap's layout: `..data` leads to a version, each file through `..data`.
    func mount(_ names: [String], version: String) {
        link("..data", to: version)
        for name in names { link(name, to: "..data/" + name) }
    }
}
