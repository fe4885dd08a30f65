// A fault of a file of the transforms folder -> a line for people:
//
//     order-totals.jq:3:5: foo/0 is not defined

import Glibc
import Transforms

struct LoadFault: Error, Sendable, Equatable, CustomStringConvertible {
    /// Relative to the folder; empty for the folder itself.
    var path: String
    var line: Int?
    var column: Int?
    var message: String
    /// The line, and under it a caret.
    var excerpt: String?

    init(path: String, message: String) {
        self.path = path
        self.message = message
    }

    /// - Parameter errorCode: of the failed system call.
    init(path: String, message: String = "", errorCode: Int32) {
        self.init(path: path, message: message + Process.message(ofSystemError: errorCode))
    }

    /// - Parameter offset: in the file's text.
    init(path: String, text: [UInt8], offset: Int, message: String) {
        let location = ProgramLocation(offset: offset, in: text)
        self.path = path
        self.message = message
        line = location.line
        column = location.column
        excerpt = location.excerpt
    }

    var description: String { shown(in: "") }

    /// - Parameter folder: prefix of the path.
    func shown(in folder: String) -> String {
        var shown = folder.isEmpty || path.isEmpty ? folder + path : folder + "/" + path
        if shown.isEmpty { shown = "the transforms folder" }
        if let line, let column { shown += ":\(line):\(column)" }
        return shown + ": " + message
    }
}
